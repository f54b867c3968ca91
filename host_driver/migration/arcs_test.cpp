// Order of firmware commands of every arc, both flows, and the driver's rules about failures,
// resets and removal.
#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/interface/fault_set.hpp"
#include "host_driver/migration/test_bench.hpp"

namespace vfsim::driver {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using S = MigState;

std::vector<std::uint8_t> drain(MigStream& stream) {
  std::vector<std::uint8_t> all;
  for (;;) {
    auto bytes = stream.read(64, false);
    if (!bytes || bytes.value().empty()) {
      return all;
    }
    all.insert(all.end(), bytes.value().begin(), bytes.value().end());
  }
}

TEST(BindVf, NewestTestsTheVfAndLearnsItsId) {
  MigBench bench;
  bench.start();
  EXPECT_THAT(bench.bind_log, ElementsAre("QUERY_HCA_CAP op_mod=64 function=3",
                                          "QUERY_HCA_CAP op_mod=1 function=3"));
  EXPECT_EQ(bench.driver->migration_flags(), 7U);
  EXPECT_EQ(bench.driver->vhca_id(), kTestVhca);
}

TEST(BindVf, RawFlowNeedsTheMigrationBitAlone) {
  MigBench bench(MigFlow::v61);
  VF_SET(cmd_hca_cap, bench.device.capability(VF_CAP_GENERAL).data(), hca_cap_2, 0);
  bench.start();
  EXPECT_THAT(bench.bind_log, ElementsAre("QUERY_HCA_CAP op_mod=1 function=3"));
  EXPECT_EQ(bench.driver->migration_flags(), 3U);
}

TEST(BindVf, EachMissingCapabilityMeansNoMigration) {
  const auto without = [](auto clear) {
    MigBench bench;
    clear(bench.device);
    bench.start();
    EXPECT_EQ(bench.driver->migration_flags(), 0U);
    EXPECT_EQ(bench.driver->state().error().code, ENOTTY);
    EXPECT_EQ(bench.go(S::stop).error().code, ENOTTY);
  };
  without([](FakeDevice& d) {
    VF_SET(cmd_hca_cap, d.capability(VF_CAP_GENERAL).data(), migration, 0);
  });
  without([](FakeDevice& d) {
    VF_SET(cmd_hca_cap_2, d.capability(VF_CAP_GENERAL_2).data(), migratable, 0);
  });
  without([](FakeDevice& d) {
    VF_SET(cmd_hca_cap_2, d.capability(VF_CAP_GENERAL_2).data(), migration_multi_load, 0);
  });
  without([](FakeDevice& d) {
    VF_SET(cmd_hca_cap_2, d.capability(VF_CAP_GENERAL_2).data(), migration_tracking_state, 0);
  });
}

TEST(ArcsNewest, SuspendAndResume) {
  MigBench bench;
  bench.start();
  ASSERT_TRUE(bench.go(S::stop));
  EXPECT_THAT(bench.take_log(), ElementsAre("SUSPEND 0", "SUSPEND 1"));
  ASSERT_TRUE(bench.go(S::running));
  EXPECT_THAT(bench.take_log(), ElementsAre("RESUME 0", "RESUME 1"));
  ASSERT_TRUE(bench.go(S::running));
  EXPECT_THAT(bench.take_log(), IsEmpty());
}

TEST(ArcsNewest, StopCopyAndBack) {
  MigBench bench;
  bench.start();
  ASSERT_TRUE(bench.go(S::stop));
  const int objects = bench.device.live_objects();
  bench.device.forget_commands();
  auto stream = bench.go(S::stop_copy);
  ASSERT_TRUE(stream);
  ASSERT_TRUE(stream.value());
  EXPECT_EQ(drain(*stream.value()).size(), 24U + 16 + 100);
  EXPECT_THAT(bench.take_log(), ElementsAre("ALLOC_PD", "QUERY inc=0", "CREATE_MKEY len=12288",
                                            "SAVE inc=0 track=0 size=12288"));
  ASSERT_TRUE(bench.go(S::stop));
  EXPECT_THAT(bench.take_log(), ElementsAre("DESTROY_MKEY", "DEALLOC_PD"));
  EXPECT_EQ(bench.device.live_objects(), objects);
  EXPECT_EQ(stream.value()->read(1, true).error().code, ENODEV);
}

TEST(ArcsNewest, PrecopyToStopCopy) {
  MigBench bench;
  bench.start();
  auto stream = bench.go(S::pre_copy);
  ASSERT_TRUE(stream);
  EXPECT_EQ(drain(*stream.value()).size(), 24U + 16 + 100);
  // 0x3000 + 10 % = 13516.8 bytes: four pages, for the reserve and for the first image.
  EXPECT_THAT(bench.take_log(),
              ElementsAre("ALLOC_PD", "QUERY inc=0", "CREATE_MKEY len=16384",
                          "CREATE_MKEY len=16384", "SAVE inc=0 track=1 size=16384"));
  bench.image.required = 0x1000;
  auto info = stream.value()->precopy_info();
  ASSERT_TRUE(info);
  EXPECT_EQ(info.value().initial_bytes, 0U);
  EXPECT_EQ(info.value().dirty_bytes, 0x1000U + 16);
  ASSERT_TRUE(bench.go(S::pre_copy_p2p));
  EXPECT_THAT(bench.take_log(),
              ElementsAre("QUERY inc=1", "SAVE inc=1 track=1 size=16384", "SUSPEND 0"));
  auto none = bench.go(S::stop_copy);
  ASSERT_TRUE(none);
  EXPECT_EQ(none.value(), nullptr);
  EXPECT_EQ(drain(*stream.value()).size(), 2 * (16U + 100));
  EXPECT_THAT(bench.take_log(),
              ElementsAre("SUSPEND 1", "QUERY inc=1", "SAVE inc=1 track=0 size=16384"));
  EXPECT_TRUE(stream.value()->read(1, false).value().empty());
  ASSERT_TRUE(bench.go(S::stop));
  EXPECT_THAT(bench.take_log(), ElementsAre("DESTROY_MKEY", "DESTROY_MKEY", "DEALLOC_PD"));
}

TEST(ArcsNewest, FinalImageThatGrewGetsANewBuffer) {
  MigBench bench;
  bench.start();
  auto stream = bench.go(S::pre_copy);
  drain(*stream.value());
  bench.image.required = 0x8000;
  bench.device.forget_commands();
  ASSERT_TRUE(bench.go(S::stop_copy));
  const auto log = bench.take_log();
  EXPECT_EQ(log.back(), "SAVE inc=1 track=0 size=32768");
  EXPECT_EQ(std::count(log.begin(), log.end(), "CREATE_MKEY len=32768"), 1);
}

TEST(ArcsNewest, CancelPrecopy) {
  MigBench bench;
  bench.start();
  const int objects = bench.device.live_objects();
  auto stream = bench.go(S::pre_copy);
  drain(*stream.value());
  bench.device.forget_commands();
  ASSERT_TRUE(bench.go(S::running));
  EXPECT_THAT(bench.take_log(), ElementsAre("QUERY inc=1", "SAVE inc=0 track=0 size=16384",
                                            "DESTROY_MKEY", "DESTROY_MKEY", "DEALLOC_PD"));
  EXPECT_EQ(bench.device.live_objects(), objects);
  ASSERT_TRUE(bench.go(S::pre_copy_p2p));
  bench.device.forget_commands();
  ASSERT_TRUE(bench.go(S::running_p2p));
  EXPECT_EQ(bench.take_log().front(), "QUERY inc=1");
}

TEST(ArcsNewest, CancelAfterAHardErrorIsEioAndClosesTheSession) {
  MigBench bench;
  bench.image.save_status = VF_STATUS_INTERNAL;
  bench.start();
  auto stream = bench.go(S::pre_copy);
  bench.os.sleep(Nanoseconds(1'000'000));
  EXPECT_EQ(stream.value()->read(1, false).error().code, ENODEV);
  EXPECT_EQ(stream.value()->poll(), 0x2041U);
  EXPECT_EQ(stream.value()->precopy_info().error().code, ENODEV);
  EXPECT_EQ(bench.go(S::running).error().code, EIO);
  EXPECT_EQ(bench.state(), S::pre_copy);
  ASSERT_TRUE(bench.go(S::running));
}

TEST(ArcsNewest, PrecopyErrorFallsBackToAFullImage) {
  MigBench bench;
  bench.start();
  auto stream = bench.go(S::pre_copy);
  drain(*stream.value());
  bench.image.save_status = VF_STATUS_BAD_RES_STATE;
  ASSERT_TRUE(stream.value()->precopy_info());
  bench.device.forget_commands();
  auto info = stream.value()->precopy_info();  // waits for nothing and asks nothing after the error
  bench.os.sleep(Nanoseconds(1'000'000));
  info = stream.value()->precopy_info();
  ASSERT_TRUE(info);
  EXPECT_EQ(info.value().dirty_bytes, 0U);
  EXPECT_EQ(stream.value()->read(1, false).error().code, ENOMSG);
  bench.image.save_status = VF_STATUS_OK;
  ASSERT_TRUE(bench.go(S::pre_copy_p2p));
  bench.device.forget_commands();
  ASSERT_TRUE(bench.go(S::stop_copy));
  EXPECT_EQ(drain(*stream.value()).size(), 16U + 100);
  EXPECT_THAT(bench.take_log(),
              ElementsAre("SUSPEND 1", "QUERY inc=0", "SAVE inc=0 track=0 size=16384"));
}

TEST(ArcsNewest, FailedFinalQueryLeavesBothSidesSuspended) {
  MigBench bench;
  bench.start();
  auto stream = bench.go(S::pre_copy_p2p);
  drain(*stream.value());
  bench.device.on(VF_OP_QUERY_VHCA_MIGRATION_STATE,
                  [](const FakeCommand&) { return fake_status(VF_STATUS_BAD_PARAM, 1); });
  bench.device.forget_commands();
  EXPECT_EQ(bench.go(S::stop_copy).error().code, EINVAL);
  EXPECT_THAT(bench.take_log(), ElementsAre("SUSPEND 1", "QUERY inc=1"));
  EXPECT_EQ(bench.state(), S::pre_copy_p2p);
  EXPECT_EQ(stream.value()->read(1, true).error().code, ENODEV);
  ASSERT_TRUE(bench.go(S::pre_copy));
  EXPECT_THAT(bench.take_log(), ElementsAre("RESUME 1"));
}

TEST(ArcsNewest, ResumingLoadsEachRecordAsItComes) {
  MigBench bench;
  bench.start();
  ASSERT_TRUE(bench.go(S::stop));
  bench.device.forget_commands();
  auto stream = bench.go(S::resuming);
  ASSERT_TRUE(stream);
  EXPECT_THAT(bench.take_log(), ElementsAre("ALLOC_PD"));
  auto bytes = stop_copy_size_record(0x4000);
  for (const std::uint64_t size : {100U, 5000U}) {
    const auto header = RecordHeader{size, 0, RecordHeader::kFwData}.encode();
    bytes.insert(bytes.end(), header.begin(), header.end());
    bytes.resize(bytes.size() + size, 0x5a);
  }
  for (std::size_t at = 0; at < bytes.size(); at += 7) {  // pieces that cut headers and payloads
    const std::size_t n = std::min<std::size_t>(7, bytes.size() - at);
    ASSERT_EQ(stream.value()->write(bytes.data() + at, n).value(), n);
  }
  EXPECT_THAT(bench.take_log(),
              ElementsAre("CREATE_MKEY len=16384", "LOAD size=100", "LOAD size=5000"));
  ASSERT_TRUE(bench.go(S::stop));
  EXPECT_THAT(bench.take_log(), ElementsAre("DESTROY_MKEY", "DEALLOC_PD"));
  EXPECT_EQ(stream.value()->write(bytes.data(), 1).error().code, ENODEV);
}

TEST(ArcsNewest, ChunksAlternateAndWaitForTheReader) {
  MigBench bench(MigFlow::newest, true);
  bench.image.required = 0x2000;
  bench.image.remaining = 0x7000;
  bench.image.next = 0x2000;
  bench.start();
  ASSERT_TRUE(bench.go(S::stop));
  bench.device.forget_commands();
  auto stream = bench.go(S::stop_copy);
  bench.os.sleep(Nanoseconds(1'000'000));
  EXPECT_THAT(
      bench.take_log(),
      ElementsAre("ALLOC_PD", "QUERY inc=0 chunk", "CREATE_MKEY len=28672", "CREATE_MKEY len=28672",
                  "SAVE inc=0 track=0 size=28672", "SAVE inc=1 track=0 size=28672"));
  bench.image.next = 0;  // the third is the last
  ASSERT_EQ(stream.value()->read(24 + 16 + 99, false).value().size(), 139U);
  bench.os.sleep(Nanoseconds(1'000'000));
  EXPECT_THAT(bench.take_log(), IsEmpty());
  ASSERT_EQ(stream.value()->read(1, false).value().size(), 1U);
  EXPECT_EQ(drain(*stream.value()).size(), 2 * (16U + 100));
  EXPECT_THAT(bench.take_log(), ElementsAre("SAVE inc=1 track=0 size=28672"));
  EXPECT_EQ(bench.driver->data_size().value(), 0x7000U);
}

TEST(ArcsRaw, StopCopyReleasesKeyAndDomainWhenSaved) {
  MigBench bench(MigFlow::v61);
  bench.image.required = 0x2345;
  bench.start();
  ASSERT_TRUE(bench.go(S::stop));
  bench.device.forget_commands();
  auto stream = bench.go(S::stop_copy);
  ASSERT_TRUE(stream);
  EXPECT_EQ(stream.value()->read(10, true).error().code, EAGAIN);
  EXPECT_EQ(drain(*stream.value()).size(), 100U);
  bench.os.sleep(Nanoseconds(1'000'000));
  EXPECT_THAT(bench.take_log(),
              ElementsAre("QUERY inc=0", "ALLOC_PD", "CREATE_MKEY len=9029",
                          "SAVE inc=0 track=0 size=9029", "DESTROY_MKEY", "DEALLOC_PD"));
  ASSERT_TRUE(bench.go(S::stop));
  EXPECT_THAT(bench.take_log(), IsEmpty());
  EXPECT_EQ(bench.go(S::pre_copy).error().code, EINVAL);
}

TEST(ArcsRaw, LoadHappensWhenResumingEnds) {
  MigBench bench(MigFlow::v61);
  bench.start();
  ASSERT_TRUE(bench.go(S::stop));
  auto stream = bench.go(S::resuming);
  bench.device.forget_commands();
  EXPECT_EQ(bench.go(S::stop).error().code, EINVAL);  // nothing was written
  EXPECT_EQ(bench.state(), S::resuming);
  const std::vector<std::uint8_t> image(5000, 1);
  ASSERT_TRUE(stream.value()->write(image.data(), image.size()));
  EXPECT_THAT(bench.take_log(), IsEmpty());
  ASSERT_TRUE(bench.go(S::stop));
  EXPECT_THAT(bench.take_log(), ElementsAre("ALLOC_PD", "CREATE_MKEY len=5000", "LOAD size=5000",
                                            "DESTROY_MKEY", "DEALLOC_PD"));
}

TEST(ArcsRules, FailedArcKeepsTheState) {
  MigBench bench;
  bench.start();
  bench.device.on(VF_OP_SUSPEND_VHCA, [&](const FakeCommand& c) {
    return c.op_mod == 1 ? fake_status(VF_STATUS_RES_BUSY, 7) : FakeReply{};
  });
  EXPECT_EQ(bench.go(S::stop).error().code, EBUSY);
  EXPECT_EQ(bench.state(), S::running_p2p);
}

TEST(ArcsRules, SuspendWaitsForTheRunningSave) {
  MigBench bench;
  bench.image.save_time = Nanoseconds(50'000'000);
  bench.start();
  ASSERT_TRUE(bench.go(S::pre_copy));
  const Nanoseconds before = bench.os.now();
  ASSERT_TRUE(bench.go(S::pre_copy_p2p));
  EXPECT_GE((bench.os.now() - before).count(), 49'000'000);
}

TEST(ArcsRules, DisabledVfAnswersEnotconn) {
  MigBench bench;
  bench.start();
  auto stream = bench.go(S::pre_copy);
  drain(*stream.value());
  ASSERT_TRUE(bench.pf.disable_sriov());
  EXPECT_EQ(stream.value()->read(1, true).error().code, ENODEV);
  EXPECT_EQ(bench.go(S::running).error().code, ENOTCONN)
      << "no arc, whether it has commands or not";
  EXPECT_EQ(bench.go(S::running_p2p).error().code, ENOTCONN);
  EXPECT_EQ(bench.driver->data_size().error().code, ENOTCONN);
  EXPECT_EQ(bench.driver->logging_report(0, 4096).error().code, ENOTCONN);
  ASSERT_TRUE(bench.pf.enable_sriov(3));
  ASSERT_TRUE(bench.driver->bind());
  ASSERT_TRUE(bench.go(S::stop));
}

TEST(ArcsRules, ResetReturnsToRunningAndClosesStreams) {
  MigBench bench;
  bench.start();
  auto stream = bench.go(S::stop_copy);
  ASSERT_TRUE(stream);
  bench.driver->reset_done();
  EXPECT_EQ(bench.state(), S::running);
  EXPECT_EQ(stream.value()->read(1, true).error().code, ENODEV);
}

TEST(ArcsRules, ResetDuringAnArcWaitsForItsEnd) {
  MigBench bench;
  bench.start();
  bench.device.on(VF_OP_SUSPEND_VHCA, [](const FakeCommand&) {
    FakeReply reply;
    reply.delay = Nanoseconds(1'000'000);
    return reply;
  });
  bench.os.spawn("reset", [&] {
    bench.os.sleep(Nanoseconds(500'000));
    bench.driver->reset_done();
  });
  EXPECT_TRUE(bench.go(S::stop));
  EXPECT_EQ(bench.state(), S::running);
}

class ArcLog : public DriverObserver {
 public:
  void vfio_arc(VfRef, std::uint32_t from, std::uint32_t to, int error) override {
    arcs.push_back(std::to_string(from) + ">" + std::to_string(to) + (error != 0 ? "!" : ""));
  }
  std::vector<std::string> arcs;
};

TEST(ArcsRules, ObserverSeesEachArc) {
  ArcLog log;
  MigBench bench(MigFlow::newest, false, {}, &log);
  bench.start();
  ASSERT_TRUE(bench.go(S::stop));
  EXPECT_THAT(log.arcs, ElementsAre("2>5", "5>1"));
}

TEST(ArcsRules, FaultSkipsTheP2pStage) {
  ArcLog log;
  MigBench bench(MigFlow::newest, false, contract::fault_set({VF_FAULT_p2p_stage_skipped}), &log);
  bench.start();
  ASSERT_TRUE(bench.go(S::stop));
  EXPECT_THAT(bench.take_log(), ElementsAre("SUSPEND 0", "SUSPEND 1"));
  EXPECT_THAT(log.arcs, ElementsAre("2>1"));
}

}  // namespace
}  // namespace vfsim::driver
