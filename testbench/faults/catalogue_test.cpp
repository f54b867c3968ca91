// The tables of the catalogue fit together.
#include "testbench/faults/catalogue.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include <gtest/gtest.h>

namespace vfsim::bench {
namespace {

constexpr std::string_view kRules[] = {
#define RULE(id, judge, title, trigger) #id,
#include "testbench/checkers/rules.def"
#undef RULE
};

TEST(FaultCatalogue, EveryFaultHasARunAndARule) {
  for (const CataloguedFault& fault : fault_catalogue()) {
    EXPECT_NE(fault.scenario, "") << "fault_runs.def has no row for " << fault.name;
    EXPECT_NE(std::find(std::begin(kRules), std::end(kRules), fault.rule), std::end(kRules))
        << fault.name << " names a rule that rules.def does not have: " << fault.rule;
  }
}

TEST(FaultCatalogue, EveryRunIsOfOneFault) {
  std::multiset<std::string_view> names;
  for (const CataloguedFault& fault : fault_catalogue()) {
    names.insert(fault.name);
  }
  std::multiset<std::string_view> runs;
#define FAULT_RUN(name, scenario, overrides) runs.insert(#name);
#include "testbench/faults/fault_runs.def"
#undef FAULT_RUN
  EXPECT_EQ(names, runs);
}

TEST(FaultCatalogue, OccasionIsTheArgumentsOfARun) {
  CataloguedFault fault;
  fault.scenario = "migrate";
  EXPECT_EQ(occasion(fault), "migrate");
  fault.overrides = {"a.b=1", "c.d=2"};
  EXPECT_EQ(occasion(fault), "migrate --set a.b=1 --set c.d=2");
}

}  // namespace
}  // namespace vfsim::bench
