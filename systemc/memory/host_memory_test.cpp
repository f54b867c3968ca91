#include "systemc/memory/host_memory.hpp"

#include <array>
#include <cstring>

#include <gtest/gtest.h>

namespace vfsim::model {
namespace {

constexpr std::uint64_t kTiB = 1ULL << 40U;

TEST(HostMemoryTest, a_tebibyte_costs_only_what_is_touched) {
  HostMemory memory(kTiB);
  EXPECT_EQ(memory.bytes(), kTiB);
  std::uint64_t word = 1;
  EXPECT_TRUE(memory.read(kTiB - 8, &word, 8));
  EXPECT_EQ(word, 0U);
  EXPECT_FALSE(memory.touched(kTiB - 8));
  word = 0x1122334455667788;
  EXPECT_TRUE(memory.write(kTiB - 8, &word, 8));
  EXPECT_TRUE(memory.touched(kTiB - 4096));
  EXPECT_FALSE(memory.touched(kTiB - 4097));
  std::uint64_t back = 0;
  EXPECT_TRUE(memory.read(kTiB - 8, &back, 8));
  EXPECT_EQ(back, word);
}

TEST(HostMemoryTest, accesses_that_leave_the_memory_change_nothing) {
  HostMemory memory(1 << 20);
  std::array<std::uint8_t, 16> bytes{};
  bytes.fill(0xab);
  EXPECT_FALSE(memory.write((1 << 20) - 8, bytes.data(), 16));
  EXPECT_FALSE(memory.write(~0ULL, bytes.data(), 16));
  EXPECT_FALSE(memory.read(1 << 20, bytes.data(), 1));
  EXPECT_EQ(memory.view((1 << 20) - 8, 16), nullptr);
  EXPECT_FALSE(memory.touched((1 << 20) - 8));
  EXPECT_EQ(*memory.view((1 << 20) - 8, 8), 0U);
  EXPECT_TRUE(memory.write(1 << 20, bytes.data(), 0));
}

TEST(HostMemoryTest, every_page_of_a_write_is_touched) {
  HostMemory memory(1 << 20);
  const std::array<std::uint8_t, 9000> bytes{};
  memory.write(4090, bytes.data(), bytes.size());
  for (std::uint64_t page = 0; page < 5; ++page) {
    EXPECT_EQ(memory.touched(page << HostMemory::kPageShift), page < 4) << page;
  }
  memory.touch(0x10000, 1);
  EXPECT_TRUE(memory.touched(0x10fff));
}

}  // namespace
}  // namespace vfsim::model
