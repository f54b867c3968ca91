// Wakes whoever waits for a moment of a migration.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string_view>

#include "systemc/common/probe.hpp"
#include "testbench/sim_platform/sim_os.hpp"

namespace vfsim::bench {

/// Moments are the rows of testbench/scenarios/moments.def.
class MomentWatch final : public model::Observer {
 public:
  explicit MomentWatch(model::ProbeBus& probes);

  /// Blocks a thread of `os` until the moment comes for the guest. False: `limit` has passed.
  [[nodiscard]] bool wait(SimOs& os, std::uint32_t guest, std::string_view moment,
                          driver::Nanoseconds limit);

  void phase(model::Ps t, std::uint32_t guest, const char* name, bool begin) override;
  void command_submitted(model::Ps t, const model::CommandView& view) override {
    command(t, view, false);
  }
  void command_completed(model::Ps t, const model::CommandView& view) override {
    command(t, view, true);
  }

 private:
  struct Waiter {
    std::uint32_t guest;
    std::string_view moment;
    std::unique_ptr<driver::Event> reached;
  };
  void command(model::Ps t, const model::CommandView& view, bool completed);
  void reached(std::uint32_t guest, std::string_view moment);

  std::list<Waiter> waiters_;
};

}  // namespace vfsim::bench
