// I1: a VF reaches its own memory only, through its own keys and queues.
#include <fmt/format.h>

#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Ps;

/// Three questions.
///   memory   every access that took place lies in memory granted to the function;
///   own      a VF's write goes to a queue, key, firmware page or command output of its own;
///   key      a send or receive that completes without error used only keys of its function, inside
///   their bounds and
///            with the right (asked when the completion entry lands: the work request is still in
///            its ring then).
/// `own` says nothing while the function has a key for its whole domain; `key` always does.
class I1 final : public Rule {
 public:
  explicit I1(const RuleInputs& inputs)
      : context_(inputs.context),
        commands_(inputs.commands),
        view_(inputs.view),
        sent_before_reset_(kFunctionIndices) {}

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this, {model::Probe::tlp_landed, model::Probe::function_reset});
  }

  void function_reset(Ps, FnRef who) override {
    if (is_nic(context_, who)) {
      sent_before_reset_[function_index(who)] = view_.writes_in_flight(who);
    }
  }

  void tlp_landed(Ps t, std::uint8_t host, const model::Tlp& tlp, const std::uint8_t* payload,
                  bool ok) override {
    const std::uint32_t fn = function_of(context_, tlp.requester);
    if (fn >= context_.functions || tlp.interrupt) {
      return;
    }
    const FnRef who{host, static_cast<std::uint8_t>(fn)};
    const bool write = tlp.kind == model::TlpKind::mem_write;
    const bool old = write && was_sent_before_reset(who);
    if (!ok) {
      return;
    }
    evaluated();
    const RangeSet& granted = view_.granted(who);
    if (!granted.empty() && !granted.contains(tlp.phys, tlp.bytes)) {
      violate(t, who, "DMA stays in the memory granted to the function",
              fmt::format("{} of {} bytes at {:#x} (physical {:#x})", write ? "write" : "read",
                          tlp.bytes, tlp.addr, tlp.phys));
    }
    if (write && fn != 0 && !old) {
      judge_write(t, who, tlp, payload);
    }
  }

 private:
  /// What was on the link when its function was reset lands all the same; its queue or key is gone.
  bool was_sent_before_reset(FnRef who) {
    std::uint64_t& left = sent_before_reset_[function_index(who)];
    return left != 0 && left-- != 0;
  }

  void judge_write(Ps t, FnRef who, const model::Tlp& tlp, const std::uint8_t* payload) {
    if (!view_.anywhere(who) && !view_.writable(who).contains(tlp.addr, tlp.bytes) &&
        !commands_.in_queue_page(who, tlp.addr) &&
        !commands_.owns_output(who, tlp.addr, tlp.bytes)) {
      violate(t, who, "a write goes to a queue, key or command output of the function",
              fmt::format("write of {} bytes at {:#x}", tlp.bytes, tlp.addr));
    }
    if (payload != nullptr && tlp.bytes == VF_BYTES(cqe) && tlp.addr % VF_BYTES(cqe) == 0 &&
        view_.completion_rings(who).contains(tlp.addr, tlp.bytes)) {
      judge_completion(t, who, payload);
    }
  }

  void judge_completion(Ps t, FnRef who, const std::uint8_t* cqe) {
    const auto number = static_cast<std::uint32_t>(VF_GET(cqe, cqe, qpn));
    const auto index = static_cast<std::uint32_t>(VF_GET(cqe, cqe, wqe_counter));
    const FunctionObjects& objects = view_.objects(who);
    const std::uint64_t opcode = VF_GET(cqe, cqe, opcode);
    if (opcode == VF_CQE_REQ) {
      const auto queue = objects.sq.find(number);
      if (queue != objects.sq.end()) {
        judge_send(t, who, queue->second, index);
      }
    } else if (opcode == VF_CQE_RESP_SEND) {
      const auto queue = objects.rq.find(number);
      if (queue != objects.rq.end()) {
        judge_receive(t, who, queue->second, index);
      }
    }
  }

  /// 16 bytes of a ring, or nothing to judge.
  [[nodiscard]] bool segment(FnRef who, const WorkQueueView& queue, std::uint64_t offset,
                             std::uint8_t* to) const {
    const std::uint64_t bytes = 1ULL << (queue.log_size + queue.log_stride);
    const auto address = queue.ring.address(offset & (bytes - 1));
    return address && read_bus(context_, who, *address, to, VF_BYTES(wqe_data));
  }

  void judge_send(Ps t, FnRef who, const WorkQueueView& queue, std::uint32_t index) {
    const std::uint64_t start = static_cast<std::uint64_t>(index) << queue.log_stride;
    std::uint8_t ctrl[VF_BYTES(wqe_ctrl)];
    std::uint8_t eth[VF_BYTES(wqe_eth)];
    if (!segment(who, queue, start, ctrl) || !segment(who, queue, start + sizeof ctrl, eth)) {
      return;
    }
    const std::uint64_t opcode = VF_GET(wqe_ctrl, ctrl, opcode);
    if (opcode != VF_WQE_SEND && opcode != VF_WQE_LSO) {
      return;
    }
    const std::uint64_t header = VF_GET(wqe_eth, eth, inline_hdr_size);
    const std::uint64_t behind =
        header > 2 ? (header - 2 + 15) / 16 : 0;  // two header bytes are in the segment itself
    const std::uint64_t first = 2 + behind;
    for (std::uint64_t unit = first; unit < VF_GET(wqe_ctrl, ctrl, ds); ++unit) {
      judge_segment(t, who, queue, start + unit * VF_BYTES(wqe_data), false);
    }
  }

  void judge_receive(Ps t, FnRef who, const WorkQueueView& queue, std::uint32_t index) {
    const std::uint64_t start = static_cast<std::uint64_t>(index) << queue.log_stride;
    for (std::uint64_t at = 0; at < 1ULL << queue.log_stride; at += VF_BYTES(wqe_data)) {
      judge_segment(t, who, queue, start + at, true);
    }
  }

  void judge_segment(Ps t, FnRef who, const WorkQueueView& queue, std::uint64_t offset,
                     bool write) {
    std::uint8_t data[VF_BYTES(wqe_data)];
    if (!view_.objects(who).known || !segment(who, queue, offset, data) ||
        VF_GET(wqe_data, data, byte_count) == 0) {
      return;
    }
    const auto lkey = static_cast<std::uint32_t>(VF_GET(wqe_data, data, lkey));
    const std::uint64_t start = VF_GET(wqe_data, data, addr);
    const std::uint64_t bytes = VF_GET(wqe_data, data, byte_count);
    const KeyView* key = view_.objects(who).key(lkey);
    const bool right = key != nullptr && (write ? key->local_write : key->local_read);
    const bool inside = key != nullptr &&
                        (key->whole || (start >= key->start && start - key->start <= key->length &&
                                        bytes <= key->length - (start - key->start)));
    evaluated();
    if (!right || !inside) {
      violate(t, who,
              "a work request that completes well used keys of its function, with the right, "
              "inside their bounds",
              fmt::format("key {:#x}, {} bytes at {:#x}: {}", lkey, bytes, start,
                          key == nullptr ? "no such key"
                          : right        ? "outside its bounds"
                                         : "without the right"));
    }
  }

  const CheckContext& context_;
  CommandMonitor& commands_;
  FunctionView& view_;
  std::vector<std::uint64_t> sent_before_reset_;  // writes that have not landed, by function
};

}  // namespace

std::unique_ptr<Rule> make_rule_I1(const RuleInputs& inputs) {
  return std::make_unique<I1>(inputs);
}

}  // namespace vfsim::bench
