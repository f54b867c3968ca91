// The coverage model, its sums, and what the collector makes of observations.
#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/interface/tables.hpp"
#include "testbench/checkers/checker_rig.hpp"
#include "testbench/coverage/collector.hpp"
#include "testbench/coverage/coverage_sum.hpp"

namespace vfsim::bench {
namespace {

using driver::MigState;
using testing::Contains;
using testing::HasSubstr;

constexpr model::FnRef kVf{0, 1};
constexpr model::FnRef kPf{0, 0};

const CoverBin* find_bin(CoverGroup group, const std::string& name) {
  const auto& model = coverage_model();
  const auto at = std::find_if(model.begin(), model.end(), [&](const CoverBin& bin) {
    return bin.group == group && bin.name == name;
  });
  return at == model.end() ? nullptr : &*at;
}

TEST(CoverageModel, NamesAreUniqueAndFollowTheTables) {
  std::set<std::pair<CoverGroup, std::string>> names;
  for (const CoverBin& bin : coverage_model()) {
    EXPECT_TRUE(names.emplace(bin.group, bin.name).second) << bin.name;
  }
  for (const contract::OpcodeRow& row : contract::kOpcodes) {
    EXPECT_NE(find_bin(CoverGroup::commands, std::string(row.name) + " | VF | ok"), nullptr);
  }
  const std::string arc = arc_bin(MigState::running, MigState::running_p2p, InFlight::both, 7);
  EXPECT_EQ(arc, "RUNNING -> RUNNING_P2P | both | 2-15");
  ASSERT_NE(find_bin(CoverGroup::arcs, arc), nullptr);
  EXPECT_TRUE(find_bin(CoverGroup::arcs, arc)->why.empty());
}

TEST(CoverageModel, LeavesOutWhatCannotHappenAndSaysWhy) {
  const CoverBin* drained = find_bin(
      CoverGroup::arcs, arc_bin(MigState::running_p2p, MigState::stop, InFlight::reads, 1));
  ASSERT_NE(drained, nullptr);
  EXPECT_THAT(std::string(drained->why), HasSubstr("Q2"));
  EXPECT_EQ(
      find_bin(CoverGroup::arcs, arc_bin(MigState::running, MigState::stop, InFlight::none, 1)),
      nullptr);  // no single arc
}

TEST(CoverageSum, CountsHolesAndSurprises) {
  CoverageSum sum;
  Result result;
  result.scenario = "one";
  result.coverage = {{"rules", "Q1", 3}, {"arcs", "RUNNING_P2P -> STOP | reads | 1", 1}};
  EXPECT_EQ(sum.share(), 0);
  sum.add(result);
  sum.add(result);
  EXPECT_EQ(sum.runs(), 2U);
  EXPECT_GT(sum.share(), 0);
  EXPECT_LT(sum.share(), 0.01);
  EXPECT_THAT(sum.surprises(), testing::ElementsAre("arcs: RUNNING_P2P -> STOP | reads | 1"));
  EXPECT_THAT(sum.table(), HasSubstr("rules        Q2\n"));
  EXPECT_THAT(sum.table(), testing::Not(HasSubstr("rules        Q1\n")));
}

class Collector : public testing::Test {
 protected:
  Collector() : collector_(context_, rig_.rules(), rig_.bus()) { rig_.learn_vhca(0, 1); }
  bool has(const std::string& group, const std::string& bin) {
    const auto hits = collector_.hits();
    return std::any_of(hits.begin(), hits.end(), [&](const CoverageHit& hit) {
      return hit.group == group && hit.bin == bin;
    });
  }
  CheckerRig rig_;
  CheckContext context_;
  CoverageCollector collector_;
};

TEST_F(Collector, ArcsAreFiledByWhatWasInFlightWhenTheyBegan) {
  model::Tlp read = rig_.tlp(model::TlpKind::mem_read, kVf, 0x1000, 64);
  rig_.sent(0, read);
  rig_.suspend(kVf, Half::initiator);
  rig_.bus().emit<model::Probe::driver>(&model::Observer::vfio_state, rig_.now(), kVf,
                                        VF_MIG_RUNNING, VF_MIG_RUNNING_P2P, 0);
  EXPECT_TRUE(has("arcs", "RUNNING -> RUNNING_P2P | reads | 1"));
  EXPECT_TRUE(has("vhca", "SUSPEND_VHCA initiator | running | ok"));
  EXPECT_TRUE(has("commands", "SUSPEND_VHCA | PF | ok"));
}

TEST_F(Collector, ResumeIsFiledByTheStateBeforeIt) {
  rig_.suspend(kVf, Half::initiator);
  rig_.advance(model::kUs);
  rig_.resume(kVf, Half::initiator);
  EXPECT_TRUE(has("vhca", "RESUME_VHCA initiator | initiator stopped | ok"));
}

TEST_F(Collector, CommandsUnderWayInAQuiesceAreHeld) {
  rig_.start_queue(kVf);
  const auto slot = rig_.submit(kVf, CheckerRig::header(VF_OP_ALLOC_PD, 0, 16));
  rig_.suspend(kVf, Half::initiator);
  rig_.complete(kVf, slot, CheckerRig::Bytes(16));
  EXPECT_TRUE(has("commands", "any | VF held | ok"));
  rig_.command(kPf, CheckerRig::header(VF_OP_ALLOC_PD, 0, 16),
               CheckerRig::Bytes{3, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_TRUE(has("commands", "ALLOC_PD | PF | rejected"));
}

}  // namespace
}  // namespace vfsim::bench
