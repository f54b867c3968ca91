#include "testbench/report/timeline.hpp"

#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "firmware/interface/layout.h"

namespace vfsim::bench {
namespace {

using model::Observer;
using model::Probe;

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

/// The rules of the trace event format, for the kinds of event that we write.
void check_schema(const nlohmann::json& trace) {
  ASSERT_TRUE(trace.is_object());
  for (const auto& [key, value] : trace.items()) {
    EXPECT_TRUE(key == "traceEvents" || key == "displayTimeUnit") << key;
  }
  EXPECT_TRUE(trace["displayTimeUnit"] == "ns" || trace["displayTimeUnit"] == "ms");
  ASSERT_TRUE(trace["traceEvents"].is_array());
  using Lane = std::pair<std::uint64_t, std::uint64_t>;
  std::map<Lane, std::set<std::string>> described;
  std::map<Lane, int> used;
  for (const auto& e : trace["traceEvents"]) {
    ASSERT_TRUE(e.is_object());
    ASSERT_TRUE(e["name"].is_string() && e["pid"].is_number_unsigned() &&
                e["tid"].is_number_unsigned())
        << e;
    EXPECT_FALSE(e["name"].get<std::string>().empty()) << e;
    const Lane lane{e["pid"], e["tid"]};
    std::set<std::string> keys = {"ph", "name", "pid", "tid"};
    if (e["ph"] == "M") {
      keys.insert("args");
      EXPECT_TRUE(described[lane].insert(e["name"].get<std::string>()).second)
          << "told twice: " << e;
      if (e["name"] == "thread_sort_index") {
        EXPECT_TRUE(e["args"]["sort_index"].is_number()) << e;
      } else {
        EXPECT_TRUE(e["name"] == "process_name" || e["name"] == "thread_name") << e;
        EXPECT_TRUE(e["args"]["name"].is_string()) << e;
      }
    } else if (e["ph"] == "X") {
      keys.insert({"ts", "dur", "args"});
      EXPECT_TRUE(e["ts"].is_number() && e["ts"] >= 0 && e["dur"].is_number() && e["dur"] >= 0)
          << e;
      ++used[lane];
    } else {
      EXPECT_EQ(e["ph"], "i") << e;
      keys.insert({"ts", "s"});
      EXPECT_TRUE(e["ts"].is_number() && e["ts"] >= 0 && e["s"] == "t") << e;
      ++used[lane];
    }
    for (const auto& [key, value] : e.items()) {
      EXPECT_TRUE(keys.count(key)) << key << " in " << e;
    }
  }
  for (const auto& [lane, count] : used) {
    EXPECT_TRUE(described[lane].count("process_name") && described[lane].count("thread_name"))
        << "a lane without a name: " << lane.first << " " << lane.second;
  }
}

class TimelineTest : public testing::Test {
 protected:
  void request(model::Ps t, model::TlpKind kind, bool interrupt = false) {
    model::Tlp tlp;
    tlp.kind = kind;
    tlp.requester = 0x0101;
    tlp.bytes = 64;
    tlp.interrupt = interrupt;
    bus_.emit<Probe::tlp_sent>(&Observer::tlp_sent, t, std::uint8_t{0}, tlp, nullptr);
  }
  nlohmann::json finish(model::Ps end) {
    auto trace = nlohmann::json::parse(timeline_.finish(end));
    check_schema(trace);
    return trace;
  }
  model::ProbeBus bus_;
  Timeline timeline_{bus_, 0x0100};
};

TEST_F(TimelineTest, ShowsStatesCommandsAndPhasesWithTheirTimes) {
  const model::FnRef vf0{0, 1};
  model::CommandView command;
  command.who = {0, 0};
  command.slot = 3;
  command.opcode = VF_OP_SUSPEND_VHCA;
  bus_.emit<Probe::driver>(&Observer::phase, 1 * model::kUs, 0U, "stop", true);
  bus_.emit<Probe::command>(&Observer::command_submitted, 2 * model::kUs, command);
  command.status = VF_STATUS_BAD_PARAM;
  bus_.emit<Probe::command>(&Observer::command_completed, 5 * model::kUs, command);
  bus_.emit<Probe::driver>(&Observer::vfio_state, 5 * model::kUs, vf0, 2U, 5U, 0);
  bus_.emit<Probe::driver>(&Observer::vcpu, 6 * model::kUs, 0U, false, std::uint8_t{0});
  bus_.emit<Probe::msi>(&Observer::msi, 7 * model::kUs, vf0, 4U, model::MsiAction::delivered);
  bus_.emit<Probe::function_reset>(&Observer::function_reset, 8 * model::kUs, vf0);
  const auto trace = finish(10 * model::kUs);

  const auto suspend = event(trace, "SUSPEND_VHCA");
  EXPECT_DOUBLE_EQ(suspend["ts"], 2.0);
  EXPECT_DOUBLE_EQ(suspend["dur"], 3.0);
  EXPECT_EQ(suspend["args"]["status"], "BAD_PARAM");
  EXPECT_DOUBLE_EQ(event(trace, "stop")["dur"], 9.0);  // lasts to the end
  EXPECT_DOUBLE_EQ(event(trace, "RUNNING_P2P")["ts"], 5.0);
  EXPECT_DOUBLE_EQ(event(trace, "stopped")["dur"], 4.0);
}

TEST_F(TimelineTest, DmaIsShownInBursts) {
  request(1000 * model::kNs, model::TlpKind::mem_read);
  request(1400 * model::kNs, model::TlpKind::mem_write);
  request(1500 * model::kNs, model::TlpKind::mem_write, true);  // an interrupt is none
  request(1800 * model::kNs, model::TlpKind::mem_write);
  request(3 * model::kUs, model::TlpKind::mem_read);
  const auto trace = finish(10 * model::kUs);
  const auto burst = event(trace, "1 reads, 2 writes");
  EXPECT_DOUBLE_EQ(burst["ts"], 1.0);
  EXPECT_DOUBLE_EQ(burst["dur"], 0.8);
  EXPECT_EQ(burst["args"]["bytes"], 192);
  EXPECT_DOUBLE_EQ(event(trace, "1 reads, 0 writes")["ts"], 3.0);
}

TEST_F(TimelineTest, TheChannelHasALane) {
  timeline_.channel(1 * model::kUs, 4 * model::kUs, 0, "pages", 4128);
  const auto trace = finish(10 * model::kUs);
  EXPECT_DOUBLE_EQ(event(trace, "pages")["dur"], 3.0);
  EXPECT_EQ(event(trace, "pages")["args"]["bytes"], 4128);
}

}  // namespace
}  // namespace vfsim::bench
