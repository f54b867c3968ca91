// Passes what the driver stack reports on to the probes and rules.
#pragma once

#include "host_driver/platform/observer.hpp"
#include "systemc/common/probe.hpp"

namespace vfsim::bench {

class ObserverBridge final : public driver::DriverObserver {
 public:
  ObserverBridge(model::Calendar& calendar, model::ProbeBus& probes) : calendar_(calendar), probes_(probes) {}

  void vfio_arc(driver::VfRef vf, std::uint32_t from, std::uint32_t to, int error) override {
    probes_.emit<model::Probe::driver>(&model::Observer::vfio_state, calendar_.now(), function(vf), from, to, error);
  }
  void dirty_report(driver::VfRef vf, const std::uint64_t* pages, std::size_t count) override {
    probes_.emit<model::Probe::driver>(&model::Observer::dirty_report, calendar_.now(), function(vf), pages, count);
  }
  void dirty_tracking(driver::VfRef vf, bool on) override {
    probes_.emit<model::Probe::driver>(&model::Observer::dirty_tracking, calendar_.now(), function(vf), on);
  }
  void phase(std::uint32_t guest, std::string_view name, bool begin) override {
    probes_.emit<model::Probe::driver>(&model::Observer::phase, calendar_.now(), guest, std::string(name).c_str(), begin);
  }
  void vcpus(std::uint32_t guest, std::uint8_t host, bool running) override {
    probes_.emit<model::Probe::driver>(&model::Observer::vcpu, calendar_.now(), guest, running, host);
  }

 private:
  static model::FnRef function(driver::VfRef vf) { return {vf.host, static_cast<std::uint8_t>(vf.vf + 1)}; }
  model::Calendar& calendar_;
  model::ProbeBus& probes_;
};

}  // namespace vfsim::bench
