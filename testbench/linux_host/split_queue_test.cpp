#include "testbench/linux_host/split_queue.hpp"

#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testbench/linux_host/driver_rings.hpp"
#include "testbench/linux_host/pcidev.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint64_t kStart = 0x10000;  // of the guest's memory
constexpr std::uint64_t kBytes = 0x10000;
constexpr std::uint64_t kDescriptors = 0x11000;
constexpr std::uint64_t kAvailable = 0x12000;
constexpr std::uint64_t kUsed = 0x13000;
constexpr std::uint64_t kData = 0x14000;
constexpr std::uint16_t kNext = DriverRings::kNext, kWrite = DriverRings::kWrite,
                        kIndirect = DriverRings::kIndirect;

/// A driver that writes its rings by hand.
class SplitQueueTest : public testing::Test {
 protected:
  SplitQueueTest() {
    EXPECT_TRUE(queue_.set_size(8));
    queue_.set_addresses(kDescriptors, kAvailable, kUsed);
    queue_.set_base(0);
    queue_.enable(true);
  }
  void descriptor(std::uint16_t index, std::uint64_t address, std::uint32_t bytes,
                  std::uint16_t flags, std::uint16_t next = 0) {
    driver_.descriptor(index, address, bytes, flags, next);
  }
  void offer(std::uint16_t head) { driver_.offer(head); }

  model::HostMemory memory_{1 << 20};
  DriverRings driver_{memory_, kDescriptors, kAvailable, kUsed, 8};
  GuestRam ram_{&memory_, 0, kStart, kBytes};
  SplitQueue queue_{ram_};
};

TEST_F(SplitQueueTest, a_chain_is_gathered_filled_and_given_back) {
  memory_.write(kData, "head", 4);
  memory_.write(kData + 0x100, "tail", 4);
  descriptor(3, kData, 4, kNext, 5);
  descriptor(5, kData + 0x100, 4, kNext, 1);
  descriptor(1, kData + 0x200, 6, kNext | kWrite, 0);
  descriptor(0, kData + 0x300, 6, kWrite);
  EXPECT_FALSE(queue_.take());
  offer(3);
  const auto buffer = queue_.take();
  ASSERT_TRUE(buffer);
  EXPECT_EQ(std::string(buffer->in.begin(), buffer->in.end()), "headtail");
  EXPECT_EQ(buffer->out_bytes(), 12U);
  EXPECT_TRUE(queue_.fill(*buffer, "0123456789", 10));
  EXPECT_FALSE(queue_.fill(*buffer, "0123456789abc", 13));
  EXPECT_EQ(std::memcmp(memory_.view(kData + 0x300, 4), "6789", 4), 0);
  queue_.give_back(buffer->head, 10);
  EXPECT_EQ(driver_.returned(), 1U);
  EXPECT_THAT(driver_.element(0), testing::ElementsAre(3U, 10U));
  EXPECT_FALSE(queue_.take());
}

TEST_F(SplitQueueTest, the_driver_is_told_whether_to_kick) {
  const auto flags = [this] {
    std::uint16_t value = 0;
    memory_.read(kUsed, &value, 2);
    return value;
  };
  queue_.want_kicks(false);
  EXPECT_EQ(flags(), 1U);
  descriptor(2, kData, 4, 0);
  offer(2);
  EXPECT_TRUE(queue_.take()) << "it is found all the same";
  queue_.give_back(2, 0);
  EXPECT_EQ(flags(), 1U);
  queue_.want_kicks(true);
  EXPECT_EQ(flags(), 0U);
}

TEST_F(SplitQueueTest, indices_wrap_around) {
  descriptor(0, kData, 4, 0);
  for (int i = 0; i < 20; ++i) {
    offer(0);
    const auto buffer = queue_.take();
    ASSERT_TRUE(buffer) << i;
    queue_.give_back(buffer->head, 0);
  }
  EXPECT_EQ(queue_.given_back(), 20U);
  EXPECT_FALSE(queue_.broken());
}

