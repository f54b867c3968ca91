#include "host_driver/guest/eth_driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host_driver/guest/eth_bench.hpp"

namespace vfsim::driver {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Frame = std::vector<std::uint8_t>;

class EthDriverTest : public ::testing::Test, protected EthBench {
 protected:
  void probe() {
    const auto result = EthBench::probe();
    ASSERT_TRUE(result) << result.error().text;
  }
};

Frame make_frame(std::uint8_t seed, std::size_t length) {
  Frame frame(length);
  for (std::size_t i = 0; i < length; ++i) {
    frame[i] = static_cast<std::uint8_t>(seed + i * 3);
  }
  return frame;
}

TEST_F(EthDriverTest, BringUpOrderAndFullTeardown) {
  probe();
  std::vector<std::string> names;
  for (const FakeCommand& command : device_.commands()) {
    names.push_back(opcode_name(command.opcode));
  }
  EXPECT_THAT(names, ElementsAreArray({
                         "ENABLE_HCA",
                         "QUERY_ISSI",
                         "SET_ISSI",
                         "QUERY_PAGES",
                         "MANAGE_PAGES",
                         "QUERY_HCA_CAP",
                         "QUERY_HCA_CAP",
                         "SET_HCA_CAP",
                         "QUERY_PAGES",
                         "MANAGE_PAGES",
                         "INIT_HCA",
                         "QUERY_HCA_CAP",
                         "SET_DRIVER_VERSION",
                         "QUERY_HCA_CAP",
                         "QUERY_HCA_CAP",
                         "QUERY_ADAPTER",
                         "ALLOC_UAR",
                         "CREATE_EQ",
                         "CREATE_EQ",
                         "CREATE_EQ",
                         "CREATE_EQ",
                         "QUERY_NIC_VPORT_CONTEXT",
                         "ALLOC_PD",
                         "ALLOC_TRANSPORT_DOMAIN",
                         "CREATE_MKEY",
                         "CREATE_TIS",
                         "ALLOC_Q_COUNTER",
                         "CREATE_MKEY",
                         "CREATE_CQ",
                         "CREATE_CQ",
                         "CREATE_SQ",
                         "MODIFY_SQ",
                         "CREATE_RQ",
                         "MODIFY_RQ",
                         "CREATE_RQT",
                         "CREATE_TIR",
                         "CREATE_FLOW_TABLE",
                         "CREATE_FLOW_GROUP",
                         "SET_FLOW_TABLE_ENTRY",
                         "SET_FLOW_TABLE_ENTRY",
                         "MODIFY_NIC_VPORT_CONTEXT",
                         "QUERY_VPORT_STATE",
                     }));
  EXPECT_EQ(driver_->mac(), (Mac{2, 0, 0, 0, 0, 1}));
  EXPECT_TRUE(driver_->link_up());
  EXPECT_EQ(VF_GET(wq, wq_of(VF_OP_CREATE_SQ), log_wq_stride), 6U);
  EXPECT_EQ(VF_GET(wq, wq_of(VF_OP_CREATE_RQ), log_wq_stride), 4U);
  EXPECT_THAT(driver_->self_check(), IsEmpty());
  ASSERT_TRUE(driver_->remove());
  EXPECT_EQ(device_.live_objects(), 0);
  EXPECT_EQ(device_.pages().at(0).size(), 0U);
  EXPECT_EQ(platform_.allocated(), 0U);
}

TEST_F(EthDriverTest, FailureAtAnyCommandLeavesNothing) {
  probe();
  const std::size_t total = device_.commands().size();
  ASSERT_TRUE(driver_->remove());
  for (std::size_t failing = 0; failing < total; ++failing) {
    FakePlatform platform(os_);
    FakeDevice device(platform);
    device.capability(VF_CAP_GENERAL) = device_.capability(VF_CAP_GENERAL);
    device.capability(VF_CAP_ETHERNET).resize(4096);
    device.capability(VF_CAP_FLOW_TABLE).resize(4096);
    std::size_t count = 0;
    for (std::uint32_t opcode = 0x100; opcode < 0xa10; ++opcode) {
      device.on(opcode, [&](const FakeCommand& command) {
        return count++ == failing ? fake_status(VF_STATUS_NO_RESOURCES, 0)
                                  : device.standard(command);
      });
    }
    EthDriver driver(platform, options_);
    const bool tolerated = device_.commands()[failing].opcode == VF_OP_QUERY_ISSI ||
                           device_.commands()[failing].opcode == VF_OP_SET_DRIVER_VERSION;
    const auto result = driver.probe();
    EXPECT_EQ(result.has_value(), tolerated) << failing;
    if (!result) {
      EXPECT_EQ(device.live_objects(), 0) << failing;
      EXPECT_EQ(platform.allocated(), 0U) << failing;
    } else {
      EXPECT_TRUE(driver.remove());
    }
  }
}

TEST_F(EthDriverTest, FramesGoOutThroughBothKeysAndComeBackAsCompletions) {
  options_.pa_key_every = 2;
  probe();
  std::vector<Frame> sent;
  for (std::uint8_t i = 0; i < 40; ++i) {
    sent.push_back(make_frame(i, 60 + i * 11U));
    while (!driver_->send(sent.back().data(), static_cast<std::uint32_t>(sent.back().size()))) {
      os_.sleep(10us);  // ring full
    }
  }
  os_.sleep(1ms);
  EXPECT_EQ(wire_, sent);
  EXPECT_EQ(driver_->sends_completed(), 40U);
  EXPECT_EQ(driver_->send_room(), 8U);
  EXPECT_THAT(driver_->self_check(), IsEmpty());
}

TEST_F(EthDriverTest, FullRingAndWrongLengths) {
  device_.on_send_doorbell({});
  probe();
  const Frame frame = make_frame(1, 100);
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(driver_->send(frame.data(), 100));
  }
  EXPECT_EQ(driver_->send(frame.data(), 100).error().code, EAGAIN);
  EXPECT_EQ(driver_->send(frame.data(), 10).error().code, EINVAL);
  EXPECT_EQ(driver_->send(frame.data(), 4000).error().code, EINVAL);
  EXPECT_EQ(driver_->counters().sends_posted, 8U);
}

