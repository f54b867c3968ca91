#include "testbench/report/timeline.hpp"

#include <gtest/gtest.h>

#include "firmware/interface/layout.h"

namespace vfsim::bench {
namespace {

/// The one complete event of that name; fails the test if there is not exactly one.
nlohmann::json event(const nlohmann::json& trace, const std::string& name) {
  nlohmann::json found;
  int count = 0;
  for (const auto& e : trace["traceEvents"]) {
    if (e["ph"] == "X" && e["name"] == name) {
      found = e;
      ++count;
    }
  }
  EXPECT_EQ(count, 1) << name;
  return found;
}

TEST(Timeline, ShowsStatesCommandsAndPhasesWithTheirTimes) {
  model::ProbeBus bus;
  Timeline timeline(bus);
  const model::FnRef vf0{0, 1};
  model::CommandView command;
  command.who = {0, 0};
  command.slot = 3;
  command.opcode = VF_OP_SUSPEND_VHCA;
  bus.emit<model::Probe::driver>(&model::Observer::phase, 1 * model::kUs, 0U, "stop", true);
  bus.emit<model::Probe::command>(&model::Observer::command_submitted, 2 * model::kUs, command);
  bus.emit<model::Probe::command>(&model::Observer::command_completed, 5 * model::kUs, command);
  bus.emit<model::Probe::driver>(&model::Observer::vfio_state, 5 * model::kUs, vf0, 2U, 5U, 0);
  bus.emit<model::Probe::driver>(&model::Observer::vcpu, 6 * model::kUs, 0U, false,
                                 std::uint8_t{0});
  bus.emit<model::Probe::msi>(&model::Observer::msi, 7 * model::kUs, vf0, 4U,
                              model::MsiAction::delivered);
  const auto trace = nlohmann::json::parse(timeline.finish(10 * model::kUs));

  const auto suspend = event(trace, "SUSPEND_VHCA");
  EXPECT_DOUBLE_EQ(suspend["ts"], 2.0);
  EXPECT_DOUBLE_EQ(suspend["dur"], 3.0);
  EXPECT_DOUBLE_EQ(event(trace, "stop")["dur"], 9.0);  // lasts to the end
  EXPECT_DOUBLE_EQ(event(trace, "RUNNING_P2P")["ts"], 5.0);
  EXPECT_DOUBLE_EQ(event(trace, "stopped")["dur"], 4.0);
  for (const auto& e : trace["traceEvents"]) {
    EXPECT_TRUE(e.contains("pid") && e.contains("tid") && e.contains("name")) << e;
    EXPECT_TRUE(e["ph"] == "M" || e.contains("ts")) << e;
  }
}

}  // namespace
}  // namespace vfsim::bench
