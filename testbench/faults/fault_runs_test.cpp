// Every built-in defect is caught by the rule that its table row names.
#include <ostream>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "testbench/cli/cli_rig.hpp"
#include "testbench/faults/catalogue.hpp"

namespace vfsim::bench {

/// How gtest shows the parameter.
static void PrintTo(const CataloguedFault& fault, std::ostream* out) {
  *out << occasion(fault);
}

namespace {

class Fault : public testing::TestWithParam<CataloguedFault> {};

TEST_P(Fault, IsCaughtByItsRule) {
  const CataloguedFault& fault = GetParam();
  const std::string rule(fault.rule);
  const CliRun broken = run_cli(occasion(fault), "--fault " + std::string(fault.name));
  EXPECT_EQ(broken.status, 1) << broken.output;
  ASSERT_FALSE(broken.result.is_null()) << broken.output;
  EXPECT_EQ(broken.result["verdict"], "fail");
  EXPECT_GT(broken.rule(rule)["violations"], 0) << broken.output;
}

/// The occasions themselves are no faults: without a defect the same runs are clean. Many defects share one.
class Occasion : public testing::TestWithParam<std::string> {};

TEST_P(Occasion, IsCleanWithoutDefect) {
  const CliRun run = run_cli(GetParam());
  EXPECT_EQ(run.status, 0) << run.output;
}

std::set<std::string> occasions() {
  std::set<std::string> all;
  for (const CataloguedFault& fault : fault_catalogue()) {
    all.insert(occasion(fault));
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, Fault, testing::ValuesIn(fault_catalogue()),
                         [](const auto& row) { return std::string(row.param.name); });
INSTANTIATE_TEST_SUITE_P(All, Occasion, testing::ValuesIn(occasions()));

}  // namespace
}  // namespace vfsim::bench
