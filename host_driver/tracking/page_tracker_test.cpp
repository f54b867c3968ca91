// Dirty logging through the VF migration driver: command order, reports, errors.
#include "host_driver/tracking/page_tracker.hpp"

#include <array>
#include <map>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host_driver/migration/test_bench.hpp"
#include "host_driver/tracking/ranges.hpp"

namespace vfsim::driver {
namespace {

using testing::ElementsAre;

TEST(Ranges, SmallestGapsAreMergedFirst) {
  const std::vector<IovaRange> in = {
      {0x100000, 0x1000}, {0, 0x1000}, {0x2000, 0x1000}, {0x103000, 0x1000}};
  EXPECT_EQ(combine_ranges(in, 4).size(), 4U);
  const auto three = combine_ranges(in, 3);
  ASSERT_EQ(three.size(), 3U);
  EXPECT_EQ(three[0].length, 0x3000U);
  const auto two = combine_ranges(in, 2);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[1].iova, 0x100000U);
  EXPECT_EQ(two[1].length, 0x4000U);
  EXPECT_EQ(combine_ranges(in, 1)[0].length, 0x104000U);
}

TEST(Ranges, TotalIsRoundedUp) {
  EXPECT_EQ(log2_total({{0, 0x40000000}, {0x100000000, 0x20000000}}), 31);
  EXPECT_EQ(log2_total({{0, 0x40000000}}), 30);
}

/// Firmware side of the reports: writes messages into the posted receives of the host queue pair.
class TrackerBench : public MigBench {
 public:
  TrackerBench() {
    device.on(VF_OP_CREATE_MKEY, [this](const FakeCommand& c) {
      message_memory = vf_be64_load(c.in.data() + VF_BYTES(create_mkey_in));
      return device.standard(c);
    });
    device.on(VF_OP_CREATE_CQ, [this](const FakeCommand& c) {
      FakeReply reply = device.standard(c);
      cqn = static_cast<std::uint32_t>(VF_GET(create_cq_out, reply.out.data(), cqn));
      return reply;
    });
  }
  void message(std::uint8_t state, const std::vector<std::uint64_t>& pages,
               std::uint8_t opcode = VF_CQE_RESP_SEND_IMM) {
    std::vector<std::uint8_t> payload(pages.size() * 8);
    for (std::size_t i = 0; i < pages.size(); ++i) {
      vf_be64_store(payload.data() + 8 * i, pages[i]);
    }
    const std::uint32_t index = next++ % 32;
    platform.mem_write(message_memory + std::uint64_t{index} * 65536, payload.data(),
                       payload.size());
    std::array<std::uint8_t, 64> cqe{};
    VF_SET(cqe, cqe.data(), imm, std::uint32_t{state} << 28);
    VF_SET(cqe, cqe.data(), byte_cnt, payload.size());
    VF_SET(cqe, cqe.data(), wqe_counter, index);
    VF_SET(cqe, cqe.data(), opcode, opcode);
    device.post_cqe(cqn, cqe);
  }
  /// Answers each report after a while.
  void answer(std::function<void()> body) {
    device.on(VF_OP_MODIFY_GENERAL_OBJECT, [this, body](const FakeCommand&) {
      os.after(Nanoseconds(1'000'000), body);
      return FakeReply{};
    });
  }
  std::uint64_t message_memory = 0;
  std::uint32_t cqn = 0;
  std::uint32_t next = 0;
};

TEST(PageTracker, CommandOrder) {
  TrackerBench bench;
  bench.start();
  ASSERT_TRUE(bench.driver->logging_start(
      4096, {{0, 1U << 30}}));  // the command channel keeps its mailboxes
  ASSERT_TRUE(bench.driver->logging_stop());
  const int objects = bench.device.live_objects();
  const std::size_t memory = bench.platform.allocated();
  bench.device.forget_commands();
  auto page = bench.driver->logging_start(4096, {{0, 1U << 30}});
  ASSERT_TRUE(page) << page.error().text;
  EXPECT_EQ(page.value(), 4096U);
  EXPECT_THAT(bench.take_log(),
              ElementsAre("ALLOC_PD", "CREATE_CQ", "CREATE_QP", "CREATE_MKEY len=2097152",
                          "CREATE_QP", "RST2INIT_QP", "INIT2RTR_QP", "RST2INIT_QP", "INIT2RTR_QP",
                          "RTR2RTS_QP", "CREATE_GENERAL_OBJECT"));
  EXPECT_EQ(bench.driver->logging_start(4096, {{0, 1U << 30}}).error().code, EINVAL);
  ASSERT_TRUE(bench.driver->logging_stop());
  EXPECT_THAT(bench.take_log(), ElementsAre("DESTROY_GENERAL_OBJECT", "DESTROY_QP", "DESTROY_MKEY",
                                            "DESTROY_QP", "DESTROY_CQ", "DEALLOC_PD"));
  EXPECT_EQ(bench.device.live_objects(), objects);
  EXPECT_EQ(bench.platform.allocated(), memory);
  ASSERT_TRUE(bench.driver->logging_stop());
  EXPECT_EQ(bench.driver->logging_report(0, 4096).error().code, EINVAL);
}

TEST(PageTracker, ObjectFields) {
  TrackerBench bench;
  bench.start();
  std::vector<std::uint8_t> in;
  bench.device.on(VF_OP_CREATE_GENERAL_OBJECT, [&](const FakeCommand& c) {
    in = c.in;
    return bench.device.standard(c);
  });
  auto page = bench.driver->logging_start(
      1 << 30, {{0, 0x40000000}, {0x100000000, 0x10000000}, {0x110000000, 0x1000}});
  ASSERT_TRUE(page);
  EXPECT_EQ(page.value(), 1U << 21);  // clamped to the device's largest
  const std::uint8_t* object = in.data() + VF_BYTES(general_obj_in_cmd_hdr);
  EXPECT_EQ(VF_GET(page_track, object, vhca_id), kTestVhca);
  EXPECT_EQ(VF_GET(page_track, object, num_ranges), 2U);
  EXPECT_EQ(VF_GET(page_track, object, log_msg_size), 16U);
  EXPECT_EQ(VF_GET(page_track, object, log_addr_space_size), 31U);
  EXPECT_EQ(VF_GET(page_track, object, track_type), 1U);
}

TEST(PageTracker, AddressSpaceOutsideOfTheLimits) {
  TrackerBench bench;
  bench.start();
  const int objects = bench.device.live_objects();
  EXPECT_EQ(bench.driver->logging_start(4096, {{0, 1U << 16}}).error().code, EOPNOTSUPP);
  EXPECT_EQ(bench.device.live_objects(), objects);
}

TEST(PageTracker, ReportOverSeveralMessagesAndRingWraps) {
  TrackerBench bench;
  bench.start();
  ASSERT_TRUE(bench.driver->logging_start(4096, {{0, 1U << 30}}));
  bench.answer([&] {
    bench.message(VF_PAGE_TRACK_REPORTING, {0x3000, 0x1000});
    bench.message(VF_PAGE_TRACK_REPORTING, {0x2000});
    bench.message(VF_PAGE_TRACK_TRACKING, {});
  });
  for (int round = 0; round < 40; ++round) {  // 120 messages through a ring of 32
    EXPECT_THAT(bench.driver->logging_report(0, 1U << 30).value(),
                ElementsAre(0x1000, 0x2000, 0x3000))
        << round;
  }
}

TEST(PageTracker, ErrorsAreEioAndFinal) {
  const auto dies = [](std::function<void(TrackerBench&)> cause) {
    TrackerBench bench;
    bench.start();
    ASSERT_TRUE(bench.driver->logging_start(4096, {{0, 1U << 30}}));
    bench.answer([&] { cause(bench); });
    EXPECT_EQ(bench.driver->logging_report(0, 4096).error().code, EIO);
    EXPECT_EQ(bench.driver->logging_report(0, 4096).error().code, EIO);
    EXPECT_TRUE(bench.driver->logging_stop());
  };
  dies([](TrackerBench& b) { b.message(VF_PAGE_TRACK_ERROR, {}); });
  dies([](TrackerBench& b) { b.message(VF_PAGE_TRACK_TRACKING, {}, VF_CQE_RESP_SEND); });
  dies([](TrackerBench& b) { b.message(VF_PAGE_TRACK_TRACKING, {}, VF_CQE_RESP_ERR); });
}

TEST(PageTracker, ResetKeepsTheTrackerAlive) {
  TrackerBench bench;
  bench.start();
  ASSERT_TRUE(bench.driver->logging_start(4096, {{0, 1U << 30}}));
  bench.driver->reset_done();
  bench.answer([&] { bench.message(VF_PAGE_TRACK_TRACKING, {0x1000}); });
  EXPECT_THAT(bench.driver->logging_report(0, 1U << 30).value(), ElementsAre(0x1000));
}

TEST(PageTracker, DisablingTheVfEndsASleepingReport) {
  TrackerBench bench;
  bench.start();
  ASSERT_TRUE(bench.driver->logging_start(4096, {{0, 1U << 30}}));
  int code = 0;
  bench.os.spawn("vmm", [&] { code = bench.driver->logging_report(0, 4096).error().code; });
  bench.os.sleep(Nanoseconds(1'000'000));
  ASSERT_TRUE(bench.pf.disable_sriov());
  bench.os.settle();
  EXPECT_EQ(code, EIO);
}

}  // namespace
}  // namespace vfsim::driver