TEST_F(EthDriverTest, ReceivedFramesReachTheReceiverAndBuffersGoBack) {
  options_.pa_key_every = 3;
  probe();
  std::vector<Frame> got, sent;
  driver_->set_receiver([&](const std::uint8_t* bytes, std::uint32_t length) {
    got.emplace_back(bytes, bytes + length);
  });
  for (std::uint8_t i = 0; i < 50; ++i) {
    sent.push_back(make_frame(i, 60 + i));
    deliver(sent.back());
    if (i % 5 == 4) {
      os_.sleep(100us);
    }
  }
  os_.sleep(1ms);
  EXPECT_EQ(got, sent);
  EXPECT_EQ(driver_->received(), 50U);
  EXPECT_THAT(driver_->self_check(), IsEmpty());
}

TEST_F(EthDriverTest, ReceiverMayAnswer) {
  probe();
  driver_->set_receiver([&](const std::uint8_t* bytes, std::uint32_t length) {
    EXPECT_TRUE(driver_->send(bytes, length));
  });
  deliver(make_frame(7, 200));
  os_.sleep(1ms);
  ASSERT_EQ(wire_.size(), 1U);
  EXPECT_EQ(wire_.front(), make_frame(7, 200));
}

TEST_F(EthDriverTest, PrePostedRequestsRunWhenAPeerRings) {
  probe();
  for (std::uint8_t i = 0; i < 3; ++i) {
    const Frame frame = make_frame(i, 64);
    ASSERT_TRUE(driver_->post_only(frame.data(), 64));
  }
  os_.sleep(1ms);
  EXPECT_TRUE(wire_.empty());
  SendDoorbell doorbell = driver_->doorbell();
  for (std::size_t rung = 1; rung <= 3; ++rung) {
    platform_.write64(doorbell.uar_offset, doorbell.value);  // the peer's posted write
    doorbell.value += std::uint64_t{doorbell.step} << 32;
    os_.sleep(100us);
    EXPECT_EQ(wire_.size(), rung);
  }
  EXPECT_EQ(driver_->sends_completed(), 3U);
}

