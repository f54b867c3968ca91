#include "testbench/report/html_report.hpp"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"
#include "testbench/report/story_recorder.hpp"

namespace vfsim::bench {
namespace {

using model::kUs;
constexpr model::FnRef kVf{0, 1};

class Recorded : public testing::Test {
 protected:
  Recorded() { rig_.learn_vhca(0, 1); }

  void read(std::uint16_t tag) {
    model::Tlp read = rig_.tlp(model::TlpKind::mem_read, kVf, 0x1000, 512);
    read.tag = tag;
    rig_.sent(0, read);
  }
  void completion(std::uint16_t tag) {
    model::Tlp answer = rig_.tlp(model::TlpKind::completion, kVf, 0, 512);
    answer.tag = tag;
    answer.last = true;
    rig_.received(0, answer);
  }
  void stream(std::uint64_t bytes, int error = 0) {
    model::StreamView view;
    view.who = kVf;
    view.op = model::StreamOp::read;
    const std::vector<std::uint8_t> content(bytes);
    view.bytes = content.data();
    view.count = bytes;
    view.error = error;
    rig_.bus().emit<model::Probe::driver>(&model::Observer::stream, rig_.now(), view);
  }
  void migration(bool begin) {
    rig_.bus().emit<model::Probe::driver>(&model::Observer::migration, rig_.now(),
                                          model::MigrationView{0, 0, 1, begin, "completed"});
  }

  CheckerRig rig_;
  EventLog events_{rig_.bus()};
  StoryRecorder recorder_{rig_.bus(), rig_.rules(), events_, 0x0100};
};

TEST_F(Recorded, DmaAroundASuspend) {
  read(5);
  rig_.advance(kUs);
  read(6);
  rig_.advance(kUs);
  completion(5);
  completion(6);
  rig_.advance(kUs);
  const model::Ps asked = rig_.now();
  rig_.suspend(kVf, Half::initiator);
  const Story story = recorder_.finish();
  ASSERT_EQ(story.drains.size(), 1U);
  const Drain& drain = story.drains.front();
  EXPECT_EQ(drain.who.fn, kVf.fn);
  EXPECT_EQ(drain.asked, asked);
  EXPECT_FALSE(drain.refused);
  std::vector<std::uint32_t> reads;
  for (const DmaSample& s : drain.samples) {
    reads.push_back(s.reads);
  }
  EXPECT_EQ(reads, (std::vector<std::uint32_t>{1, 2, 1, 0}));
}

TEST_F(Recorded, TheObservationThatBrokeTheRuleIsKnown) {
  read(5);
  rig_.suspend(kVf, Half::initiator);
  completion(5);
  const Story story = recorder_.finish();
  ASSERT_EQ(rig_.violations("Q2"), 1U);
  ASSERT_EQ(story.violations.size(), 1U);
  const StoryViolation& v = story.violations.front();
  ASSERT_LT(v.at - v.first, v.events.size());
  const auto guilty = nlohmann::json::parse(v.events[v.at - v.first]);
  EXPECT_EQ(guilty["kind"], "command_completed");
  EXPECT_EQ(guilty["opcode"], "0x115");
  EXPECT_EQ(nlohmann::json::parse(v.events.back())["tlp"], "completion");
}

TEST_F(Recorded, StepsOfMigrationsOnly) {
  stream(100);
  EXPECT_TRUE(recorder_.finish().steps.empty());
  migration(true);
  stream(100);
  stream(28);
  stream(0, 19);
  rig_.suspend(kVf, Half::responder);
  migration(false);
  stream(100);
  const std::vector<StoryStep> steps = recorder_.finish().steps;
  ASSERT_EQ(steps.size(), 5U);
  EXPECT_EQ(steps[1].detail, "128 B") << "neighbours are taken together";
  EXPECT_TRUE(steps[2].failed);
  EXPECT_EQ(steps[2].detail, "errno 19");
  EXPECT_EQ(steps[3].text, "SUSPEND_VHCA RESPONDER");
  EXPECT_EQ(steps[3].detail, "A.vf0");
  EXPECT_GE(steps[3].end, steps[3].t);
  EXPECT_EQ(steps[4].text, "migration completed");
}

TEST(HtmlReport, WhatARunWroteCannotEndTheScript) {
  Result result;
  result.scenario = "x</script><b>";
  result.error = "</script><script>alert(1)</script>";
  const std::string page = html_report(result, {}, {{"nic.vfs", "8", false}}, "./vfsim run x");
  std::size_t ends = 0;
  for (std::size_t at = 0; (at = page.find("</script>", at)) != std::string::npos; ++at) {
    ++ends;
  }
  EXPECT_EQ(ends, 2U) << "that of the data and that of the program";
  EXPECT_EQ(page.find("@DATA@"), std::string::npos);
  const std::size_t begin = page.find('{', page.find("id=\"data\""));
  const auto data =
      nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
  EXPECT_EQ(data["result"]["error"], result.error);
  EXPECT_EQ(data["params"][0][0], "nic.vfs");
  EXPECT_EQ(data["replay"], "./vfsim run x");
}

}  // namespace
}  // namespace vfsim::bench
