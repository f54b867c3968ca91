// A1: the assertions of RTL blocks hold.
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using model::Ps;

class A1 final : public Rule {
 public:
  void subscribe(model::ProbeBus& bus) override { bus.subscribe(*this, {model::Probe::rtl}); }

  void rtl_clocked(Ps t, std::uint64_t cycles) override {
    (void)t;
    evaluated(cycles);
  }

  /// "A.cmd_doorbell.<instances>.<assertion>": the first two parts are who, the last is what.
  void rtl_assertion(Ps t, const char* assertion) override {
    const std::string path = assertion;
    const std::size_t block = path.find('.');
    const std::size_t instances = block == std::string::npos ? block : path.find('.', block + 1);
    const std::size_t name = path.rfind('.');
    if (instances == std::string::npos || name <= instances) {
      violate(t, "RTL", kExpected, path);
    } else {
      violate(t, path.substr(0, instances), kExpected,
              path.substr(name + 1) + " in " + path.substr(instances + 1, name - instances - 1));
    }
  }

 private:
  static constexpr const char* kExpected = "no assertion of an RTL block fails";
};

}  // namespace

std::unique_ptr<Rule> make_rule_A1(const RuleInputs& inputs) {
  (void)inputs;
  return std::make_unique<A1>();
}

}  // namespace vfsim::bench
