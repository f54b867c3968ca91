// Every built-in defect is caught by the rule that its table row names.
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "testbench/cli/cli_rig.hpp"

namespace vfsim::bench {
namespace {

struct FaultRun {
  const char* fault;
  const char* scenario;
  const char* overrides;
};
constexpr FaultRun kRuns[] = {
#define FAULT_RUN(name, scenario, overrides) {#name, scenario, overrides},
#include "testbench/faults/fault_runs.def"
#undef FAULT_RUN
};
struct FaultRow {
  const char* fault;
  const char* rule;
};
constexpr FaultRow kFaults[] = {
#define FAULT(name, layer, rule, doc) {#name, #rule},
#include "firmware/interface/faults.def"
#undef FAULT
};

std::string options(const FaultRun& run) {
  std::istringstream words(run.overrides);
  std::string text;
  for (std::string word; words >> word;) {
    text += " --set " + word;
  }
  return text;
}

class Fault : public testing::TestWithParam<FaultRow> {};

TEST_P(Fault, IsCaughtByItsRule) {
  for (const FaultRun& run : kRuns) {
    if (std::string(run.fault) == GetParam().fault) {
      const CliRun broken = run_cli(run.scenario, options(run) + " --fault " + run.fault);
      EXPECT_EQ(broken.status, 1) << broken.output;
      ASSERT_FALSE(broken.result.is_null()) << broken.output;
      EXPECT_EQ(broken.result["verdict"], "fail");
      EXPECT_GT(broken.rule(GetParam().rule)["violations"], 0) << broken.output;
      return;
    }
  }
  FAIL() << "fault_runs.def has no row for " << GetParam().fault;
}

INSTANTIATE_TEST_SUITE_P(All, Fault, testing::ValuesIn(kFaults),
                         [](const auto& row) { return std::string(row.param.fault); });

/// The occasions themselves are no faults: without the defect the same runs are clean.
class Occasion : public testing::TestWithParam<FaultRun> {};

TEST_P(Occasion, IsCleanWithoutTheFault) {
  const CliRun run = run_cli(GetParam().scenario, options(GetParam()));
  EXPECT_EQ(run.status, 0) << run.output;
}

INSTANTIATE_TEST_SUITE_P(All, Occasion, testing::ValuesIn(kRuns),
                         [](const auto& row) { return std::string(row.param.fault); });

}  // namespace
}  // namespace vfsim::bench
