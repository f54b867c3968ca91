// What user space of the guests sees of VFIO, for the rules.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "host_driver/migration/vfio_device.hpp"
#include "testbench/checkers/rule_set.hpp"
#include "testbench/linux_host/function_bus.hpp"
#include "testbench/linux_host/user_call.hpp"

namespace vfsim::bench {

/// Puts calls that programs in the guests tell of (user_call.def) on the probes, as the simulated
/// hosts' drivers do: S5, S6, D1, D3, F1 and R1 judge them. The arcs of a SET_STATE are the kernel's
/// and told by nobody: they are those of the state machine, and one that stops or resumes a half of
/// the function ends when its command does, all others when the next begins or SET_STATE returns.
class UserSpace final : public FunctionEvents {
 public:
  /// @param offers  is told the migration flags of a device that is opened
  UserSpace(std::function<model::Ps()> now, model::ProbeBus& probes, FunctionView& view,
            std::function<void(std::uint64_t flags)> offers);

  /// A call that a guest tells of. @return "" or what is wrong with it; words about other things are
  /// passed over
  [[nodiscard]] std::string told(const FunctionBus& bus, const UserCall& call);

  void quiescing(model::Ps, model::FnRef who, Half) override { half_moves(who); }
  void quiesced(model::Ps, model::FnRef who, Half) override { half_changed(who); }
  void resuming(model::Ps, model::FnRef who, Half) override { half_moves(who); }
  void resumed(model::Ps, model::FnRef who, Half) override { half_changed(who); }

 private:
  struct Device {
    std::uint64_t flags = 0;
    driver::MigState state = driver::MigState::running;
    driver::MigState target = driver::MigState::running;
    bool walks = false;  // SET_STATE has not returned
    bool saving = true;  // the newest descriptor
    std::vector<std::uint8_t> bytes;
    std::vector<std::uint64_t> pages;
  };
  void take(Device& device, model::FnRef who, const UserCall& call);
  void was_set(Device& device, model::FnRef who, const UserCall& call);
  void was_reset(Device& device, model::FnRef who, const UserCall& call);
  void stream(Device& device, model::FnRef who, const UserCall& call);
  /// The next state of a walk; the present one: there is none.
  [[nodiscard]] static driver::MigState next(const Device& device);
  /// Whether the next arc stops or resumes a half.
  [[nodiscard]] static bool moves_half(const Device& device);
  void step(Device& device, model::FnRef who, driver::MigState to, int error);
  /// An arc that stops or resumes a half begins: those before it have ended.
  void half_moves(model::FnRef who);
  /// It has ended.
  void half_changed(model::FnRef who);
  [[nodiscard]] Device& device_of(model::FnRef who) { return devices_[function_index(who)]; }

  std::function<model::Ps()> now_;
  model::ProbeBus& probes_;
  std::function<void(std::uint64_t)> offers_;
  std::vector<Device> devices_;
};

}  // namespace vfsim::bench
