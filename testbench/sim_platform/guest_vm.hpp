// A guest as the VMM of one host sees it.
#pragma once

#include <functional>
#include <vector>

#include "host_driver/vmm/environment.hpp"
#include "testbench/sim_platform/dma_space.hpp"
#include "testbench/sim_platform/function_platform.hpp"
#include "testbench/sim_platform/gate.hpp"

namespace vfsim::bench {

/// A function that the guest drives, and where it would be on this host.
struct PassedThrough {
  FunctionPlatform* guest = nullptr;
  Place place;
};

/// What both hosts' views of one guest share: it runs on one of them, or on none.
struct GuestCore {
  GuestCore(model::Calendar& calendar, std::uint32_t id, std::uint64_t memory_bytes)
      : number(id), gate(calendar), memory(memory_bytes) {}
  std::uint32_t number;
  Gate gate;
  GuestMemory memory;
  std::uint8_t host = 0;  // where its vCPUs run or ran last
};

/// The guest's memory slot and devices on one host.
class SimGuestVm final : public driver::GuestVm {
 public:
  /// @param phys  where the guest's memory lies in the host's
  SimGuestVm(GuestCore& core, model::Host& host, std::uint8_t index, std::uint64_t phys);

  /// Called at take_over(), when memory is complete and nothing runs.
  void on_take_over(std::function<void(SimGuestVm&)> hook) { hook_ = std::move(hook); }
  void add_device(driver::VfioDevice& device, const PassedThrough& function);
  [[nodiscard]] std::uint64_t phys() const { return phys_; }
  [[nodiscard]] model::Host& machine() { return machine_; }

  [[nodiscard]] std::uint32_t id() const override { return core_.number; }
  [[nodiscard]] std::uint8_t host() const override { return index_; }
  [[nodiscard]] std::uint64_t memory_bytes() const override { return core_.memory.bytes(); }
  [[nodiscard]] std::vector<std::uint64_t> used_pages() const override;
  void read_page(std::uint64_t gpa, std::uint8_t* to) const override;
  void write_page(std::uint64_t gpa, const std::uint8_t* from) override;
  void cpu_log(bool on) override { core_.memory.log(on); }
  [[nodiscard]] std::vector<std::uint64_t> cpu_report() override { return core_.memory.report(); }
  void stop_vcpus() override { core_.gate.close(); }
  void start_vcpus() override;
  void take_over() override;
  [[nodiscard]] std::vector<driver::VfioDevice*> devices() override { return devices_; }

 private:
  GuestCore& core_;
  model::Host& machine_;
  std::uint8_t index_;
  std::uint64_t phys_;
  std::vector<driver::VfioDevice*> devices_;
  std::vector<PassedThrough> functions_;
  std::function<void(SimGuestVm&)> hook_;
};

}  // namespace vfsim::bench
