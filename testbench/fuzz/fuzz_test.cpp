// The tool itself: cases and digests are a matter of the seed alone, a worker that dies is a
// finding, and each door finds a defect that is planted behind it.
#include <csignal>
#include <cstdlib>
#include <unistd.h>

#include <gtest/gtest.h>

#include "firmware/interface/fault_set.hpp"
#include "firmware/interface/layout.h"
#include "testbench/fuzz/fuzz_run.hpp"
#include "testbench/fuzz/readers.hpp"
#include "testbench/fuzz/settle.hpp"

namespace vfsim::bench {
namespace {

DoorRow row(std::string_view name, std::unique_ptr<Door> (*make)(vf_fault_set)) {
  return {name, 1000, "", "", make};
}

FuzzReport run(const DoorRow& door, std::uint64_t cases, unsigned jobs = 2,
               vf_fault_set faults = {}, std::uint64_t seed = 1) {
  FuzzOptions options;
  options.cases = cases;
  options.jobs = jobs;
  options.faults = faults;
  options.seed = seed;
  options.case_limit_s = 60;
  return fuzz_door(door, options);
}

/// Case n is the number n; what is done with some numbers.
class NumberDoor : public Door {
 public:
  CaseBytes make(CaseRandom& random) override { return {static_cast<std::uint8_t>(random())}; }
  DoorOutcome run(const CaseBytes& bytes) override {
    if (bytes[0] == 77) {
      std::abort();
    }
    if (bytes[0] == 78) {
      for (;;) {
        ::usleep(1000);
      }
    }
    return {bytes[0] < 100, bytes[0] < 100 ? "OK" : "LARGE", bytes[0] == 200 ? "two hundred" : ""};
  }
};

TEST(Fuzz, DeadAndHangingWorkersAreFindings) {
  const DoorRow door = row("number", [](vf_fault_set) -> std::unique_ptr<Door> {
    return std::make_unique<NumberDoor>();
  });
  FuzzOptions options;
  options.cases = 600;
  options.jobs = 3;
  options.case_limit_s = 1;
  const FuzzReport report = fuzz_door(door, options);
  EXPECT_EQ(report.cases, 600U) << "others go on behind a dead one";
  std::uint64_t died = 0;
  std::uint64_t hung = 0;
  std::uint64_t plain = 0;
  NumberDoor same;
  for (const FuzzFinding& finding : report.shown) {
    const std::uint8_t number = fuzz_case(same, "number", 1, finding.number)[0];
    died += number == 77 && finding.what.find("signal 6") != std::string::npos ? 1 : 0;
    hung += number == 78 && finding.what.find("no end after 1 s") != std::string::npos ? 1 : 0;
    plain += number == 200 && finding.what == "two hundred" ? 1 : 0;
  }
  EXPECT_GT(died, 0U);
  EXPECT_GT(hung, 0U);
  EXPECT_GT(plain, 0U);
  EXPECT_EQ(died + hung + plain, report.shown.size());
  EXPECT_EQ(report.findings, report.shown.size());
}

TEST(Fuzz, DoorThatDoesNotOpenIsAFinding) {
  const DoorRow door = row("broken", [](vf_fault_set) -> std::unique_ptr<Door> { std::abort(); });
  const FuzzReport report = run(door, 10);
  EXPECT_EQ(report.cases, 0U);
  EXPECT_GE(report.findings, 1U);
}

struct HealthyCase {
  const char* name;
  std::unique_ptr<Door> (*make)(vf_fault_set);
  std::uint64_t cases;
};

class Healthy : public testing::TestWithParam<HealthyCase> {};

TEST_P(Healthy, NoFindingAndTheSameDigestWithAnyJobs) {
  const HealthyCase& c = GetParam();
  const FuzzReport one = run(row(c.name, c.make), c.cases, 1);
  const FuzzReport two = run(row(c.name, c.make), c.cases, 3);
  EXPECT_EQ(one.findings, 0U) << (one.shown.empty() ? "" : one.shown[0].what);
  EXPECT_EQ(one.cases, c.cases);
  EXPECT_EQ(one.digest, two.digest);
  EXPECT_EQ(one.refused, two.refused);
  EXPECT_GT(one.accepted, 0U) << "cases that nothing refuses reach farther";
  EXPECT_GT(one.refused.size(), 0U);
  EXPECT_NE(run(row(c.name, c.make), c.cases, 1, {}, 2).digest, one.digest) << "another seed";
}

INSTANTIATE_TEST_SUITE_P(Doors, Healthy,
                         testing::Values(HealthyCase{"command", make_command_door, 400},
                                         HealthyCase{"doorbell", make_doorbell_door, 60},
                                         HealthyCase{"image", make_image_door, 400},
                                         HealthyCase{"stream", make_stream_door, 400},
                                         HealthyCase{"scenario", make_scenario_door, 400},
                                         HealthyCase{"capture", make_capture_door, 400}),
                         [](const auto& door) { return std::string(door.param.name); });

TEST(Planted, CommandThatIsCompletedTwice) {
  const FuzzReport report = run(row("command", make_command_door), 200, 2,
                                contract::fault_set({VF_FAULT_completion_twice}));
  ASSERT_GT(report.findings, 0U);
  EXPECT_NE(report.shown[0].what.find("2 completions"), std::string::npos) << report.shown[0].what;
  // The number alone brings it back.
  FuzzOptions again;
  again.cases = 1;
  again.first = report.shown[0].number;
  again.faults = contract::fault_set({VF_FAULT_completion_twice});
  const FuzzReport replayed = fuzz_door(row("command", make_command_door), again);
  ASSERT_EQ(replayed.findings, 1U);
  EXPECT_EQ(replayed.shown[0].what, report.shown[0].what);
  EXPECT_EQ(replayed.shown[0].number, report.shown[0].number);
}

TEST(Planted, ImageThatIsNotGivenBack) {
  const FuzzReport report = run(row("image", make_image_door), 300, 2,
                                contract::fault_set({VF_FAULT_load_drops_arm_state}));
  ASSERT_GT(report.findings, 0U);
  EXPECT_NE(report.shown[0].what.find("SAVE does not give back"), std::string::npos);
}

TEST(Planted, DoorbellsThatReachForeignMemory) {
  const FuzzReport report = run(row("doorbell", make_doorbell_door), 400, 2,
                                contract::fault_set({VF_FAULT_mkey_unchecked}));
  ASSERT_GT(report.findings, 0U);
  EXPECT_NE(report.shown[0].what.find("which none of its queues and keys names"), std::string::npos)
      << report.shown[0].what;
}

TEST(Fuzz, LongWorkIsNoHang) {
  // A WQE of 16 blocks, as long as the ring, and a doorbell for 38,189 of them.
  CaseBytes bytes{2, 1, 0, 0, 0, 48};
  bytes.insert(bytes.end(), {0, 0, 0, 0x0a, 0, 8, 0, 0xff, 0, 0, 0, 8});
  bytes.resize(bytes.size() + 20);
  bytes.insert(bytes.end(), {0, 0, 1, 0x6c, 0, 1, 0, 0x42, 0, 0, 0, 0, 0, 0x10, 1, 0xe0});
  bytes.insert(bytes.end(), {0, 1, 0, 8, 1, 0, 7, 0, 0x95, 0x2c, 0, 0, 8, 0, 3});
  const DoorOutcome outcome = make_doorbell_door({})->run(bytes);
  EXPECT_EQ(outcome.finding, "");
  EXPECT_TRUE(outcome.accepted);
}

TEST(Fuzz, HangIsTheSliceInWhichNothingWasDone) {
  std::uint64_t left = 5;
  std::uint64_t stuck_at = 0;
  int slices = 0;
  const auto settle = [&] {
    return settles(
        [&] {
          ++slices;
          left -= left > stuck_at ? 1 : 0;
        },
        [&] { return left == 0; }, [&] { return left; });
  };
  EXPECT_TRUE(settle());
  EXPECT_EQ(slices, 5);
  left = 5;
  stuck_at = 2;
  EXPECT_FALSE(settle()) << "work is left, and nothing happens to it";
}

TEST(Planted, ScenarioErrorsOfSeveralLines) {
  const DoorRow door = row("scenario", [](vf_fault_set) {
    return make_scenario_door(
        ScenarioReader([](const std::string&, const std::vector<std::string>&, std::string& error) {
          error = "case.toml:1:1: two\nlines";
          return false;
        }));
  });
  EXPECT_EQ(run(door, 50).findings, 50U);
}

TEST(Planted, CaptureErrorsWithoutAFile) {
  const DoorRow door = row("capture", [](vf_fault_set) {
    return make_capture_door(CaptureReader([](const std::string&, std::string& error) {
      error = "something is wrong";
      return false;
    }));
  });
  EXPECT_EQ(run(door, 50).findings, 50U);
}

}  // namespace
}  // namespace vfsim::bench
