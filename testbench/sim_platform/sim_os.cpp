#define SC_INCLUDE_DYNAMIC_PROCESSES
#include "testbench/sim_platform/sim_os.hpp"

#include <systemc>
#include <utility>

namespace vfsim::bench {
namespace {

constexpr int kStackBytes = 512 * 1024;  // driver code under sanitizers has large frames

sc_core::sc_time from_ns(driver::Nanoseconds duration) {
  return sc_core::sc_time::from_value(static_cast<model::Ps>(duration.count()) * model::kNs);
}

class SimEvent final : public driver::Event {
 public:
  explicit SimEvent(SimOs& os) : os_(os) {}

  bool wait(driver::Nanoseconds timeout) override {
    const bool forever = timeout == driver::kForever;
    const driver::Nanoseconds deadline = forever ? timeout : os_.now() + timeout;
    while (!set_) {
      if (forever) {
        sc_core::wait(event_);
      } else if (os_.now() >= deadline) {
        break;
      } else {
        sc_core::wait(from_ns(deadline - os_.now()), event_);
      }
    }
    os_.pass_gate();
    return std::exchange(set_, false);
  }

  void notify() override {
    set_ = true;
    os_.calendar().notify(event_, os_.calendar().now());
  }

 private:
  SimOs& os_;
  sc_core::sc_event event_;
  bool set_ = false;
};

class SimMutex final : public driver::Mutex {
 public:
  explicit SimMutex(SimOs& os) : os_(os) {}
  void lock() override {
    while (locked_) {
      sc_core::wait(released_);
      os_.pass_gate();
    }
    locked_ = true;
  }
  bool try_lock() override { return !std::exchange(locked_, true); }
  void unlock() override {
    locked_ = false;
    os_.calendar().notify(released_, os_.calendar().now());
  }

 private:
  SimOs& os_;
  sc_core::sc_event released_;
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
    sc_core::wait(from_ns(duration));
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
