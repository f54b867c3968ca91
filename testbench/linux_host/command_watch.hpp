// Commands whose completion a driver polls for.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "systemc/common/probe.hpp"
#include "testbench/checkers/check_context.hpp"

namespace vfsim::bench {

/// The mlx5 drivers poll memory for a command's completion as long as the function has no event
/// queue for commands, and for the destruction of event queues. In a guest whose time stands still
/// while it runs, that loop has no end unless the guest is stopped until the completion is there.
class CommandWatch final : public model::Observer {
 public:
  /// @param changed  called when a function has no polled command any more
  CommandWatch(model::ProbeBus& probes, std::function<void()> changed);

  [[nodiscard]] bool polled(model::FnRef who) const { return state(who).slots != 0; }
  /// Whether the driver is told of completions by events, and will be for the next command, too: it
  /// goes back to polling only after it has begun to destroy event queues.
  [[nodiscard]] bool told(model::FnRef who) const {
    return state(who).event_queue != kNone && !state(who).leaves;
  }
  /// The state of a function was loaded into another.
  void copy(model::FnRef from, model::FnRef to) { state(to) = state(from); }

  void command_submitted(model::Ps t, const model::CommandView& view) override;
  void command_completed(model::Ps t, const model::CommandView& view) override;
  void function_reset(model::Ps t, model::FnRef who) override;

 private:
  static constexpr std::uint32_t kNone = ~0U;
  struct State {
    std::uint32_t event_queue = kNone;  // number of the one that takes command completions
    std::uint32_t slots = 0;            // polled for, one bit each
    bool leaves = false;                // has begun to destroy event queues
  };
  [[nodiscard]] State& state(model::FnRef who) { return states_[function_index(who)]; }
  [[nodiscard]] const State& state(model::FnRef who) const { return states_[function_index(who)]; }

  std::function<void()> changed_;
  std::array<State, kFunctionIndices> states_;
};

}  // namespace vfsim::bench
