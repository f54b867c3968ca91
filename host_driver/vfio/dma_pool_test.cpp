#include "host_driver/vfio/dma_pool.hpp"

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "host_driver/vfio/file.hpp"

namespace vfsim::driver {
namespace {

constexpr std::size_t kPage = 4096;

/// Pages of this process that the device knows by the given addresses, in this order.
class Pool : public testing::Test {
 protected:
  std::vector<DmaPage> pages(const std::vector<std::uint64_t>& addresses) {
    memory_.assign(addresses.size() * kPage, 0xee);
    std::vector<DmaPage> list;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      list.push_back({addresses[i], memory_.data() + i * kPage});
    }
    return list;
  }
  std::vector<std::uint8_t> memory_;
};

TEST_F(Pool, PiecesAreContiguousForTheDeviceAndZeroed) {
  DmaPool pool(pages({0x9000, 0x5000, 0x3000, 0x4000, 0x7000}));
  EXPECT_EQ(pool.largest(), 3 * kPage);
  EXPECT_EQ(pool.alloc(2 * kPage + 1), 0x3000U);
  EXPECT_EQ(pool.alloc(2 * kPage), std::nullopt);
  EXPECT_EQ(pool.alloc(1), 0x7000U);
  std::vector<std::uint8_t> data(3 * kPage, 1);
  pool.read(0x3000, data.data(), data.size());
  EXPECT_EQ(data, std::vector<std::uint8_t>(3 * kPage));
}

TEST_F(Pool, FreedPiecesJoin) {
  DmaPool pool(pages({0x1000, 0x2000, 0x3000}));
  ASSERT_EQ(pool.alloc(kPage), 0x1000U);
  ASSERT_EQ(pool.alloc(kPage), 0x2000U);
  ASSERT_EQ(pool.alloc(kPage), 0x3000U);
  pool.free(0x1000, kPage);
  pool.free(0x3000, kPage);
  EXPECT_EQ(pool.largest(), kPage);
  pool.free(0x2000, kPage);
  EXPECT_EQ(pool.alloc(3 * kPage), 0x1000U);
}

TEST_F(Pool, AccessFollowsTheDevicesAddressesAcrossPages) {
  DmaPool pool(pages({0x5000, 0x4000}));
  pool.write(0x4ffe, "abcd", 4);
  EXPECT_EQ(memory_[0], 'c');              // 0x5000 is the first page of the process
  EXPECT_EQ(memory_[2 * kPage - 1], 'b');  // end of 0x4000
  char text[5] = "";
  pool.read(0x4ffe, text, 4);
  EXPECT_STREQ(text, "abcd");
}

TEST_F(Pool, AccessOutsideIsRefused) {
  DmaPool pool(pages({0x1000, 0x3000}));
  std::uint64_t value = 0;
  EXPECT_THROW(pool.read(0x1ffc, &value, sizeof value), std::out_of_range);
  EXPECT_THROW(pool.write(0x4000, &value, sizeof value), std::out_of_range);
}

TEST_F(Pool, WatchTellsWhatOnlyTheDeviceWrote) {
  DmaPool pool(pages({0x1000, 0x2000, 0x3000, 0x4000}));
  memory_[5] = 1;  // before the watch
  pool.start_watch();
  pool.write(0x2000, "cpu", 3);
  memory_[2 * kPage + 7] ^= 1;  // device: 0x3000
  pool.write(0x4000, "cpu and", 7);
  memory_[3 * kPage + 100] ^= 1;  // device: 0x4000, too
  EXPECT_EQ(pool.device_written(), (std::vector<std::uint64_t>{0x3000, 0x4000}));
  EXPECT_EQ(pool.device_written(), std::vector<std::uint64_t>());
  pool.stop_watch();
  memory_[0] ^= 1;
  EXPECT_EQ(pool.device_written(), std::vector<std::uint64_t>());
}

std::vector<std::uint64_t> frames_of_longest_rows(const std::vector<std::uint64_t>& frames,
                                                  std::size_t count) {
  std::vector<DmaPage> pages;
  for (const std::uint64_t frame : frames) {
    pages.push_back({frame * 4096, nullptr});
  }
  std::vector<std::uint64_t> taken;
  for (const DmaPage& page : longest_rows(std::move(pages), count)) {
    taken.push_back(page.address / 4096);
  }
  return taken;
}

TEST(LongestRows, ComeFirstAndWhole) {
  const std::vector<std::uint64_t> scattered = {9, 1, 30, 3, 11, 10, 31};
  using Frames = std::vector<std::uint64_t>;
  EXPECT_EQ(frames_of_longest_rows(scattered, 3), (Frames{9, 10, 11}));
  EXPECT_EQ(frames_of_longest_rows(scattered, 4), (Frames{9, 10, 11, 30}));
  EXPECT_EQ(frames_of_longest_rows(scattered, 99), (Frames{9, 10, 11, 30, 31, 1, 3}));
  EXPECT_EQ(frames_of_longest_rows({}, 4), Frames{});
}

TEST(LockedMemory, PagesAtAnIova) {
  auto memory = LockedMemory::map(2 * kPage - 1);
  ASSERT_TRUE(memory) << memory.error().text;
  const auto pages = memory.value().pages_at(0x10000);
  ASSERT_EQ(pages.size(), 2U);
  EXPECT_EQ(pages[1].address, 0x11000U);
  EXPECT_EQ(pages[1].pointer, memory.value().base() + kPage);
}

/// A page map in a file: entry i is that of the page at i * 4096.
class PageMap : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/pagemap-XXXXXX";
    file_ = File(::mkstemp(name));
    ::unlink(name);
    ASSERT_TRUE(file_.is_open());
  }
  void put(const std::uint8_t* page, std::uint64_t entry) {
    const auto at = static_cast<off_t>(reinterpret_cast<std::uintptr_t>(page) / kPage * 8);
    ASSERT_EQ(::pwrite(file_.fd(), &entry, sizeof entry, at), 8);
  }
  File file_;
};

TEST_F(PageMap, TellsPhysicalAddresses) {
  auto memory = LockedMemory::map(2 * kPage);
  ASSERT_TRUE(memory);
  put(memory.value().base(), 0x8180'0000'0000'1234);  // present, flags in bits 55 and up
  put(memory.value().base() + kPage, 0x8000'0000'0000'0777);
  const auto pages = memory.value().physical_pages(file_.fd());
  ASSERT_TRUE(pages) << pages.error().text;
  EXPECT_EQ(pages.value()[0].address, 0x1234000U);
  EXPECT_EQ(pages.value()[1].address, 0x777000U);
}

TEST_F(PageMap, HiddenAddressesAreAnError) {
  auto memory = LockedMemory::map(kPage);
  ASSERT_TRUE(memory);
  put(memory.value().base(), 0x8000'0000'0000'0000);
  const auto pages = memory.value().physical_pages(file_.fd());
  ASSERT_FALSE(pages);
  EXPECT_EQ(pages.error().code, EPERM);
  EXPECT_EQ(memory.value().physical_pages(-1).error().code, EIO);
}

}  // namespace
}  // namespace vfsim::driver
