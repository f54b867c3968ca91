// Wakes whoever waits for a moment of a migration.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string_view>

#include "systemc/common/probe.hpp"
#include "testbench/sim_platform/guest_vm.hpp"
#include "testbench/sim_platform/sim_os.hpp"

namespace vfsim::bench {

/// Moments are the rows of testbench/scenarios/moments.def.
class MomentWatch final : public model::Observer {
 public:
  MomentWatch(model::ProbeBus& probes, std::uint32_t vfs_per_guest);

  /// Blocks a thread of `os` until the moment comes for the guest. False: `limit` has passed.
  [[nodiscard]] bool wait(SimOs& os, const GuestCore& guest, std::string_view moment,
                          driver::Nanoseconds limit);

  void phase(model::Ps t, std::uint32_t guest, const char* name, bool begin) override;
  void command_submitted(model::Ps, const model::CommandView& view) override {
    command(view, false);
  }
  void command_completed(model::Ps, const model::CommandView& view) override {
    command(view, true);
  }

 private:
  struct Waiter {
    std::uint32_t guest;
    std::uint8_t host;  // whose PF gets the command
    std::string_view moment;
    std::unique_ptr<driver::Event> reached;
  };
  void command(const model::CommandView& view, bool completed);

  const std::uint32_t vfs_per_guest_;
  std::list<Waiter> waiters_;
};

}  // namespace vfsim::bench
