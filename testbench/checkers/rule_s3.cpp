// S3: SAVE, LOAD, SAVE gives the first image again.
#include <fmt/format.h>

#include "testbench/checkers/image_compare.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Ps;

/// Pairs come in two ways. Given: RuleSet::add_identity(). Observed: a full SAVE of a stopped
/// function, a LOAD that links another function to it, and a full SAVE there before it runs again.
/// (The images that were loaded may be a base and increments: the stopped source's full image says
/// the same.)
class S3 final : public Rule {
 public:
  explicit S3(const RuleInputs& inputs)
      : context_(inputs.context), view_(inputs.view), full_(kFunctionIndices) {
    expected_.resize(kFunctionIndices);
  }

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this, {model::Probe::function_reset});
  }

  void image_pair(Ps t, FnRef who, const ImageView& first, const ImageView& second) override {
    evaluated();
    if (first.count == 0 || second.count == 0) {
      violate(t, who, "both images can be read",
              fmt::format("{} and {} bytes", first.count, second.count));
    } else if (const std::string difference = image_difference(first, second);
               !difference.empty()) {
      violate(t, who, "the image saved after LOAD equals the loaded one", difference);
    }
  }

  void image_saved(Ps t, FnRef who, const ImageView& image) override {
    const std::uint32_t index = function_index(who);
    if (image.incremental || image.set_track || !view_.run(who).responder_stopped) {
      return;
    }
    full_[index].assign(image.bytes, image.bytes + image.count);
    if (!expected_[index].empty()) {
      const ImageView first{expected_[index].data(), expected_[index].size(), false, false};
      image_pair(t, who, first, image);
    }
  }

  void image_loaded(Ps t, FnRef from, FnRef to) override {
    (void)t;
    expected_[function_index(to)] = full_[function_index(from)];
  }

  /// It may change from here on.
  void resumed(Ps t, FnRef who, Half half) override {
    (void)t;
    if (half == Half::responder) {
      forget(who);
    }
  }
  void quiesced(Ps t, FnRef who, Half half) override { resumed(t, who, half); }
  void function_reset(Ps t, FnRef who) override {
    (void)t;
    if (is_nic(context_, who)) {
      expected_[function_index(who)].clear();
    }
  }

 private:
  void forget(FnRef who) {
    full_[function_index(who)].clear();
    expected_[function_index(who)].clear();
  }

  const CheckContext& context_;
  FunctionView& view_;
  std::vector<std::vector<std::uint8_t>> full_;      // last full image of the stopped function
  std::vector<std::vector<std::uint8_t>> expected_;  // what a full SAVE must give after the LOAD
};

}  // namespace

std::unique_ptr<Rule> make_rule_S3(const RuleInputs& inputs) {
  return std::make_unique<S3>(inputs);
}

}  // namespace vfsim::bench
