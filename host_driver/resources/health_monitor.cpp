#include "host_driver/resources/health_monitor.hpp"

#include <array>
#include <utility>

#include "firmware/interface/layout.h"

namespace vfsim::driver {
namespace {

constexpr std::uint32_t kMaxMisses = 3;
constexpr std::uint32_t kNicDisabled = 1;  // nic_interface, bits 10:8 of the queue address register
constexpr std::uint32_t kNicReset = 7;

}  // namespace

HealthMonitor::HealthMonitor(Platform& platform, Nanoseconds period, std::function<void()> fatal)
    : platform_(platform),
      period_(period),
      on_fatal_(std::move(fatal)),
      wake_(platform.os().make_event()),
      ended_(platform.os().make_event()) {}

void HealthMonitor::start() {
  stop_ = false;
  running_ = true;
  misses_ = 0;
  health_ = Health::good;
  platform_.os().spawn("health", [this] {
    watch();
    running_ = false;
    ended_->notify();
  });
}

void HealthMonitor::stop() {
  stop_ = true;
  while (running_) {
    wake_->notify();
    ended_->wait(kForever);
  }
}

bool HealthMonitor::fatal_sensor() {
  std::array<std::uint8_t, VF_LAYOUT_BYTES_health_buffer> buffer{};
  for (const std::size_t at :
       {VF_OFF(health_buffer, fw_version) / 8, VF_OFF(health_buffer, rfr) / 8,
        VF_OFF(health_buffer, irisc_index) / 8}) {
    vf_be32_store(buffer.data() + at, platform_.read32(VF_BAR_HEALTH + at));
  }
  const std::uint32_t nic = platform_.read32(VF_BAR_CMDQ_LO) >> 8 & 7U;
  const bool reset_wanted = VF_GET(health_buffer, buffer.data(), rfr) != 0 &&
                            VF_GET(health_buffer, buffer.data(), synd) != 0;
  return VF_GET(health_buffer, buffer.data(), fw_version) == 0xffffffff || nic == kNicDisabled ||
         nic == kNicReset || reset_wanted;
}

void HealthMonitor::watch() {
  while (!stop_) {
    wake_->wait(period_);
    if (stop_) {
      return;
    }
    if (fatal_sensor()) {
      health_ = Health::fatal;
      platform_.os().log(LogLevel::error, "device is dead: outstanding commands are aborted");
      on_fatal_();
      return;
    }
    const std::uint32_t counter = platform_.read32(VF_BAR_HEALTH_COUNTER);
    misses_ = counter == counter_ ? misses_ + 1 : 0;
    counter_ = counter;
    if (misses_ == kMaxMisses) {
      health_ = Health::compromised;
      platform_.os().log(LogLevel::warning, "device health counter stands still");
    } else if (misses_ == 0) {
      health_ = Health::good;
    }
  }
}

}  // namespace vfsim::driver
