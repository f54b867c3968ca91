#include "testbench/faults/fault_set.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/interface/fault_set.hpp"
#include "firmware/interface/fault_table.hpp"
#include "firmware/interface/layout.h"
#include "testbench/checkers/rule_set.hpp"

namespace vfsim::bench {
namespace {

using testing::StartsWith;

TEST(FaultSet, NamesBecomeBits) {
  const auto set = parse_faults({"dma_after_suspend", "mkey_unchecked"});
  ASSERT_TRUE(set);
  EXPECT_NE(vf_fault(set.value(), VF_FAULT_dma_after_suspend), 0);
  EXPECT_NE(vf_fault(set.value(), VF_FAULT_mkey_unchecked), 0);
  EXPECT_EQ(vf_fault(set.value(), VF_FAULT_ack_before_drain), 0);
  EXPECT_EQ(parse_faults({}).value(), vf_fault_set{});
}

TEST(FaultSet, EachFaultHasItsPlace) {
  vf_fault_set all{};
  for (unsigned i = 0; i < VF_FAULT_COUNT; ++i) {
    const auto fault = static_cast<enum vf_fault>(i);
    EXPECT_FALSE(contract::intersects(all, contract::fault_set({fault}))) << i;
    EXPECT_EQ(vf_fault(all, fault), 0) << i;
    const vf_fault_set before = all;
    all = all | contract::fault_set({fault});
    EXPECT_NE(all, before) << i;
    EXPECT_TRUE(contract::intersects(all, contract::fault_set({fault}))) << i;
    EXPECT_EQ(all, vf_fault_with(before, fault)) << i;
  }
  for (unsigned i = 0; i < VF_FAULT_COUNT; ++i) {
    EXPECT_EQ(vf_fault(all, static_cast<enum vf_fault>(i)), 1) << i;
  }
}

TEST(FaultSet, UnknownNamesGetAHint) {
  const auto close = parse_faults({"dma_after_suspended"});
  ASSERT_FALSE(close);
  EXPECT_THAT(close.error().text,
              StartsWith("unknown fault 'dma_after_suspended' (did you mean 'dma_after_suspend'?); "
                         "allowed are ack_before_drain, "));
  const auto far = parse_faults({"dma_after_suspend", "xyzzy"});
  ASSERT_FALSE(far);
  EXPECT_THAT(far.error().text, StartsWith("unknown fault 'xyzzy'; allowed are "));
}

TEST(FaultSet, EveryFaultNamesARule) {
  for (const contract::FaultRow& fault : contract::kFaults) {
    const auto& rules = rule_table();
    EXPECT_TRUE(std::any_of(rules.begin(), rules.end(), [&](const RuleInfo& r) {
      return fault.rule == r.id;
    })) << fault.name;
  }
}

}  // namespace
}  // namespace vfsim::bench
