// D3: pre-copy sizes are honest.
#include <algorithm>
#include <fmt/format.h>

#include "firmware/core/image.h"
#include "firmware/interface/tables.hpp"
#include "host_driver/migration/record.hpp"
#include "testbench/checkers/rule_factories.hpp"
#include "testbench/checkers/saving_sessions.hpp"

namespace vfsim::bench {
namespace {

using driver::MigState;
using driver::RecordHeader;
using model::FnRef;
using model::Ps;

constexpr std::uint32_t kFirstObject = 0x0010;  // record types below are the function's own

/// Bytes of an increment in which nothing is new but what changes without the function's own work:
/// header and end of the image, its record header in the stream, and the records of the function as
/// a whole (identity, page list head, sets, event list head, port counters; its capabilities not).
constexpr std::uint64_t idle_increment() {
  std::uint64_t bytes = RecordHeader::kBytes + FW_IMAGE_HEADER + FW_IMAGE_TRAILER;
  for (const contract::ImageRow& row : contract::kImageRecords) {
    const contract::LayoutRow* layout = contract::find_layout(row.layout);
    if (row.type < kFirstObject && row.name != "CAPS" && layout != nullptr) {
      bytes += std::uint64_t{row.count} * (FW_IMAGE_HEAD + layout->bytes);
    }
  }
  return bytes;
}

/// Each VFIO_MIG_GET_PRECOPY_INFO that succeeds:
///   initial_bytes is not larger than at the call before in this session, unless the device's
///   incremental QUERY told migration_state INIT and the call says reinit
///   initial_bytes + dirty_bytes covers what is saved and unread, and behind the initial data also
///   what the QUERY of this call announced
/// and when the function does nothing and is told nothing from the call in PRE_COPY to its final
/// image: what the stream gives from the call to its end is at most initial_bytes + dirty_bytes
/// plus the declared error. Declared error: one increment of an idle function (idle_increment());
/// while initial data is unread also the announced increment, which the driver leaves out then; in
/// chunk mode what remains behind the next chunk, of which alone the driver tells. In PRE_COPY_P2P
/// the driver asks the device nothing, and the last comparison is not made.
class D3 final : public Rule {
 public:
  explicit D3(const RuleInputs& inputs)
      : context_(inputs.context),
        view_(inputs.view),
        sessions_(inputs.context, inputs.view),
        asked_(kFunctionIndices) {}

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this, {model::Probe::driver, model::Probe::command});
  }

