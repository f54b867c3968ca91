#include "testbench/linux_host/one_cpu.hpp"

#include <optional>
#include <unistd.h>

#include <gtest/gtest.h>

namespace vfsim::bench {
namespace {

const std::string kName = "vfsim.test." + std::to_string(getpid());

int allowed() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 0;
}

TEST(OneCpuTest, a_run_keeps_to_one_and_gives_it_back) {
  const int before = allowed();
  {
    const OneCpu one(kName);
    EXPECT_GE(one.number(), 0);
    EXPECT_EQ(allowed(), 1);
    EXPECT_EQ(sched_getcpu(), one.number());
  }
  EXPECT_EQ(allowed(), before);
}

TEST(OneCpuTest, one_that_is_taken_is_left_to_its_owner) {
  std::optional<OneCpu> first(kName);
  const int taken = first->number();
  {
    const OneCpu second(kName);  // of a process that may use that one only
    EXPECT_EQ(second.number(), -1);
    const OneCpu another(kName + ".another");
    EXPECT_EQ(another.number(), taken);
  }
  first.reset();
  const OneCpu next(kName);
  EXPECT_GE(next.number(), 0);
}

}  // namespace
}  // namespace vfsim::bench
