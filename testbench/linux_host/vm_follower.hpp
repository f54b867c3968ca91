// Stops and moves a VM along with its VF.
#pragma once

#include <functional>

#include "testbench/linux_host/command_watch.hpp"
#include "testbench/linux_host/run_guest.hpp"
#include "testbench/linux_host/vm_copier.hpp"
#include "testbench/report/result.hpp"

namespace vfsim::bench {

/// What a VMM does besides the commands that the hosts' drivers give: the VM's virtual CPUs stop
/// when its VF is told to stop as an initiator, and run again when it has resumed as one; when the
/// state of the stopped VF has been loaded into the VF of the other host, that is the VM's. A
/// source that resumes takes its VM back. The VM's memory is VmCopier's.
class VmFollower final : public FunctionEvents {
 public:
  VmFollower(LinuxMachine& machine, RunGuest& vm, CommandWatch& commands, VmCopier& copier,
             std::function<SimNs()> now, std::function<void()> wake);

  /// The VM has just been started.
  void started();

  void quiescing(model::Ps t, model::FnRef who, Half half) override;
  void not_quiesced(model::Ps t, model::FnRef who, Half half) override;
  void resuming(model::Ps t, model::FnRef who, Half half) override;
  void resumed(model::Ps t, model::FnRef who, Half half) override;
  void image_saved(model::Ps t, model::FnRef who, const ImageView& image) override;
  void image_loaded(model::Ps t, model::FnRef from, model::FnRef to) override;
  /// What it went through: its VF's state was saved, and its CPUs stood still.
  [[nodiscard]] const std::vector<MigrationResult>& migrations() const { return migrations_; }

 private:
  struct Steps {
    SimNs stopped = 0, saved = 0, loaded = 0;
    std::uint64_t bytes = 0;
    std::uint8_t from = 0;
  };
  [[nodiscard]] bool is_here(model::FnRef who) const {
    return who.fn == kVmFunction && who.host == host_;
  }
  void move(model::FnRef to);
  void thaw(model::Ps t);
  void record();
  void tell(model::Ps t, bool running);
  /// A phase of a migration begins, and the one before ends; null: none begins.
  void phase(model::Ps t, const char* name);

  LinuxMachine& machine_;
  RunGuest& vm_;
  CommandWatch& commands_;
  VmCopier& copier_;
  std::function<SimNs()> now_;
  std::function<void()> wake_;
  std::uint8_t host_;
  bool frozen_ = false;
  const char* phase_ = nullptr;
  Steps steps_;
  std::vector<MigrationResult> migrations_;
};

}  // namespace vfsim::bench
