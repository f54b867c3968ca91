// Descriptor semantics: each errno of the saving and the resuming stream, records, pre-copy
// information.
#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "host_driver/migration/bytes.hpp"
#include "host_driver/migration/test_bench.hpp"

namespace vfsim::driver {
namespace {

using S = MigState;

TEST(Crc32c, StandardExample) {
  const char* digits = "123456789";
  EXPECT_EQ(crc32c(reinterpret_cast<const std::uint8_t*>(digits), 9), 0xe3069283U);
}

TEST(SavingStream, BlocksThenEnds) {
  MigBench bench;
  bench.start();
  auto stream = bench.go(S::stop_copy).value();
  ASSERT_EQ(stream->read(24, true).value().size(), 24U);  // the size record is there at once
  EXPECT_EQ(stream->poll(), 0U);
  EXPECT_EQ(stream->read(1, true).error().code, EAGAIN);
  EXPECT_EQ(stream->read(1000, false).value().size(), 116U);  // waits for the SAVE
  EXPECT_EQ(stream->poll(), 0x41U);
  EXPECT_TRUE(stream->read(1, false).value().empty());
  EXPECT_TRUE(stream->read(1, true).value().empty());
  std::uint8_t byte = 0;
  EXPECT_EQ(stream->write(&byte, 1).error().code, EBADF);
  EXPECT_EQ(stream->seek(0).error().code, ESPIPE);
  EXPECT_EQ(stream->precopy_info().error().code, EINVAL);
}

TEST(SavingStream, ImageComesFromTheBuffer) {
  MigBench bench;
  bench.device.on(VF_OP_SAVE_VHCA_STATE, [&](const FakeCommand&) {
    // The newest allocation is the data buffer.
    FakeReply reply = fake_status(VF_STATUS_OK, 0);
    VF_SET(save_vhca_state_out, reply.out.data(), actual_image_size, 3);
    return reply;
  });
  bench.platform.set_next_address(0x40000000);
  bench.start();
  ASSERT_TRUE(bench.go(S::stop));
  std::uint64_t address = 0;
  bench.device.on(VF_OP_CREATE_MKEY, [&](const FakeCommand& c) {
    address = vf_be64_load(c.in.data() + VF_BYTES(create_mkey_in));
    return bench.device.standard(c);
  });
  auto stream = bench.go(S::stop_copy).value();
  const std::uint8_t image[3] = {7, 8, 9};
  bench.platform.mem_write(address, image, 3);
  ASSERT_EQ(stream->read(24, false).value().size(), 24U);
  ASSERT_EQ(stream->read(16, false).value().size(), 16U);
  EXPECT_EQ(stream->read(10, false).value(), (std::vector<std::uint8_t>{7, 8, 9}));
}

TEST(SavingStream, HardErrorIsEnodev) {
  MigBench bench;
  bench.image.save_status = VF_STATUS_BAD_RES_STATE;  // not excused in a final SAVE
  bench.start();
  auto stream = bench.go(S::stop_copy).value();
  (void)stream->read(24, true);
  EXPECT_EQ(stream->read(1, false).error().code, ENODEV);
  EXPECT_EQ(stream->poll(), 0x2041U);
}

TEST(SavingStream, TemporaryEndIsEnomsgInPrecopyOnly) {
  MigBench bench;
  bench.start();
  auto stream = bench.go(S::pre_copy).value();
  EXPECT_EQ(stream->read(4096, false).value().size(), 24U);
  EXPECT_EQ(stream->read(4096, false).value().size(), 116U);
  EXPECT_EQ(stream->read(1, true).error().code, ENOMSG);
  EXPECT_EQ(stream->read(1, false).error().code, ENOMSG);
  bench.image.save_time = Nanoseconds(1'000'000);
  ASSERT_TRUE(bench.go(S::stop_copy));
  EXPECT_EQ(stream->read(1, true).error().code, EAGAIN);
  EXPECT_EQ(stream->read(4096, false).value().size(), 116U);
  EXPECT_TRUE(stream->read(1, false).value().empty());
}

TEST(SavingStream, PrecopyInformation) {
  MigBench bench;
  bench.start();
  auto stream = bench.go(S::pre_copy).value();
  auto info = stream->precopy_info().value();  // waits for the first image
  EXPECT_EQ(info.initial_bytes, 24U + 116);
  EXPECT_EQ(info.dirty_bytes, 0U);
  (void)stream->read(100, false);
  EXPECT_EQ(stream->precopy_info().value().initial_bytes, 40U);
  (void)stream->read(100, false);
  info = stream->precopy_info().value();
  EXPECT_EQ(info.initial_bytes, 0U);
  EXPECT_EQ(info.dirty_bytes, 0x3000U + 16);
  info = stream->precopy_info().value();  // the new image is unread now
  EXPECT_EQ(info.dirty_bytes, 0x3000U + 116);
  ASSERT_TRUE(bench.go(S::pre_copy_p2p));
  bench.device.forget_commands();
  EXPECT_EQ(stream->precopy_info().value().dirty_bytes, 116U);
  EXPECT_TRUE(bench.take_log().empty());
}

TEST(SavingStream, ReinitialisationIsAnnouncedToThoseWhoAsked) {
  MigBench bench;
  bench.start();
  auto stream = bench.go(S::pre_copy).value();
  (void)stream->read(4096, false);
  (void)stream->read(4096, false);
  bench.image.state = VF_MIGRATION_STATE_INIT;
  EXPECT_FALSE(stream->precopy_info().value().reinit);
  (void)stream->read(4096, false);
  bench.driver->opt_in_precopy_reinit();
  auto info = stream->precopy_info().value();
  EXPECT_TRUE(info.reinit);
  EXPECT_EQ(info.dirty_bytes, 0U);
  EXPECT_GE(info.initial_bytes, 0x3000U + 16);
  bench.image.state = VF_MIGRATION_STATE_DIRTY;
  info = stream->precopy_info().value();
  EXPECT_FALSE(info.reinit);
  EXPECT_EQ(info.initial_bytes % 116, 0U);
  EXPECT_GT(info.initial_bytes, 0U);
}

TEST(SavingStream, ABlockedReaderLeavesWhenTheSessionEnds) {
  MigBench bench;
  bench.image.save_time = Nanoseconds(10'000'000);
  bench.start();
  auto stream = bench.go(S::stop_copy).value();
  (void)stream->read(24, true);
  int code = 0;
  bench.os.spawn("reader", [&] {
    auto got = stream->read(1, false);
    code = got ? 0 : got.error().code;
  });
  bench.os.settle();
  bench.image.save_status = VF_STATUS_INTERNAL;
  ASSERT_TRUE(bench.go(S::stop));
  bench.os.sleep(Nanoseconds(20'000'000));
  EXPECT_TRUE(code == 0 || code == ENODEV);
  EXPECT_EQ(stream->read(1, false).error().code, ENODEV);
}

// ---- resuming ----

std::vector<std::uint8_t> record(std::uint64_t bytes, std::uint32_t flags, std::uint32_t tag,
                                 std::size_t payload) {
  const auto header = RecordHeader{bytes, flags, tag}.encode();
  std::vector<std::uint8_t> out(header.begin(), header.end());
  out.resize(out.size() + payload, 0xaa);
  return out;
}

struct BadStream {
  const char* name;
  std::vector<std::uint8_t> bytes;
  int code;
};

TEST(ResumingStream, BadRecordsEndTheStream) {
  const BadStream cases[] = {
      {"too large", record(0x100000000ULL, 0, 0, 0), ENOMEM},
      {"unknown mandatory", record(4, 0, 9, 4), EOPNOTSUPP},
      {"size record too long", record(9, 1, 1, 9), EINVAL},
      {"empty image", record(0, 0, 0, 0), EINVAL},
  };
  for (const BadStream& bad : cases) {
    MigBench bench;
    bench.start();
    auto stream = bench.go(S::resuming).value();
    EXPECT_EQ(stream->write(bad.bytes.data(), bad.bytes.size()).error().code, bad.code) << bad.name;
    EXPECT_EQ(stream->write(bad.bytes.data(), 1).error().code, ENODEV) << bad.name;
  }
}

TEST(ResumingStream, UnknownOptionalRecordsAreSkipped) {
  MigBench bench;
  bench.start();
  auto stream = bench.go(S::resuming).value();
  bench.device.forget_commands();
  auto bytes = record(5, 1, 77, 5);
  const auto empty = record(0, 1, 78, 0);
  const auto image = record(50, 0, 0, 50);
  bytes.insert(bytes.end(), empty.begin(), empty.end());
  bytes.insert(bytes.end(), image.begin(), image.end());
  ASSERT_TRUE(stream->write(bytes.data(), bytes.size()));
  EXPECT_EQ(bench.take_log().back(), "LOAD size=50");
}

TEST(ResumingStream, FailedLoadEndsTheStream) {
  MigBench bench;
  bench.start();
  auto stream = bench.go(S::resuming).value();
  bench.device.on(VF_OP_LOAD_VHCA_STATE, [](const FakeCommand&) {
    return fake_status(VF_STATUS_BAD_PARAM, VF_SYND_IMAGE_BAD_CRC);
  });
  const auto image = record(50, 0, 0, 50);
  auto written = stream->write(image.data(), image.size());
  EXPECT_EQ(written.error().code, EINVAL);
  EXPECT_EQ(written.error().syndrome, static_cast<std::uint32_t>(VF_SYND_IMAGE_BAD_CRC));
  EXPECT_EQ(stream->write(image.data(), 1).error().code, ENODEV);
}

TEST(ResumingStream, AnIncompleteLastRecordIsDropped) {
  MigBench bench;
  bench.start();
  auto stream = bench.go(S::resuming).value();
  bench.device.forget_commands();
  auto bytes = record(50, 0, 0, 50);
  const auto rest = record(50, 0, 0, 49);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  ASSERT_TRUE(stream->write(bytes.data(), bytes.size()));
  ASSERT_TRUE(bench.go(S::stop));
  const auto log = bench.take_log();
  EXPECT_EQ(std::count(log.begin(), log.end(), "LOAD size=50"), 1);
}

TEST(ResumingStream, WrongDirectionAndSeek) {
  MigBench bench;
  bench.start();
  auto stream = bench.go(S::resuming).value();
  EXPECT_EQ(stream->read(1, true).error().code, EBADF);
  EXPECT_EQ(stream->seek(4).error().code, ESPIPE);
  EXPECT_EQ(stream->precopy_info().error().code, ENOTTY);
  EXPECT_EQ(stream->poll(), 4U);
}

TEST(ResumingStream, RawImageHasALimit) {
  MigBench bench(MigFlow::v61);
  bench.start();
  auto stream = bench.go(S::resuming).value();
  const std::uint8_t byte = 1;
  ASSERT_TRUE(stream->write(&byte, 1));
  EXPECT_EQ(stream->write(&byte, 512U << 20).error().code,
            ENOMEM);                     // refused before a byte is looked at
  ASSERT_TRUE(stream->write(&byte, 1));  // and the stream lives on
  ASSERT_TRUE(bench.go(S::stop));
  EXPECT_EQ(bench.take_log().back(), "DEALLOC_PD");
}

}  // namespace
}  // namespace vfsim::driver
