#include "systemc/common/calendar.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <systemc>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vfsim::model {
namespace {

using sc_core::sc_time;
using testing::ElementsAre;

/// A timer that runs any code.
class Callback final : public Timer {
 public:
  explicit Callback(std::function<void()> code) : code_(std::move(code)) {}

 private:
  void fire() override { code_(); }
  std::function<void()> code_;
};

/// A process besides the calendar.
class Foreign final : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Foreign);
  Foreign(const sc_core::sc_module_name& name, std::function<void()> body)
      : sc_module(name), body_(std::move(body)) {
    SC_THREAD(run);
  }

 private:
  void run() { body_(); }
  std::function<void()> body_;
};

class CalendarTest : public testing::Test {
 protected:
  void log_at(const std::string& what) {
    log_.push_back(what + "@" + std::to_string(calendar_.now()));
  }
  std::unique_ptr<Callback> logger(const std::string& what) {
    return std::make_unique<Callback>([this, what] { log_at(what); });
  }
  static sc_time ps(Ps t) { return sc_time::from_value(t); }

  Calendar calendar_{"calendar"};
  std::vector<std::string> log_;
};

TEST_F(CalendarTest, fires_in_time_order_and_ties_in_arming_order) {
  auto a = logger("a");
  auto b = logger("b");
  auto c = logger("c");
  auto d = logger("d");
  calendar_.arm(*a, 30);
  calendar_.arm(*b, 10);
  calendar_.arm(*c, 30);
  calendar_.arm(*d, 10);
  sc_core::sc_start();
  EXPECT_THAT(log_, ElementsAre("b@10", "d@10", "a@30", "c@30"));
  EXPECT_EQ(calendar_.fired(), 4U);
  EXPECT_EQ(calendar_.now(), 30U);
}

TEST_F(CalendarTest, rearming_replaces_the_time_and_disarming_removes_it) {
  auto a = logger("a");
  auto b = logger("b");
  auto c = logger("c");
  calendar_.arm(*a, 10);
  calendar_.arm(*a, 50);  // later
  calendar_.arm(*b, 90);
  calendar_.arm(*b, 20);          // earlier
  calendar_.arm_earlier(*b, 30);  // keeps 20
  calendar_.arm(*c, 40);
  calendar_.disarm(*c);
  EXPECT_TRUE(a->armed());
  EXPECT_EQ(a->due(), 50U);
  EXPECT_FALSE(c->armed());
  sc_core::sc_start();
  EXPECT_THAT(log_, ElementsAre("b@20", "a@50"));
}

TEST_F(CalendarTest, a_timer_may_rearm_itself_and_others_while_it_fires) {
  auto other = logger("other");
  int rounds = 0;
  Callback self([&] {
    log_at("self");
    EXPECT_FALSE(self.armed());
    if (++rounds < 3) {
      calendar_.arm(*other, calendar_.now());  // at once: after this one, before later ones
      calendar_.arm(self, calendar_.now() + 10);
    } else {
      calendar_.disarm(*other);
    }
  });
  calendar_.arm(self, 5);
  sc_core::sc_start();
  EXPECT_THAT(log_, ElementsAre("self@5", "other@5", "self@15", "other@15", "self@25"));
}

TEST_F(CalendarTest, a_process_sees_exactly_the_state_of_its_time) {
  Ps last = 0;
  Callback tick([&] {
    last = calendar_.now();
    calendar_.arm(tick, last + 7);
  });
  calendar_.arm(tick, 7);
  Foreign thread("thread", [&] {
    for (int i = 1; i <= 5; ++i) {
      sc_core::wait(ps(100));
      EXPECT_EQ(calendar_.now(), 100U * static_cast<unsigned>(i));
      EXPECT_EQ(last, calendar_.now() / 7 * 7);
    }
    sc_core::wait(ps(200));  // 700 is a multiple of 7: the timer of the same time has fired
    EXPECT_EQ(last, 700U);
    sc_core::sc_stop();
  });
  sc_core::sc_start();
}

TEST_F(CalendarTest, a_process_arms_earlier_than_the_kernel_is_told) {
  auto late = logger("late");
  auto early = logger("early");
  auto now = logger("now");
  calendar_.arm(*late, 1000);
  Foreign thread("thread", [&] {
    sc_core::wait(ps(100));
    calendar_.arm(*early, 150);
    calendar_.arm(*now, 20);  // in the past: now
    sc_core::wait(ps(10));
    log_at("thread");
  });
  sc_core::sc_start();
  EXPECT_THAT(log_, ElementsAre("now@100", "thread@110", "early@150", "late@1000"));
}

TEST_F(CalendarTest, an_event_wakes_a_process_at_the_exact_time_inside_a_batch) {
  KernelEvent event;
  auto after = logger("after");
  Callback same([&] {
    log_at("same");
    calendar_.notify(event);
  });
  auto tie = logger("tie");
  calendar_.arm(same, 20);
  calendar_.arm(*tie, 20);
  calendar_.arm(*after, 21);
  Foreign thread("thread", [&] {
    calendar_.wait(event);
    log_at("thread");
  });
  sc_core::sc_start();
  EXPECT_THAT(log_, ElementsAre("same@20", "tie@20", "thread@20", "after@21"));
}

