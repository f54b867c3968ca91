#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host_driver/cmd/golden.hpp"
#include "host_driver/platform/fake_device.hpp"
#include "host_driver/resources/completion_queue.hpp"
#include "host_driver/resources/event_queue.hpp"
#include "host_driver/resources/receive_queue.hpp"
#include "host_driver/resources/send_queue.hpp"

namespace vfsim::driver {
namespace {

constexpr std::uint32_t kUar = 16;

class QueuesTest : public ::testing::Test {
 protected:
  QueuesTest() { EXPECT_TRUE(channel_.start()); }
  std::vector<std::uint8_t> data(std::uint8_t first) {
    std::vector<std::uint8_t> bytes(28);
    bytes[0] = first;
    return bytes;
  }

  FakeOs os_;
  FakePlatform platform_{os_};
  FakeDevice device_{platform_};
  CommandChannel channel_{platform_, {}};
};

TEST_F(QueuesTest, EventsAreTakenByOwnerParityOverManyRounds) {
  auto eq =
      EventQueue::create(platform_, channel_, {3, kUar, 0, 1U << VF_EVENT_PORT_CHANGE}).value();
  EqEvent event;
  EXPECT_FALSE(eq->next(event));  // software owns nothing at first
  for (std::uint8_t round = 0; round < 40; ++round) {
    ASSERT_TRUE(device_.post_event(VF_EVENT_PORT_CHANGE, VF_PORT_CHANGE_ACTIVE, data(round)));
    ASSERT_TRUE(eq->pending());
    ASSERT_TRUE(eq->next(event));
    EXPECT_EQ(event.type, VF_EVENT_PORT_CHANGE);
    EXPECT_EQ(event.sub_type, VF_PORT_CHANGE_ACTIVE);
    EXPECT_EQ(event.data[0], round);
    EXPECT_FALSE(eq->next(event));
  }
}

TEST_F(QueuesTest, EventDoorbellIsTheGoldenOne) {
  device_.on(VF_OP_CREATE_EQ, [](const FakeCommand&) {
    FakeReply reply;
    reply.out = golden_bytes("CREATE_EQ output");  // number 4
    return reply;
  });
  auto eq = EventQueue::create(platform_, channel_, {8, kUar, 0, 0}).value();
  const std::uint64_t ring = vf_be64_load(device_.commands().back().in.data() + 272);
  EqEvent event;
  for (std::uint32_t i = 0; i < 0x123; ++i) {
    const auto owner = static_cast<std::uint8_t>(i >> 8 & 1U);
    platform_.mem_write(ring + i % 256 * 64 + 63, &owner, 1);
    ASSERT_TRUE(eq->next(event));
  }
  eq->arm();
  const Bytes golden = golden_bytes("EQ doorbell dword: eqn=4");
  EXPECT_EQ(platform_.read32(kUar * 4096 + VF_UAR_EQ_ARM), vf_be32_load(golden.data()));
}

TEST_F(QueuesTest, LongBurstIsAcknowledgedOnTheWay) {
  auto eq =
      EventQueue::create(platform_, channel_, {3, kUar, 0, 1U << VF_EVENT_PORT_CHANGE}).value();
  EqEvent event;
  for (int i = 0; i < 4; ++i) {
    (void)device_.post_event(VF_EVENT_PORT_CHANGE, 4, data(0));
    ASSERT_TRUE(eq->next(event));
  }
  EXPECT_EQ(platform_.read32(kUar * 4096 + VF_UAR_EQ_UPDATE) & 0xffffff, 4U);
  EXPECT_EQ(platform_.read32(kUar * 4096 + VF_UAR_EQ_ARM), 0U);
}

TEST_F(QueuesTest, CompletionsAreTakenByOwnerBitAndRecordFollows) {
  auto cq = CompletionQueue::create(platform_, channel_, 2, 1, kUar).value();
  const std::uint64_t dbr =
      vf_be64_load(device_.commands().back().in.data() + 16 + VF_OFF(cqc, dbr_addr) / 8);
  Cqe entry;
  EXPECT_FALSE(cq->next(entry));
  for (std::uint16_t i = 0; i < 11; ++i) {
    Cqe posted{};
    VF_SET(cqe, posted.data(), opcode, VF_CQE_RESP_SEND);
    VF_SET(cqe, posted.data(), wqe_counter, i);
    device_.post_cqe(cq->number(), posted);
    EXPECT_EQ(cq->pending(), 1U);
    ASSERT_TRUE(cq->next(entry));
    EXPECT_EQ(VF_GET(cqe, entry.data(), wqe_counter), i);
    EXPECT_FALSE(cq->next(entry));
  }
  cq->event_seen();
  cq->arm();
  std::array<std::uint8_t, 8> record{};
  platform_.mem_read(dbr, record.data(), record.size());
  EXPECT_EQ(vf_be32_load(record.data()), 11U);
  EXPECT_EQ(vf_be32_load(record.data() + 4), 1U << 28 | 11U);  // sequence 1, same as the doorbell
  EXPECT_TRUE(device_.cq_armed(cq->number()));
}

TEST_F(QueuesTest, SendRequestIsWhatTheStockDriverWrites) {
  for (const std::uint8_t inline_mode : {std::uint8_t{0}, std::uint8_t{1}}) {
    WorkQueueSpec spec;
    spec.log_size = 2;
    spec.uar = kUar;
    spec.min_inline_mode = inline_mode;
    auto sq = SendQueue::create(platform_, channel_, spec).value();
    const FakeCommand& created = device_.commands().at(device_.commands().size() - 2);
    ASSERT_EQ(created.opcode, VF_OP_CREATE_SQ);
    const std::uint64_t ring = vf_be64_load(created.in.data() + 272);
    std::array<std::uint8_t, 64> frame{};
    for (std::uint8_t i = 0; i < frame.size(); ++i) {
      frame[i] = static_cast<std::uint8_t>(i + 1);
    }
    sq->post(frame.data(), 0x11223300, 0x5000, 64);
    sq->ring();
    std::array<std::uint8_t, 64> wqe{};
    platform_.mem_read(ring, wqe.data(), wqe.size());
    const std::uint32_t in_request = inline_mode != 0 ? 18 : 0;
    const std::uint32_t units = inline_mode != 0 ? 4 : 3;
    EXPECT_EQ(vf_be32_load(wqe.data()), 0x0aU);
    EXPECT_EQ(vf_be32_load(wqe.data() + 4), sq->number() << 8 | units);
    EXPECT_EQ(wqe[11], 0x08);  // completion always
    EXPECT_EQ(wqe[28] << 8 | wqe[29], static_cast<int>(in_request));
    if (inline_mode != 0) {
      EXPECT_TRUE(std::equal(wqe.begin() + 30, wqe.begin() + 48, frame.begin()));
    }
    const std::uint8_t* const segment = wqe.data() + (units - 1) * 16;
    EXPECT_EQ(vf_be32_load(segment), 64 - in_request);
    EXPECT_EQ(vf_be32_load(segment + 4), 0x11223300U);
    EXPECT_EQ(vf_be64_load(segment + 8), 0x5000 + in_request);
    ASSERT_FALSE(device_.send_doorbells().empty());
    EXPECT_EQ(device_.send_doorbells().back().first, kUar * 4096 + 0x800U);
    EXPECT_EQ(device_.send_doorbells().back().second, vf_be64_load(wqe.data()));
  }
}

TEST_F(QueuesTest, SendIndicesRunOver16Bits) {
  WorkQueueSpec spec;
  spec.log_size = 2;
  spec.uar = kUar;
  auto sq = SendQueue::create(platform_, channel_, spec).value();
  const std::array<std::uint8_t, 64> frame{};
  for (std::uint32_t i = 0; i < 0x10010; ++i) {
    sq->post(frame.data(), 0, 0, 64);
    ASSERT_EQ(sq->complete(static_cast<std::uint16_t>(i)), 1U);
  }
  EXPECT_EQ(sq->complete(3), 0U);  // not posted
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(sq->full());
    sq->post(frame.data(), 0, 0, 64);
  }
  EXPECT_TRUE(sq->full());
  EXPECT_EQ(sq->complete(0x12), 3U);  // one completion for three requests
  EXPECT_EQ(sq->outstanding(), 1U);
}

TEST_F(QueuesTest, DoorbellOfAPeerStartsAtTheOldestRequestNobodyRangFor) {
  WorkQueueSpec spec;
  spec.log_size = 3;
  spec.uar = kUar;
  auto sq = SendQueue::create(platform_, channel_, spec).value();
  const std::array<std::uint8_t, 64> frame{};
  sq->post(frame.data(), 0, 0, 64);
  sq->ring();
  sq->post(frame.data(), 0, 0, 64);
  sq->post(frame.data(), 0, 0, 64);
  const SendDoorbell first = sq->doorbell();
  EXPECT_EQ(first.value >> 32, 1U << 8 | 0x0aU);
  EXPECT_EQ((first.value >> 32) + first.step, 2U << 8 | 0x0aU);
  EXPECT_EQ(sq->complete(2), 3U);  // the peer rang for both
  sq->post(frame.data(), 0, 0, 64);
  EXPECT_EQ(sq->doorbell().value >> 32, 3U << 8 | 0x0aU);
}

TEST_F(QueuesTest, ReceiveBuffersAreConsumedInOrder) {
  WorkQueueSpec spec;
  spec.log_size = 2;
  auto rq = ReceiveQueue::create(platform_, channel_, spec).value();
  rq->post(4);
  rq->publish();
  EXPECT_EQ(rq->consume(1), rq->size());  // not the oldest
  EXPECT_EQ(rq->consume(0), 0U);
  EXPECT_EQ(rq->consume(1), 1U);
  rq->post(2);
  rq->publish();
  EXPECT_EQ(rq->outstanding(), 4U);
  const std::uint64_t dbr =
      vf_be64_load(device_.commands().back().in.data() + 80 + VF_OFF(wq, dbr_addr) / 8);
  std::array<std::uint8_t, 8> record{};
  platform_.mem_read(dbr, record.data(), record.size());
  EXPECT_EQ(vf_be32_load(record.data()), 6U);
  EXPECT_EQ(vf_be32_load(record.data() + 4), 0U);
}

}  // namespace
}  // namespace vfsim::driver
