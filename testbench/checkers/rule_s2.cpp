// S2: a stopped VF does not change while its image is read.
#include <fmt/format.h>

#include "testbench/checkers/digest_watch.hpp"
#include "testbench/checkers/image_compare.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Ps;

class S2 final : public Rule {
 public:
  explicit S2(const RuleInputs& inputs)
      : context_(inputs.context), view_(inputs.view), digest_(inputs.context) {
    full_.resize(kFunctionIndices);
  }

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this, {model::Probe::function_reset});
  }

  void quiesced(Ps t, FnRef who, Half half) override {
    (void)t;
    if (half == Half::responder) {
      digest_.enter(who);
      full_[function_index(who)].clear();
    }
  }

  void image_saved(Ps t, FnRef who, const ImageView& image) override {
    if (!view_.run(who).responder_stopped) {
      return;
    }
    judge_digest(t, who, "after SAVE");
    if (image.incremental) {
      return;
    }
    std::vector<std::uint8_t>& before = full_[function_index(who)];
    if (!before.empty()) {
      evaluated();
      const ImageView old{before.data(), before.size(), false, false};
      if (const std::string difference = image_difference(old, image); !difference.empty()) {
        violate(t, who, "two full images of one stop are equal", difference);
      }
    }
    before.assign(image.bytes, image.bytes + image.count);
  }

  void resuming(Ps t, FnRef who, Half half) override {
    if (half == Half::responder) {
      judge_digest(t, who, "at the exit from STOP");
    }
  }
  void resumed(Ps t, FnRef who, Half half) override {
    (void)t;
    if (half == Half::responder) {
      digest_.drop(who);
    }
  }

  void image_loading(Ps t, FnRef who) override { (void)t, forget(who); }
  void function_reset(Ps t, FnRef who) override {
    (void)t;
    if (is_nic(context_, who)) {
      forget(who);
    }
  }

 private:
  void forget(FnRef who) {
    digest_.drop(who);
    full_[function_index(who)].clear();
  }

  void judge_digest(Ps t, FnRef who, const char* when) {
    if (!digest_.watched(who)) {
      return;
    }
    evaluated();
    const std::uint64_t now = digest_.now(who);
    if (now != digest_.entry(who)) {
      violate(t, who,
              fmt::format("state digest {:#018x} as at the entry to STOP", digest_.entry(who)),
              fmt::format("{:#018x} {}", now, when));
    }
  }

  const CheckContext& context_;
  FunctionView& view_;
  DigestWatch digest_;
  std::vector<std::vector<std::uint8_t>> full_;  // last full image of this stop, by function
};

}  // namespace

std::unique_ptr<Rule> make_rule_S2(const RuleInputs& inputs) {
  return std::make_unique<S2>(inputs);
}

}  // namespace vfsim::bench