TEST_F(SplitQueueTest, what_the_driver_must_not_write_ends_the_queue) {
  const struct {
    const char* what;
    std::uint64_t address;
    std::uint32_t bytes;
    std::uint16_t flags, next, head;
  } cases[] = {{"before the memory", kStart - 1, 4, 0, 0, 0},
               {"behind it", kStart + kBytes - 2, 4, 0, 0, 0},
               {"wraps around", ~0ULL - 1, 4, 0, 0, 0},
               {"a loop", kData, 0, kNext, 0, 0},
               {"next outside the table", kData, 4, kNext, 8, 0},
               {"head outside the table", kData, 4, 0, 0, 8},
               {"indirect, not negotiated", kData, 16, kIndirect, 0, 0},
               {"too long", kData, SplitQueue::kMostBytes + 1, 0, 0, 0}};
  for (const auto& c : cases) {
    GuestRam ram{&memory_, 0, kStart, kBytes * 4};
    ram.bytes = std::string(c.what) == "too long" ? kBytes * 4 : kBytes;
    SplitQueue queue(ram);
    ASSERT_TRUE(queue.set_size(8));
    queue.set_addresses(kDescriptors, kAvailable, kUsed);
    queue.enable(true);
    descriptor(0, c.address, c.bytes, c.flags, c.next);
    const std::uint16_t one = 1;
    memory_.write(kAvailable + 4, &c.head, 2);
    memory_.write(kAvailable + 2, &one, 2);
    EXPECT_FALSE(queue.take()) << c.what;
    EXPECT_TRUE(queue.broken()) << c.what;
  }
  EXPECT_FALSE(queue_.set_size(0));
  EXPECT_FALSE(queue_.set_size(24));
  EXPECT_FALSE(queue_.set_size(2 * SplitQueue::kMostEntries));
}

TEST_F(SplitQueueTest, a_queue_outside_the_memory_gives_nothing) {
  queue_.set_addresses(0x80000, 0x81000, 0x82000);
  EXPECT_FALSE(queue_.take());
  queue_.give_back(0, 4);
  EXPECT_TRUE(queue_.broken());
}

QueueBuffer access_buffer(PcidevOp op, std::uint32_t bytes, std::uint64_t address,
                          std::size_t data, std::uint32_t out) {
  const PcidevHeader header{static_cast<std::uint8_t>(op), 0, 0, bytes, address};
  QueueBuffer buffer;
  buffer.in.resize(sizeof(header) + data, 0x11);
  std::memcpy(buffer.in.data(), &header, sizeof(header));
  if (out != 0) {
    buffer.out.push_back({kData, out});
  }
  return buffer;
}

TEST(PcidevTest, what_the_protocol_does_not_allow_is_no_access) {
  EXPECT_TRUE(parse_access(access_buffer(PcidevOp::cfg_read, 4, 0, 0, 8)));
  EXPECT_FALSE(parse_access(access_buffer(PcidevOp::cfg_read, 4, 0, 0, 2)));
  EXPECT_FALSE(parse_access(access_buffer(PcidevOp::cfg_read, 16, 0, 0, 16)));
  EXPECT_FALSE(parse_access(access_buffer(PcidevOp::mmio_write, 8, 0, 4, 0)));
  EXPECT_FALSE(parse_access(access_buffer(PcidevOp::mmio_write, 0, 0, 8, 0)));
  EXPECT_FALSE(parse_access(access_buffer(PcidevOp::mmio_read, 8192, 0, 0, 8192)));
  EXPECT_FALSE(parse_access(access_buffer(PcidevOp::mmio_read, 4, ~0ULL - 2, 0, 4)));
  EXPECT_FALSE(parse_access(access_buffer(PcidevOp::msi, 4, 0, 4, 0)));
  EXPECT_FALSE(parse_access(access_buffer(static_cast<PcidevOp>(9), 4, 0, 4, 4)));
  QueueBuffer header_cut;
  header_cut.in.resize(15);
  EXPECT_FALSE(parse_access(header_cut));
}

TEST(PcidevTest, a_memset_that_comes_as_a_configuration_write_is_one) {
  const auto access = parse_access(access_buffer(PcidevOp::cfg_write, 64, 0x1000, 1, 0));
  ASSERT_TRUE(access);
  EXPECT_EQ(access->op, PcidevOp::mmio_memset);
  EXPECT_EQ(access->written(63), 0x11);
  const auto plain = parse_access(access_buffer(PcidevOp::cfg_write, 1, 0x3c, 8, 0));
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->op, PcidevOp::cfg_write);
}

}  // namespace
}  // namespace vfsim::bench