TEST_F(EthDriverTest, TailsOfFramesGoToAPeer) {
  constexpr std::uint64_t kPeer = (1ULL << 40) + 0x3808;
  options_.pa_key_every = 2;
  options_.split_tails = true;
  probe();
  EXPECT_EQ(VF_GET(wq, wq_of(VF_OP_CREATE_RQ), log_wq_stride), 5U);
  std::vector<Frame> got;
  driver_->set_receiver([&](const std::uint8_t* bytes, std::uint32_t length) {
    got.emplace_back(bytes, bytes + length);
  });
  deliver(make_frame(9, 200));  // not yet
  ASSERT_TRUE(driver_->split_tails({kPeer, 8, 128}));
  for (std::uint8_t i = 0; i < 20; ++i) {
    deliver(make_frame(i, 128));
    os_.sleep(100us);
  }
  deliver(make_frame(30, 100));
  os_.sleep(1ms);
  ASSERT_EQ(got.size(), 22U);
  ASSERT_EQ(peer_.size(), 20U);
  EXPECT_EQ(got.back(), make_frame(30, 100));
  for (std::uint8_t i = 0; i < 20; ++i) {
    const Frame whole = make_frame(i, 128);
    EXPECT_EQ(got[i + 1U], Frame(whole.begin(), whole.end() - 8));
    EXPECT_EQ(peer_[i].first, kPeer);
    EXPECT_EQ(peer_[i].second, Frame(whole.end() - 8, whole.end()));
  }
  ASSERT_TRUE(driver_->remove());
  EXPECT_EQ(device_.live_objects(), 0);
}

TEST_F(EthDriverTest, TailsThatDoNotFit) {
  options_.split_tails = true;
  probe();
  for (const PeerTail& tail : {PeerTail{0x1000, 0, 128}, PeerTail{0x1ffc, 8, 128},
                               PeerTail{0x1000, 8, 8}, PeerTail{0x1000, 8, 4096}}) {
    EXPECT_EQ(driver_->split_tails(tail).error().code, EINVAL);
  }
  ASSERT_TRUE(driver_->remove());
  EXPECT_EQ(driver_->split_tails({0x1000, 8, 128}).error().code, ENODEV);
  options_.split_tails = false;
  probe();
  EXPECT_EQ(driver_->split_tails({0x1000, 8, 128}).error().code, EINVAL);
}

TEST_F(EthDriverTest, ErrorCompletionsAreCountedAndReported) {
  probe();
  std::vector<WorkError> errors;
  driver_->set_error_handler([&](const WorkError& error) { errors.push_back(error); });
  send_opcode_ = VF_CQE_REQ_ERR;
  const Frame frame = make_frame(1, 64);
  ASSERT_TRUE(driver_->send(frame.data(), 64));
  os_.sleep(1ms);
  complete(1, VF_CQE_RESP_ERR, 0, 0);
  os_.sleep(1ms);
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_TRUE(errors[0].send);
  EXPECT_EQ(errors[0].syndrome, 0x22);
  EXPECT_FALSE(errors[1].send);
  EXPECT_EQ(driver_->counters().send_errors, 1U);
  EXPECT_EQ(driver_->counters().receive_errors, 1U);
  EXPECT_EQ(driver_->sends_completed(), 1U);
}

TEST_F(EthDriverTest, SelfCheckFindsACompletionWithoutItsInterrupt) {
  probe();
  platform_.unbind_vector(1);  // interrupts of the completion queue are lost from now on
  deliver(make_frame(1, 64));
  os_.sleep(1ms);
  EXPECT_THAT(driver_->self_check(), ::testing::Contains(HasSubstr("completions wait")));
}

TEST_F(EthDriverTest, ChannelsHaveQueuesOfTheirOwn) {
  options_.channels = 3;
  probe();
  EXPECT_EQ(numbers_.at(VF_OP_CREATE_RQ).size(), 3U);
  EXPECT_EQ(numbers_.at(VF_OP_CREATE_CQ).size(), 6U);
  ASSERT_TRUE(driver_->remove());
  EXPECT_EQ(device_.live_objects(), 0);
  EXPECT_EQ(platform_.allocated(), 0U);
}

}  // namespace
}  // namespace vfsim::driver
