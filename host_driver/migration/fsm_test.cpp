#include "host_driver/migration/fsm.hpp"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace vfsim::driver {
namespace {

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields;
  std::stringstream stream(line);
  for (std::string field; std::getline(stream, field, ',');) {
    fields.push_back(field);
  }
  return fields;
}

TEST(Fsm, AgreesWithEveryRowOfTheFacts) {
  std::ifstream file(VF_SOURCE_DIR "/firmware/interface/facts/vfio_v2_next_state.csv");
  ASSERT_TRUE(file.is_open());
  std::string line;
  std::getline(file, line);
  int rows = 0;
  while (std::getline(file, line)) {
    const std::vector<std::string> f = split(line);
    ASSERT_GE(f.size(), 8U) << line;
    const MigState next = mig_next_state(std::stoull(f[0]), static_cast<MigState>(std::stoul(f[2])),
                                         static_cast<MigState>(std::stoul(f[4])));
    const MigState expected =
        f[6].empty() ? MigState::error : static_cast<MigState>(std::stoul(f[6]));
    EXPECT_EQ(next, expected) << line;
    ++rows;
  }
  EXPECT_EQ(rows, 256);
}

TEST(Fsm, EveryPermittedWalkEnds) {
  for (std::uint64_t flags : {1ULL, 3ULL, 5ULL, 7ULL}) {
    for (std::uint32_t from = 1; from < kMigStates; ++from) {
      for (std::uint32_t to = 1; to < kMigStates; ++to) {
        auto current = static_cast<MigState>(from);
        const auto target = static_cast<MigState>(to);
        if (mig_next_state(flags, current, target) == MigState::error) {
          continue;
        }
        int steps = 0;
        for (; current != target && steps < 8; ++steps) {
          current = mig_next_state(flags, current, target);
          ASSERT_NE(current, MigState::error) << from << " to " << to;
        }
        EXPECT_EQ(current, target) << from << " to " << to << " flags " << flags;
      }
    }
  }
}

TEST(Fsm, OutOfRangeStatesAreRefused) {
  EXPECT_EQ(mig_next_state(7, MigState::running, static_cast<MigState>(8)), MigState::error);
  EXPECT_EQ(mig_next_state(7, static_cast<MigState>(99), MigState::stop), MigState::error);
}

static_assert(mig_next_state(7, MigState::running, MigState::stop) == MigState::running_p2p);
static_assert(mig_next_state(1, MigState::running, MigState::stop) == MigState::stop);

}  // namespace
}  // namespace vfsim::driver
