// Watches a function's health registers. Source: mlx5 device interface section 2.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "host_driver/platform/platform.hpp"

namespace vfsim::driver {

enum class Health : std::uint8_t {
  good,
  compromised,  // the counter stands still
  fatal,        // the device is gone or asks for a reset
};

/// A thread that looks every `period`.
class HealthMonitor {
 public:
  /// @param fatal called once, in the monitor's thread, when the device is found dead.
  HealthMonitor(Platform& platform, Nanoseconds period, std::function<void()> fatal);
  ~HealthMonitor() { stop(); }
  void start();
  void stop();
  [[nodiscard]] Health health() const { return health_; }

 private:
  void watch();
  [[nodiscard]] bool fatal_sensor();

  Platform& platform_;
  Nanoseconds period_;
  std::function<void()> on_fatal_;
  std::unique_ptr<Event> wake_, ended_;
  Health health_ = Health::good;
  std::uint32_t counter_ = 0;
  std::uint32_t misses_ = 0;
  bool running_ = false;
  bool stop_ = false;
};

}  // namespace vfsim::driver
