// Stops and moves a VM along with its VF.
#pragma once

#include <functional>

#include "testbench/linux_host/command_watch.hpp"
#include "testbench/linux_host/run_guest.hpp"

namespace vfsim::bench {

/// What a VMM does besides the commands that the hosts' drivers give: the VM's virtual CPUs stop
/// when its VF is told to stop as an initiator, and run again when it has resumed as one; when the
/// state of the stopped VF has been loaded into the VF of the other host, that is the VM's. A source
/// that resumes takes its VM back.
class VmFollower final : public FunctionEvents {
 public:
  VmFollower(LinuxMachine& machine, RunGuest& vm, CommandWatch& commands,
             std::function<SimNs()> now, std::function<void()> wake);

  void quiescing(model::Ps t, model::FnRef who, Half half) override;
  void not_quiesced(model::Ps t, model::FnRef who, Half half) override;
  void resuming(model::Ps t, model::FnRef who, Half half) override;
  void resumed(model::Ps t, model::FnRef who, Half half) override;
  void image_loaded(model::Ps t, model::FnRef from, model::FnRef to) override;
  /// For how long its CPUs stood still, each time.
  [[nodiscard]] const std::vector<SimNs>& pauses() const { return pauses_; }

 private:
  [[nodiscard]] bool is_here(model::FnRef who) const {
    return who.fn == kVmFunction && who.host == host_;
  }
  void move(model::FnRef to);
  void thaw(model::Ps t);
  void tell(model::Ps t, bool running);

  LinuxMachine& machine_;
  RunGuest& vm_;
  CommandWatch& commands_;
  std::function<SimNs()> now_;
  std::function<void()> wake_;
  std::uint8_t host_;
  bool frozen_ = false;
  SimNs since_ = 0;
  std::vector<SimNs> pauses_;
};

}  // namespace vfsim::bench
