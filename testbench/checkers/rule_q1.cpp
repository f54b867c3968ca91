// Q1: a VF whose initiator half is quiesced starts no DMA.
#include <fmt/format.h>

#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

class Q1 final : public Rule {
 public:
  explicit Q1(const RuleInputs& inputs) : context_(inputs.context), view_(inputs.view) {}

  void subscribe(model::ProbeBus& bus) override {
    (void)bus;
    view_.quiet().subscribe(*this, {model::Probe::tlp_sent});
  }

  /// A quiet function emits nothing, so the quiesce itself is what is judged first.
  void quiesced(model::Ps t, model::FnRef who, Half half) override {
    (void)t, (void)who;
    if (half == Half::initiator) {
      evaluated();
    }
  }

  void tlp_sent(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                const std::uint8_t* payload) override {
    (void)payload;
    const bool read = tlp.kind == model::TlpKind::mem_read;
    const std::uint32_t fn = function_of(context_, tlp.requester);
    if ((!read && tlp.kind != model::TlpKind::mem_write) || fn >= context_.functions) {
      return;
    }
    const model::FnRef who{host, static_cast<std::uint8_t>(fn)};
    if (!view_.run(who).initiator_stopped) {
      return;
    }
    evaluated();
    if (!tlp.interrupt) {
      violate(t, who, "no memory request between the initiator acknowledgement and its resume",
              fmt::format("memory {} of {} bytes at {:#x}", read ? "read" : "write", tlp.bytes,
                          tlp.addr));
    }
  }

 private:
  const CheckContext& context_;
  FunctionView& view_;
};

}  // namespace

std::unique_ptr<Rule> make_rule_Q1(const RuleInputs& inputs) {
  return std::make_unique<Q1>(inputs);
}

}  // namespace vfsim::bench
