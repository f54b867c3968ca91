// D1: no page that a VF wrote is missing in the report.
#include <fmt/format.h>
#include <map>

#include "testbench/checkers/page_bitmap.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Ps;

/// A page tracker of a VF. A write that landed before the report command was submitted is due in
/// this report. A write that lands while the report runs may be in this one; if it is not, it is
/// due in the next.
struct Tracker {
  FnRef who;
  PageBitmap written;  // since it became due
  PageBitmap due;
};

class D1 final : public Rule {
 public:
  explicit D1(const RuleInputs& inputs)
      : context_(inputs.context), view_(inputs.view), by_function_(kFunctionIndices) {}

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this, {model::Probe::tlp_landed, model::Probe::command, model::Probe::driver,
                          model::Probe::function_reset});
  }

  void tlp_landed(Ps t, std::uint8_t host, const model::Tlp& tlp, const std::uint8_t* payload,
                  bool ok) override {
    (void)t, (void)payload;
    const std::uint32_t fn = function_of(context_, tlp.requester);
    if (tlp.kind != model::TlpKind::mem_write || fn >= context_.functions) {
      return;
    }
    Tracker* tracker = by_function_[function_index({host, static_cast<std::uint8_t>(fn)})];
    if (tracker != nullptr && ok && !tlp.interrupt) {
      tracker->written.mark(tlp.addr);
    }
  }

  void command_submitted(Ps t, const model::CommandView& view) override {
    (void)t;
    if (view.opcode != VF_OP_MODIFY_GENERAL_OBJECT ||
        view.in_bytes < VF_BYTES(modify_page_track_obj_in) ||
        VF_GET(modify_page_track_obj_in, view.in, obj_context_state) != VF_PAGE_TRACK_REPORTING) {
      return;
    }
    Tracker* tracker = find(
        view.who.host, static_cast<std::uint32_t>(VF_GET(general_obj_in_cmd_hdr, view.in, obj_id)));
    if (tracker == nullptr) {
      return;
    }
    const std::uint64_t start =
        VF_GET(modify_page_track_obj_in, view.in, obj_context_range_start_address);
    const std::uint64_t length = VF_GET(modify_page_track_obj_in, view.in, obj_context_length);
    move_to_due(*tracker, start, length);
  }

  void command_completed(Ps t, const model::CommandView& view) override {
    (void)t;
    if (view.delivery != VF_DELIVERY_OK || view.status != VF_STATUS_OK) {
      return;
    }
    if (view.opcode == VF_OP_CREATE_GENERAL_OBJECT &&
        view.in_bytes >= VF_BYTES(create_page_track_obj_in) &&
        VF_GET(create_page_track_obj_in, view.in, general_obj_in_cmd_hdr_obj_type) ==
            VF_OBJ_TYPE_PAGE_TRACK) {
      create(view);
    } else if (view.opcode == VF_OP_DESTROY_GENERAL_OBJECT) {
      destroy(view.who.host,
              static_cast<std::uint32_t>(VF_GET(general_obj_in_cmd_hdr, view.in, obj_id)));
    }
  }

  void dirty_report(Ps t, FnRef who, const std::uint64_t* pages, std::size_t count) override {
    Tracker* tracker = is_nic(context_, who) ? by_function_[function_index(who)] : nullptr;
    if (tracker == nullptr) {
      return;
    }
    evaluated();
    for (std::size_t i = 0; i < count; ++i) {
      const bool was_due = tracker->due.take(pages[i]);
      const bool just_written = tracker->written.take(pages[i]);
      over_reported_ += was_due || just_written ? 0 : 1;
    }
    std::vector<std::uint64_t> missed;
    tracker->due.each(0, ~0ULL, [&](std::uint64_t page) { missed.push_back(page); });
    for (const std::uint64_t page : missed) {
      violate(t, who, "a page written before the report is in it",
              fmt::format("page {:#x} is missing", page));
      (void)tracker->due.take(page);
    }
  }

  /// A reset of the PF ends its trackers; one of the VF does not.
  void function_reset(Ps t, FnRef who) override {
    (void)t;
    if (is_nic(context_, who) && who.fn == 0) {
      while (!trackers_[who.host].empty()) {
        destroy(who.host, trackers_[who.host].begin()->first);
      }
    }
  }

  [[nodiscard]] std::uint64_t remarks() const override { return over_reported_; }

 private:
  Tracker* find(std::uint8_t host, std::uint32_t object) {
    const auto found = trackers_[host].find(object);
    return found == trackers_[host].end() ? nullptr : &found->second;
  }

  void create(const model::CommandView& view) {
    Tracker tracker;
    if (!view_.function_of_vhca(view.who.host,
                                static_cast<std::uint32_t>(
                                    VF_GET(create_page_track_obj_in, view.in, obj_context_vhca_id)),
                                tracker.who)) {
      return;
    }
    const auto log_page = static_cast<std::uint32_t>(
        VF_GET(create_page_track_obj_in, view.in, obj_context_log_page_size));
    tracker.written = PageBitmap(log_page);
    const std::uint64_t ranges = VF_GET(create_page_track_obj_in, view.in, obj_context_num_ranges);
    const std::size_t list =
        VF_OFF(create_page_track_obj_in, obj_context_track_range_0_start_address) / 8;
    for (std::uint64_t i = 0;
         i < ranges && list + (i + 1) * VF_BYTES(page_track_range) <= view.in_bytes; ++i) {
      const std::uint8_t* range = view.in + list + i * VF_BYTES(page_track_range);
      tracker.written.add_range(VF_GET(page_track_range, range, start_address),
                                VF_GET(page_track_range, range, length));
    }
    tracker.due = tracker.written;
    const auto object =
        static_cast<std::uint32_t>(VF_GET(general_obj_out_cmd_hdr, view.out, obj_id));
    Tracker& stored = trackers_[view.who.host][object] = std::move(tracker);
    by_function_[function_index(stored.who)] = &stored;
  }

  void destroy(std::uint8_t host, std::uint32_t object) {
    if (Tracker* tracker = find(host, object)) {
      by_function_[function_index(tracker->who)] = nullptr;
      trackers_[host].erase(object);
    }
  }

  static void move_to_due(Tracker& tracker, std::uint64_t start, std::uint64_t length) {
    std::vector<std::uint64_t> pages;
    tracker.written.each(start, length, [&](std::uint64_t page) { pages.push_back(page); });
    for (const std::uint64_t page : pages) {
      (void)tracker.written.take(page);
      tracker.due.mark(page);
    }
  }

  const CheckContext& context_;
  FunctionView& view_;
  std::array<std::map<std::uint32_t, Tracker>, kHosts> trackers_;  // by object number
  std::vector<Tracker*> by_function_;
  std::uint64_t over_reported_ = 0;
};

}  // namespace

std::unique_ptr<Rule> make_rule_D1(const RuleInputs& inputs) {
  return std::make_unique<D1>(inputs);
}

}  // namespace vfsim::bench