  void vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to, int error) override {
    (void)t;
    sessions_.vfio_state(who, from, to, error);
    if (is_nic(context_, who) && !sessions_.of(who).open) {
      asked_[function_index(who)] = {};
    }
  }
  void device_reset(Ps t, FnRef who, std::uint32_t now, int error) override {
    (void)t, (void)now, (void)error;
    sessions_.device_reset(who);
    if (is_nic(context_, who)) {
      asked_[function_index(who)] = {};
    }
  }
  void stream(Ps t, const model::StreamView& view) override { (void)t, sessions_.stream(view); }

  void command_submitted(Ps t, const model::CommandView& view) override {
    (void)t;
    sessions_.command_submitted(view);
    FnRef who;
    if (sessions_.function_of(view, who)) {
      Asked& asked = asked_[function_index(who)];
      if (view.opcode == VF_OP_SAVE_VHCA_STATE) {
        asked.idle &= asked.activity == view_.activity(who);  // the last one is the final SAVE
      } else {
        asked.owed_at_query = sessions_.of(who).unread();
      }
    }
  }

  void command_completed(Ps t, const model::CommandView& view) override {
    sessions_.command_completed(view);
    FnRef who;
    if (!sessions_.function_of(view, who) || view.delivery != VF_DELIVERY_OK ||
        view.status != VF_STATUS_OK) {
      return;
    }
    if (view.opcode == VF_OP_SAVE_VHCA_STATE) {
      judge_total(t, who);
      return;
    }
    Asked& asked = asked_[function_index(who)];
    asked.queried = true;
    asked.announced = VF_GET(query_vhca_migration_state_out, view.out, required_umem_size);
    const std::uint64_t total =
        VF_GET(query_vhca_migration_state_out, view.out, remaining_total_size);
    asked.behind = total > asked.announced ? total - asked.announced : 0;
    asked.init = VF_GET(query_vhca_migration_state_out, view.out, migration_state) ==
                 VF_MIGRATION_STATE_INIT;
  }

  void image_saved(Ps t, FnRef who, const ImageView& image) override {
    sessions_.image_saved(t, who, image);
  }

  void precopy_info(Ps t, const model::PrecopyView& view) override {
    if (view.error != 0 || !is_nic(context_, view.who)) {
      return;
    }
    evaluated();
    Asked& asked = asked_[function_index(view.who)];
    judge_initial(t, view, asked);
    judge_estimate(t, view, asked);
    const SavingSession& session = sessions_.of(view.who);
    asked.known = true;
    asked.initial = view.initial_bytes;
    asked.estimate = view.initial_bytes + view.dirty_bytes;
    asked.left_out = view.initial_bytes != 0 && !view.reinit ? announced(asked) : 0;
    asked.left_out += asked.queried ? asked.behind : 0;
    asked.read = session.read;
    asked.idle = session.state == MigState::pre_copy && asked.queried;
    asked.activity = view_.activity(view.who);
    asked.queried = false;
  }

 private:
  /// The last call of a session, and the last incremental QUERY.
  struct Asked {
    bool known = false;
    std::uint64_t initial = 0, estimate = 0;
    std::uint64_t left_out = 0;  // announced, and not in the estimate
    std::uint64_t read = 0;      // stream bytes at the call
    bool idle = false;           // the function has done nothing since
    std::uint64_t activity = 0;  // FunctionView::activity at the call
    bool queried = false;        // since the call before
    bool init = false;           // the QUERY told migration_state INIT
    std::uint64_t announced = 0;
    std::uint64_t behind = 0;         // chunk mode: what remains behind the announced chunk
    std::uint64_t owed_at_query = 0;  // saved and unread when the QUERY was submitted
  };

  static std::uint64_t announced(const Asked& asked) { return asked.queried ? asked.announced : 0; }

  void judge_initial(Ps t, const model::PrecopyView& view, const Asked& asked) {
    if (view.reinit && !(asked.queried && asked.init)) {
      violate(t, view.who, "REINIT is told when the device's QUERY says so",
              "REINIT without migration_state INIT");
    } else if (!view.reinit && asked.known && view.initial_bytes > asked.initial) {
      violate(t, view.who,
              fmt::format("initial_bytes of {} never grows without REINIT", asked.initial),
              fmt::format("initial_bytes {}", view.initial_bytes));
    }
  }

  void judge_estimate(Ps t, const model::PrecopyView& view, const Asked& asked) {
    const SavingSession& session = sessions_.of(view.who);
    // What was saved before the QUERY the driver had taken up: it waits for the running SAVE.
    const std::uint64_t told = session.unread(t, sessions_.grace());
    const std::uint64_t unread =
        asked.queried ? std::max(told, std::min(asked.owed_at_query, session.unread())) : told;
    const bool initial_phase = view.initial_bytes != 0 && !view.reinit;
    const std::uint64_t least = unread + (initial_phase ? 0 : announced(asked));
    if (view.initial_bytes + view.dirty_bytes < least) {
      violate(t, view.who,
              fmt::format("initial_bytes + dirty_bytes is at least {}: {} saved and unread, {} "
                          "announced by QUERY",
                          least, unread, least - unread),
              fmt::format("{} + {}", view.initial_bytes, view.dirty_bytes));
    }
  }

  /// At a successful SAVE: is it the one that ends an undisturbed session?
  void judge_total(Ps t, FnRef who) {
    Asked& asked = asked_[function_index(who)];
    const SavingSession& session = sessions_.of(who);
    if (!asked.known || !asked.idle || session.state != MigState::stop_copy || session.more) {
      return;
    }
    evaluated();
    asked.idle = false;
    const std::uint64_t yields = session.saved - std::min(session.saved, asked.read);
    const std::uint64_t most = asked.estimate + asked.left_out + idle_increment();
    if (yields > most) {
      violate(t, who,
              fmt::format("an idle function yields at most the {} bytes that were told, and {} of "
                          "declared error",
                          asked.estimate, most - asked.estimate),
              fmt::format("{} bytes from the call to the end", yields));
    }
  }

  const CheckContext& context_;
  FunctionView& view_;
  SavingSessions sessions_;
  std::vector<Asked> asked_;  // by function
};

}  // namespace

std::unique_ptr<Rule> make_rule_D3(const RuleInputs& inputs) {
  return std::make_unique<D3>(inputs);
}

}  // namespace vfsim::bench
