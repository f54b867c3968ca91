#include "testbench/linux_host/guest/traffic.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host_driver/guest/eth_bench.hpp"
#include "testbench/workload/frames.hpp"

namespace vfsim::guest {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// A wire that sends every frame back, unless `spoil_` does something else with it.
class TrafficTest : public testing::Test, protected driver::EthBench {
 protected:
  TrafficTest() {
    options_.mac = bench::guest_mac(0);
    EXPECT_TRUE(probe());
    report_.uses("0000:00:01.0");
    on_frame_ = [this](Frame frame) {
      EXPECT_EQ(told("posted").count(bench::frame_hash(frame.data(), frame.size())), 1U)
          << "it was told before it could leave";
      std::swap_ranges(frame.begin(), frame.begin() + 6, frame.begin() + 6);
      const std::size_t number = seen_++;
      os_.after(10us, [this, frame, number]() mutable {
        if (!spoil_ || spoil_(frame, number)) {
          deliver(frame);
        }
      });
    };
    traffic_options_.burst = 4;
  }
  std::unique_ptr<Traffic> start(std::uint64_t frames) {
    auto traffic = std::make_unique<Traffic>(os_, *driver_, report_, traffic_options_);
    EXPECT_TRUE(traffic->send(frames));
    return traffic;
  }

  /// What lines of that kind have told, behind the guest's number.
  std::multiset<std::uint64_t> told(const std::string& word) {
    std::multiset<std::uint64_t> numbers;
    for (const std::string& line : lines_) {
      if (line.find(" " + word + " ") != std::string::npos) {
        const auto call = bench::parse_user_call(line);
        EXPECT_TRUE(call && call->numbers[0] == traffic_options_.guest) << line;
        numbers.insert(call->numbers.begin() + 1, call->numbers.end());
      }
    }
    return numbers;
  }

  std::vector<std::string> lines_;
  std::size_t writes_ = 0;
  FrameReport report_{0, [this](const std::vector<std::string>& lines) {
                        ++writes_;
                        lines_.insert(lines_.end(), lines.begin(), lines.end());
                      }};
  TrafficOptions traffic_options_;
  std::function<bool(Frame&, std::size_t number)> spoil_;  // false: it gets lost
  std::size_t seen_ = 0;
};

TEST_F(TrafficTest, every_frame_comes_back_and_a_burst_rings_once) {
  const auto traffic = start(20);
  EXPECT_TRUE(traffic->wait(50ms));
  EXPECT_TRUE(traffic->clean());
  EXPECT_THAT(traffic->report(),
              HasSubstr("sent 20, completed 20, back 20, lost 0, duplicated 0, corrupted 0, "
                        "reordered 0"));
  EXPECT_EQ(device_.send_doorbells().size(), 5U);
  EXPECT_GE(os_.now(), 4 * 4 * traffic_options_.gap) << "five bursts, four gaps";
}

TEST_F(TrafficTest, frames_are_told_in_bursts) {
  const auto traffic = start(40);
  EXPECT_TRUE(traffic->wait(50ms));
  EXPECT_EQ(told("posted").size(), 40U);
  EXPECT_EQ(told("delivered").size(), 40U);
  EXPECT_EQ(*told("completed").rbegin(), 40U);
  EXPECT_EQ(told("waits"), std::multiset<std::uint64_t>{0});
  EXPECT_LE(writes_, 1 + 10 + 2U) << "one for each burst";
  traffic->leave();
  EXPECT_EQ(told("down"), std::multiset<std::uint64_t>{40});
  EXPECT_EQ(lines_.front(), "0000:00:01.0 uses 0");
}

TEST_F(TrafficTest, long_bursts_are_told_in_lines_that_fit) {
  FrameReport report(3, [this](const std::vector<std::string>& lines) { lines_ = lines; });
  for (std::uint64_t frame = 0; frame < bench::kUserCallNumbers; ++frame) {
    report.posts(frame);
  }
  report.tell(7);
  ASSERT_EQ(lines_.size(), 3U);
  EXPECT_EQ(lines_[0], " completed 3 7");
  EXPECT_EQ(lines_[2], " posted 3 ff");
}

TEST_F(TrafficTest, what_an_abandoned_driver_had_completed_is_told) {
  const auto traffic = start(12);
  os_.sleep(1us);
  traffic->pause();
  driver_->give_up();
  traffic->abandon();
  EXPECT_EQ(told("abandoned").size(), 1U);
  EXPECT_EQ(told("posted").size(), 4U);
  traffic->stop();
}

TEST_F(TrafficTest, a_burst_longer_than_the_ring_goes_out_in_parts) {
  traffic_options_.burst = 20;
  const auto traffic = start(20);
  EXPECT_TRUE(traffic->wait(50ms));
  EXPECT_THAT(traffic->report(), HasSubstr("back 20, lost 0"));
  EXPECT_THAT(traffic->report(), testing::Not(HasSubstr("ring full 0,")));
}

TEST_F(TrafficTest, it_does_not_wait_for_ever_for_a_lost_frame) {
  spoil_ = [](const Frame&, std::size_t number) { return number != 7; };
  const auto traffic = start(12);
  EXPECT_FALSE(traffic->wait(5ms));
  EXPECT_LT(os_.now(), 20ms);
  EXPECT_THAT(traffic->report(), HasSubstr("back 11, lost 1,"));
}

TEST_F(TrafficTest, a_frame_with_another_byte_is_corrupted) {
  spoil_ = [](Frame& frame, std::size_t number) {
    frame.back() ^= number == 2 ? 1 : 0;
    return true;
  };
  const auto traffic = start(8);
  EXPECT_FALSE(traffic->wait(5ms));
  EXPECT_FALSE(traffic->clean());
  EXPECT_THAT(traffic->report(), HasSubstr("back 7, lost 1, duplicated 0, corrupted 1"));
}

TEST_F(TrafficTest, a_frame_that_comes_twice_is_duplicated) {
  spoil_ = [this](const Frame& frame, std::size_t number) {
    if (number == 3) {
      deliver(frame);
    }
    return true;
  };
  const auto traffic = start(8);
  EXPECT_TRUE(traffic->wait(5ms));
  EXPECT_FALSE(traffic->clean());
  EXPECT_THAT(traffic->report(), HasSubstr("back 8, lost 0, duplicated 1"));
}

TEST_F(TrafficTest, sending_waits_while_it_is_paused) {
  const auto traffic = start(12);
  os_.sleep(1us);
  traffic->pause();
  os_.sleep(10ms);
  EXPECT_EQ(wire_.size(), 4U);
  traffic->resume();
  EXPECT_TRUE(traffic->wait(5ms));
  EXPECT_EQ(wire_.size(), 12U);
  EXPECT_TRUE(traffic->clean());
}

TEST_F(TrafficTest, one_sender_at_a_time_and_stop_ends_it) {
  const auto traffic = start(1000);
  os_.sleep(1us);
  EXPECT_EQ(traffic->send(1).error().code, EBUSY);
  traffic->stop();
  EXPECT_LT(wire_.size(), 1000U);
  EXPECT_TRUE(traffic->send(1)) << "it has ended";
  traffic->stop();
}

}  // namespace
}  // namespace vfsim::guest
