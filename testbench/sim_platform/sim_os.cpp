#define SC_INCLUDE_DYNAMIC_PROCESSES
#include "testbench/sim_platform/sim_os.hpp"

#include <algorithm>
#include <systemc>
#include <utility>

namespace vfsim::bench {
namespace {

constexpr int kStackBytes = 512 * 1024;  // driver code under sanitizers has large frames

model::Ps ps(driver::Nanoseconds duration) {
  return static_cast<model::Ps>(std::max<std::int64_t>(duration.count(), 0)) * model::kNs;
}

class SimEvent final : public driver::Event {
 public:
  explicit SimEvent(SimOs& os) : os_(os) {}
  ~SimEvent() override { os_.calendar().forget(event_); }

  bool wait(driver::Nanoseconds timeout) override {
    model::Calendar& calendar = os_.calendar();
    const model::Ps deadline = timeout == driver::kForever ? model::kNever : calendar.now() + ps(timeout);
    while (!set_ && calendar.now() < deadline) {
      calendar.wait(event_, deadline);
    }
    os_.pass_gate();
    return std::exchange(set_, false);
  }

  void notify() override {
    set_ = true;
    os_.calendar().notify(event_);
  }

 private:
  SimOs& os_;
  model::KernelEvent event_;
  bool set_ = false;
};

class SimMutex final : public driver::Mutex {
 public:
  explicit SimMutex(SimOs& os) : os_(os) {}
  ~SimMutex() override { os_.calendar().forget(released_); }
  void lock() override {
    while (locked_) {
      os_.calendar().wait(released_);
      os_.pass_gate();
    }
    locked_ = true;
  }
  bool try_lock() override { return !std::exchange(locked_, true); }
  void unlock() override {
    locked_ = false;
    os_.calendar().notify(released_);
  }

 private:
  SimOs& os_;
  model::KernelEvent released_;
  bool locked_ = false;
};

}  // namespace

SimOs::SimOs(model::Calendar& calendar, LogSink sink, std::string name, Gate* gate)
    : calendar_(calendar), sink_(std::move(sink)), name_(std::move(name)), gate_(gate) {}

driver::Nanoseconds SimOs::now() const {
  return driver::Nanoseconds(static_cast<std::int64_t>(calendar_.now() / model::kNs));
}

void SimOs::sleep(driver::Nanoseconds duration) {
  if (duration.count() > 0) {
    if (idle_sleeps_.empty()) {
      idle_sleeps_.push_back(std::make_unique<model::KernelEvent>());
    }
    std::unique_ptr<model::KernelEvent> over = std::move(idle_sleeps_.back());
    idle_sleeps_.pop_back();
    calendar_.wait(*over, calendar_.now() + ps(duration));
    idle_sleeps_.push_back(std::move(over));
  }
  pass_gate();
}

std::unique_ptr<driver::Event> SimOs::make_event() { return std::make_unique<SimEvent>(*this); }
std::unique_ptr<driver::Mutex> SimOs::make_mutex() { return std::make_unique<SimMutex>(*this); }

void SimOs::spawn(std::string_view name, std::function<void()> body) {
  sc_core::sc_spawn_options options;
  options.set_stack_size(kStackBytes);
  const std::string full = name_ + "_" + std::string(name);
  sc_core::sc_spawn(
      [this, body = std::move(body)] {
        pass_gate();
        body();
      },
      sc_core::sc_gen_unique_name(full.c_str()), &options);
}

void SimOs::log(driver::LogLevel level, std::string_view text) {
  if (sink_) {
    sink_(calendar_.now(), level, name_, text);
  }
}

}  // namespace vfsim::bench
