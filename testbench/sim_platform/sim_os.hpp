// Threads, time and log of the driver code inside the simulation.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host_driver/platform/platform.hpp"
#include "systemc/common/calendar.hpp"
#include "testbench/sim_platform/gate.hpp"

namespace vfsim::bench {

/// Takes the log lines of all threads: simulated time, level, who, text.
using LogSink = std::function<void(model::Ps, driver::LogLevel, const std::string&, std::string_view)>;

/// Os over SystemC: each driver thread is an SC_THREAD; exactly one runs at a time and it is switched only in
/// sleep(), Event::wait(), Mutex::lock() and blocking register reads.
class SimOs final : public driver::Os {
 public:
  /// @param gate  of the guest whose threads these are; nullptr for a host
  SimOs(model::Calendar& calendar, LogSink sink, std::string name, Gate* gate = nullptr);

  [[nodiscard]] driver::Nanoseconds now() const override;
  void sleep(driver::Nanoseconds duration) override;
  [[nodiscard]] std::unique_ptr<driver::Event> make_event() override;
  [[nodiscard]] std::unique_ptr<driver::Mutex> make_mutex() override;
  void spawn(std::string_view name, std::function<void()> body) override;
  void log(driver::LogLevel level, std::string_view text) override;

  [[nodiscard]] model::Calendar& calendar() { return calendar_; }
  /// Returns when guest code may run.
  void pass_gate() {
    if (gate_ != nullptr) {
      gate_->pass();
    }
  }

 private:
  model::Calendar& calendar_;
  LogSink sink_;
  std::string name_;
  Gate* gate_;
  std::vector<std::unique_ptr<model::KernelEvent>> idle_sleeps_;  // making one costs more than a sleep
};

}  // namespace vfsim::bench
