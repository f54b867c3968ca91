// Q4: a stopped responder does nothing and changes nothing; its registers read as 0.
#include <algorithm>
#include <fmt/format.h>

#include "testbench/checkers/digest_watch.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Ps;

constexpr std::uint64_t kMsixFirst = VF_BAR_MSIX_TABLE;  // table and pending bits stay accessible
constexpr std::uint64_t kMsixLast = VF_BAR_MSIX_PBA + 0x7ff;

class Q4 final : public Rule {
 public:
  explicit Q4(const RuleInputs& inputs)
      : context_(inputs.context), view_(inputs.view), digest_(inputs.context) {}

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this, {model::Probe::access, model::Probe::function_reset});
    view_.quiet().subscribe(*this, {model::Probe::tlp_sent});
  }

  void quiesced(Ps t, FnRef who, Half half) override {
    (void)t;
    if (half == Half::responder) {
      evaluated();
      digest_.enter(who);
    }
  }

  void resuming(Ps t, FnRef who, Half half) override {
    if (half == Half::responder && digest_.watched(who)) {
      evaluated();
      if (digest_.now(who) != digest_.entry(who)) {
        violate(t, who,
                fmt::format("state digest {:#018x} as at the responder acknowledgement",
                            digest_.entry(who)),
                fmt::format("{:#018x} at resume", digest_.now(who)));
      }
    }
  }
  void resumed(Ps t, FnRef who, Half half) override {
    (void)t;
    if (half == Half::responder) {
      digest_.drop(who);
    }
  }

  void image_loading(Ps t, FnRef who) override { (void)t, digest_.drop(who); }
  void function_reset(Ps t, FnRef who) override {
    (void)t;
    if (is_nic(context_, who)) {
      digest_.drop(who);
    }
  }

  void tlp_sent(Ps t, std::uint8_t host, const model::Tlp& tlp,
                const std::uint8_t* payload) override {
    const bool answer = tlp.kind == model::TlpKind::completion;
    const FnRef who{host, static_cast<std::uint8_t>(
                              function_of(context_, answer ? tlp.completer : tlp.requester))};
    if (!is_nic(context_, who) || !view_.run(who).responder_stopped) {
      return;
    }
    evaluated();
    if (!answer) {
      violate(
          t, who, "no DMA and no interrupt after the responder acknowledgement",
          fmt::format("{} of {} bytes at {:#x}",
                      tlp.interrupt ? "interrupt message" : "memory request", tlp.bytes, tlp.addr));
    } else if (tlp.status != model::CplStatus::successful) {
      violate(t, who, "requests are completed without error in STOP",
              fmt::format("completion status {}", static_cast<int>(tlp.status)));
    } else if (payload != nullptr && tlp.requester != model::kCpuRid &&
               !std::all_of(payload, payload + tlp.bytes,
                            [](std::uint8_t byte) { return byte == 0; })) {
      violate(t, who, "a peer's read returns 0 in STOP",
              fmt::format("{} bytes that are not 0", tlp.bytes));
    }
  }

  void access(Ps t, const model::AccessView& view) override {
    if (view.write || !is_nic(context_, view.who) || !settled(t, view.who)) {
      return;
    }
    evaluated();
    if (view.status != model::CplStatus::successful) {
      violate(t, view.who,
              view.config ? "configuration space stays accessible in STOP"
                          : "MMIO reads succeed in STOP",
              fmt::format("read at {:#x} failed", view.offset));
    } else if (!view.config && view.value != 0 &&
               (view.offset < kMsixFirst || view.offset > kMsixLast)) {
      violate(t, view.who, "MMIO reads return 0 in STOP",
              fmt::format("read at {:#x} gave {:#x}", view.offset, view.value));
    }
  }

 private:
  /// Long enough in STOP that an answer which was on its way at the acknowledgement has arrived.
  [[nodiscard]] bool settled(Ps t, FnRef who) const {
    const RunState& run = view_.run(who);
    return run.responder_stopped && t - run.responder_at > context_.mmio_grace;
  }

  const CheckContext& context_;
  FunctionView& view_;
  DigestWatch digest_;
};

}  // namespace

std::unique_ptr<Rule> make_rule_Q4(const RuleInputs& inputs) {
  return std::make_unique<Q4>(inputs);
}

}  // namespace vfsim::bench