TEST_F(CalendarTest, a_wait_ends_at_its_time_or_with_its_event) {
  KernelEvent event;
  Callback ring([&] { calendar_.notify(event); });
  calendar_.arm(ring, 40);
  Foreign thread("thread", [&] {
    calendar_.wait(event, 25);
    log_at("time");
    calendar_.wait(event, 100);
    log_at("event");
    calendar_.wait(event, 60);
    log_at("time");
  });
  sc_core::sc_start();
  EXPECT_THAT(log_, ElementsAre("time@25", "event@40", "time@60"));
}

/// Whoever began to wait first runs first, whatever else is pending: a run must not depend on what only looks at it.
class CalendarTies : public CalendarTest {
 protected:
  std::vector<std::string> order_of_processes(bool more) {
    constexpr int kProcesses = 9;
    auto far = logger("far");
    if (more) {
      calendar_.arm(*far, 1'000'000);
    }
    std::vector<std::unique_ptr<KernelEvent>> events;
    std::vector<std::unique_ptr<Foreign>> threads;
    for (int i = 0; i < kProcesses; ++i) {
      events.push_back(std::make_unique<KernelEvent>());
      const std::string name = "p" + std::to_string(i);
      threads.push_back(std::make_unique<Foreign>(name.c_str(), [this, name, event = events.back().get(), i] {
        calendar_.wait(*event, static_cast<Ps>(10 + i % 3));
        calendar_.wait(*event, 100);
        log_at(name);
      }));
    }
    sc_core::sc_start();
    log_.erase(std::remove(log_.begin(), log_.end(), "far@1000000"), log_.end());
    return log_;
  }
};

const std::vector<std::string> kInOrder = {"p0@100", "p3@100", "p6@100", "p1@100", "p4@100",
                                           "p7@100", "p2@100", "p5@100", "p8@100"};

TEST_F(CalendarTies, run_in_the_order_in_which_they_began_to_wait) {
  EXPECT_EQ(order_of_processes(false), kInOrder);
}

TEST_F(CalendarTies, whatever_else_is_pending) { EXPECT_EQ(order_of_processes(true), kInOrder); }

TEST_F(CalendarTest, the_limit_holds_local_time_back_for_timed_starts) {
  Ps last = 0;
  Callback tick([&] {
    last = calendar_.now();
    calendar_.arm(tick, last + 30);
  });
  calendar_.arm(tick, 30);
  calendar_.run_until(100);
  EXPECT_EQ(calendar_.now(), 100U);
  EXPECT_EQ(last, 90U);
  calendar_.run_for(100);
  EXPECT_EQ(last, 180U);
}

TEST_F(CalendarTest, an_observer_may_stop_the_simulation_from_a_timer) {
  Ps last = 0;
  Callback tick([&] {
    last = calendar_.now();
    calendar_.arm(tick, last + 1);
    if (last == 50) {
      calendar_.stop();
    }
  });
  calendar_.arm(tick, 1);
  sc_core::sc_start();
  EXPECT_EQ(last, 50U);
  EXPECT_EQ(calendar_.now(), 50U);
}

TEST_F(CalendarTest, stepping_within_a_timer_stops_before_other_activity) {
  auto other = logger("other");
  Callback queue([&] {
    EXPECT_FALSE(calendar_.step_to(20));  // a tie belongs to the one that was armed before
    EXPECT_FALSE(calendar_.step_to(101));
    EXPECT_TRUE(calendar_.step_to(19));
    log_at("queue");
  });
  calendar_.arm(*other, 20);
  calendar_.arm(queue, 10);
  Foreign thread("thread", [&] { sc_core::wait(ps(100)); });
  sc_core::sc_start();
  EXPECT_THAT(log_, ElementsAre("queue@19", "other@20"));
}

/// Many timers with pseudo-random gaps: the trace must equal the sorted reference whatever threads
/// interleave.
TEST_F(CalendarTest, random_load_fires_sorted_by_time) {
  std::vector<std::unique_ptr<Callback>> timers;
  std::uint32_t state = 1;
  Ps last = 0;
  std::uint32_t fires = 0;
  const auto next = [&state] { return (state = state * 1664525U + 1013904223U) >> 20; };
  for (std::size_t i = 0; i < 100; ++i) {
    timers.push_back(std::make_unique<Callback>([&, i] {
      EXPECT_GE(calendar_.now(), last);
      last = calendar_.now();
      if (++fires < 20000) {
        calendar_.arm(*timers[i], last + next());
        Callback& victim = *timers[next() % 100];
        if (&victim != timers[i].get() && next() % 4 == 0) {
          calendar_.arm(victim, last + next());
        }
      }
    }));
    calendar_.arm(*timers[i], next());
  }
  Foreign thread("thread", [&] {
    for (int i = 0; i < 1000; ++i) {
      sc_core::wait(ps(333));
      EXPECT_LE(last, calendar_.now());
    }
  });
  sc_core::sc_start();
  EXPECT_GE(fires, 20000U);
}

TEST_F(CalendarTest, a_million_firings) {
  std::uint32_t left = 1000000;
  std::vector<std::unique_ptr<Callback>> timers;
  for (std::size_t i = 0; i < 16; ++i) {
    timers.push_back(std::make_unique<Callback>([&, i] {
      if (left > 0) {
        --left;
        calendar_.arm(*timers[i], calendar_.now() + 17 + i);
      }
    }));
    calendar_.arm(*timers[i], i);
  }
  const auto begin = std::chrono::steady_clock::now();
  sc_core::sc_start();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  std::printf("%.1f M firings/s\n", static_cast<double>(calendar_.fired()) / wall.count() / 1e6);
  EXPECT_EQ(left, 0U);
}

}  // namespace
}  // namespace vfsim::model
