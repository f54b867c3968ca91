// S1: SAVE writes only inside its key, and no more than was announced.
#include <algorithm>
#include <fmt/format.h>

#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Ps;

/// A SAVE between its submission and its completion.
struct ActiveSave {
  std::uint8_t slot = 0;
  KeyView key;
  std::uint64_t first = 0;  // offset in the key
  std::uint64_t limit = 0;  // bytes
};

/// Answer of the last QUERY_VHCA_MIGRATION_STATE for a function.
struct Announced {
  bool valid = false;
  bool incremental = false;
  std::uint64_t bytes = 0;
};

/// Every memory write of the PF must go to a place that some object of it names: command outputs,
/// event and completion rings, receive buffers of its queue pairs, firmware pages, or the buffer of
/// a running SAVE within the SAVE's limit. (Through a key of all memory, as a PF with an Ethernet
/// interface has it, buffers are where the entries of its receive rings say.) The limit is the
/// `size` of the command; for the image of a stopped function also the announced size, rounded up
/// to pages as drivers allocate it (a running function may grow after the announcement). In chunk
/// mode the announced size is what remains in all: the required size is the least that a chunk
/// needs, and a larger buffer gets a larger chunk.
class S1 final : public Rule {
 public:
  explicit S1(const RuleInputs& inputs)
      : context_(inputs.context), commands_(inputs.commands), view_(inputs.view) {
    announced_.resize(kFunctionIndices);
  }

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this, {model::Probe::command, model::Probe::function_reset});
    view_.pf().subscribe(*this, {model::Probe::tlp_landed});
  }

  void command_submitted(Ps t, const model::CommandView& view) override {
    (void)t;
    if (view.opcode != VF_OP_SAVE_VHCA_STATE || view.in_bytes < VF_BYTES(save_vhca_state_in)) {
      return;
    }
    const auto mkey = static_cast<std::uint32_t>(VF_GET(save_vhca_state_in, view.in, mkey));
    state_keys_[view.who.host].push_back(mkey >> 8);
    const KeyView* key = view_.objects(view.who).key(mkey);
    if (key == nullptr) {
      return;  // the command will fail; what it writes belongs nowhere
    }
    ActiveSave save;
    save.slot = view.slot;
    save.key = *key;
    save.first = VF_GET(save_vhca_state_in, view.in, va) - key->start;
    save.limit = limit_of(view);
    saves_[view.who.host].push_back(std::move(save));
  }

  void command_completed(Ps t, const model::CommandView& view) override {
    (void)t;
    const bool ok = view.delivery == VF_DELIVERY_OK && view.status == VF_STATUS_OK;
    auto& saves = saves_[view.who.host];
    if (view.opcode == VF_OP_SAVE_VHCA_STATE) {
      const auto same = [&](const ActiveSave& save) { return save.slot == view.slot; };
      saves.erase(std::remove_if(saves.begin(), saves.end(), same), saves.end());
    }
    if (ok) {
      learn(view);
    }
  }

  void tlp_landed(Ps t, std::uint8_t host, const model::Tlp& tlp, const std::uint8_t* payload,
                  bool ok) override {
    (void)payload;
    const FnRef pf{host, 0};
    bool in_state_key = false;
    for (const ActiveSave& save : saves_[host]) {
      const auto offset = save.key.pages.offset_of(tlp.addr);
      if (!offset) {
        continue;
      }
      in_state_key = true;
      if (*offset >= save.first && *offset + tlp.bytes <= save.first + save.limit) {
        evaluated();
        return;
      }
    }
    if (!saves_[host].empty()) {
      evaluated();
    }
    if (in_state_key || !belongs(pf, tlp)) {
      violate(t, pf,
              in_state_key ? "SAVE writes at most the size it was given and announced"
                           : "a PF write goes to memory that an object or a running SAVE names",
              fmt::format("write of {} bytes at {:#x}{}", tlp.bytes, tlp.addr,
                          ok ? "" : " (refused by the host)"));
    }
  }

  void function_reset(Ps t, FnRef who) override {
    (void)t;
    if (is_nic(context_, who) && who.fn == 0) {
      saves_[who.host].clear();
    }
  }

 private:
  [[nodiscard]] std::uint64_t limit_of(const model::CommandView& view) const {
    const std::uint64_t size = VF_GET(save_vhca_state_in, view.in, size);
    FnRef who;
    if (VF_GET(save_vhca_state_in, view.in, set_track) != 0 ||
        !view_.function_of_vhca(
            view.who.host, static_cast<std::uint32_t>(VF_GET(save_vhca_state_in, view.in, vhca_id)),
            who)) {
      return size;
    }
    const Announced& announced = announced_[function_index(who)];
    if (!announced.valid ||
        announced.incremental != (VF_GET(save_vhca_state_in, view.in, incremental) != 0)) {
      return size;
    }
    return std::min(size, (announced.bytes + VF_PAGE_BYTES - 1) &
                              ~static_cast<std::uint64_t>(VF_PAGE_BYTES - 1));
  }

  void learn(const model::CommandView& view) {
    FnRef who;
    if (view.opcode == VF_OP_QUERY_VHCA_MIGRATION_STATE &&
        view_.function_of_vhca(
            view.who.host,
            static_cast<std::uint32_t>(VF_GET(query_vhca_migration_state_in, view.in, vhca_id)),
            who)) {
      const bool chunk = VF_GET(query_vhca_migration_state_in, view.in, chunk) != 0;
      announced_[function_index(who)] = {
          true, VF_GET(query_vhca_migration_state_in, view.in, incremental) != 0,
          chunk ? VF_GET(query_vhca_migration_state_out, view.out, remaining_total_size)
                : VF_GET(query_vhca_migration_state_out, view.out, required_umem_size)};
    } else if (view.opcode == VF_OP_SAVE_VHCA_STATE &&
               view_.function_of_vhca(
                   view.who.host,
                   static_cast<std::uint32_t>(VF_GET(save_vhca_state_in, view.in, vhca_id)), who)) {
      // Chunk mode: the next chunk is asked for as an increment, and is not larger than the whole.
      const std::uint64_t next = VF_GET(save_vhca_state_out, view.out, next_required_umem_size);
      Announced& announced = announced_[function_index(who)];
      announced = {next != 0, true, std::max(next, announced.bytes)};
    } else if (view.opcode == VF_OP_LOAD_VHCA_STATE) {
      state_keys_[view.who.host].push_back(
          static_cast<std::uint32_t>(VF_GET(load_vhca_state_in, view.in, mkey)) >> 8);
    } else if (view.opcode == VF_OP_DESTROY_MKEY) {
      auto& keys = state_keys_[view.who.host];
      const auto index = static_cast<std::uint32_t>(VF_GET(destroy_mkey_in, view.in, mkey_index));
      keys.erase(std::remove(keys.begin(), keys.end(), index), keys.end());
    }
  }

  [[nodiscard]] bool belongs(FnRef pf, const model::Tlp& tlp) const {
    const FunctionObjects& objects = view_.objects(pf);
    if (commands_.in_queue_page(pf, tlp.addr) || commands_.owns_output(pf, tlp.addr, tlp.bytes) ||
        !objects.known) {
      return true;
    }
    const auto in = [&](const PageList& list) { return list.offset_of(tlp.addr).has_value(); };
    const auto ring = [&](const auto& entry) { return in(entry.second.ring); };
    if (std::any_of(objects.eq.begin(), objects.eq.end(), ring) ||
        std::any_of(objects.cq.begin(), objects.cq.end(), ring)) {
      return true;
    }
    const auto given = [&](std::uint64_t page) { return tlp.addr - page < VF_PAGE_BYTES; };
    if (std::any_of(objects.given_pages.begin(), objects.given_pages.end(), given)) {
      return true;
    }
    const auto& state_keys = state_keys_[pf.host];
    const auto state_key = [&](std::uint32_t index) {
      return std::find(state_keys.begin(), state_keys.end(), index) != state_keys.end();
    };
    for (const auto& [index, key] : objects.keys) {
      if (!key.physical && in(key.pages)) {
        return key.local_write && !state_key(index) &&
               (buffers(pf, objects, tlp) || receives(pf, objects, index));
      }
    }
    return buffers(pf, objects, tlp);
  }

  /// Whether the write lies in a buffer that an entry of a receive ring names.
  [[nodiscard]] bool buffers(FnRef pf, const FunctionObjects& objects, const model::Tlp& tlp) const {
    return std::any_of(objects.rq.begin(), objects.rq.end(), [&](const auto& entry) {
      std::uint8_t counter[4];
      return read_bus(context_, pf, entry.second.dbr, counter, sizeof counter) &&
             vf_be32_load(counter) != 0 && in_ring(pf, objects, entry.second, tlp);
    });
  }

  /// Frames come in the order of the entries: the search goes on from where the last one ended.
  [[nodiscard]] bool in_ring(FnRef pf, const FunctionObjects& objects, const WorkQueueView& queue,
                             const model::Tlp& tlp) const {
    const std::uint64_t mask = (1ULL << queue.log_size) - 1;
    std::uint64_t& entry = last_buffer_[pf.host];
    for (std::uint64_t tried = 0; tried <= mask; ++tried, ++entry) {
      if (in_entry(pf, objects, queue, entry & mask, tlp)) {
        return true;
      }
    }
    return false;
  }

  [[nodiscard]] bool in_entry(FnRef pf, const FunctionObjects& objects, const WorkQueueView& queue,
                              std::uint64_t entry, const model::Tlp& tlp) const {
    std::uint8_t segment[VF_BYTES(wqe_data)];
    for (std::uint64_t at = 0; at < 1ULL << queue.log_stride; at += sizeof segment) {
      const auto address = queue.ring.address((entry << queue.log_stride) + at);
      if (!address || !read_bus(context_, pf, *address, segment, sizeof segment)) {
        return false;
      }
      const std::uint64_t offset = tlp.addr - VF_GET(wqe_data, segment, addr);
      const KeyView* key = objects.key(static_cast<std::uint32_t>(VF_GET(wqe_data, segment, lkey)));
      if (key != nullptr && key->local_write &&
          offset + tlp.bytes <= VF_GET(wqe_data, segment, byte_count) && offset + tlp.bytes > offset) {
        return true;
      }
    }
    return false;
  }

  /// Whether some receive ring of the PF's queue pairs has posted buffers of this key.
  [[nodiscard]] bool receives(FnRef pf, const FunctionObjects& objects, std::uint32_t index) const {
    const auto posted = [&](const auto& entry) {
      const auto address = entry.second.ring.address(0);
      std::uint8_t segment[VF_BYTES(wqe_data)];
      return address && read_bus(context_, pf, *address, segment, sizeof segment) &&
             VF_GET(wqe_data, segment, lkey) >> 8 == index;
    };
    return std::any_of(objects.qp.begin(), objects.qp.end(), posted);
  }

  const CheckContext& context_;
  CommandMonitor& commands_;
  FunctionView& view_;
  std::array<std::vector<ActiveSave>, kHosts> saves_;
  std::array<std::vector<std::uint32_t>, kHosts> state_keys_;  // key indices that SAVE or LOAD used
  std::vector<Announced> announced_;                           // by function
  mutable std::array<std::uint64_t, kHosts> last_buffer_{};    // entry of a receive ring
};

}  // namespace

std::unique_ptr<Rule> make_rule_S1(const RuleInputs& inputs) {
  return std::make_unique<S1>(inputs);
}

}  // namespace vfsim::bench
