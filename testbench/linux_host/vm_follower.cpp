#include "testbench/linux_host/vm_follower.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace vfsim::bench {
namespace {

// Phases of a migration, in the result and in the event log.
constexpr const char* kPrecopy = "precopy";
constexpr const char* kStop = "stop_and_save";
constexpr const char* kTransfer = "transfer_and_load";
constexpr const char* kResume = "resume";

std::string host_name(std::uint8_t host) {
  return std::string(1, static_cast<char>('A' + host));
}

}  // namespace

VmFollower::VmFollower(LinuxMachine& machine, RunGuest& vm, CommandWatch& commands,
                       VmCopier& copier, std::function<SimNs()> now, std::function<void()> wake)
    : machine_(machine),
      vm_(vm),
      commands_(commands),
      copier_(copier),
      now_(std::move(now)),
      wake_(std::move(wake)),
      host_(vm.plan().host) {
  machine.rules->view().add_listener(*this);
}

void VmFollower::tell(model::Ps t, bool running) {
  machine_.probes.emit<model::Probe::driver>(&model::Observer::vcpu, t, 0, running, host_);
}

void VmFollower::started() { tell(machine_.calendar.now(), true); }

void VmFollower::phase(model::Ps t, const char* name) {
  if (phase_ != nullptr) {
    machine_.probes.emit<model::Probe::driver>(&model::Observer::phase, t, 0, phase_, false);
  }
  phase_ = name;
  if (phase_ != nullptr) {
    machine_.probes.emit<model::Probe::driver>(&model::Observer::phase, t, 0, phase_, true);
  }
}

void VmFollower::quiescing(model::Ps t, model::FnRef who, Half half) {
  if (half == Half::initiator && is_here(who) && !std::exchange(frozen_, true)) {
    steps_.stopped = now_();
    steps_.from = host_;
    vm_.linux_guest().freeze(steps_.stopped);
    copier_.stopped();
    tell(t, false);
    phase(t, kStop);
  }
}

void VmFollower::thaw(model::Ps t) {
  if (std::exchange(frozen_, false)) {
    copier_.run_on(host_);
    record();
    tell(t, true);
    phase(t, nullptr);
    vm_.linux_guest().thaw(now_());
    wake_();
  }
}

/// A stop without an image was none of a migration.
void VmFollower::record() {
  const Steps steps = std::exchange(steps_, Steps{});
  if (steps.saved == 0) {
    return;
  }
  const SimNs end = now_();
  MigrationResult m;
  m.vf = kVmVf;
  m.from = host_name(steps.from);
  m.to = host_name(steps.from == 0 ? 1 : 0);
  m.begin_ns = std::min(copier_.figures().begin / model::kNs, steps.stopped);
  m.end_ns = end;
  m.downtime_ns = end - steps.stopped;
  m.state_bytes = steps.bytes;
  m.memory_bytes = copier_.figures().bytes;
  m.precopy_rounds = copier_.figures().rounds;
  m.outcome = host_ == steps.from ? "rolled_back" : "completed";
  const SimNs saved = std::max(steps.saved, steps.stopped);
  const SimNs loaded = std::max(steps.loaded, saved);
  m.phases = {{kPrecopy, m.begin_ns, steps.stopped},
              {kStop, steps.stopped, saved},
              {kTransfer, saved, loaded},
              {kResume, loaded, end}};
  migrations_.push_back(m);
}

void VmFollower::image_saved(model::Ps t, model::FnRef who, const ImageView& image) {
  if (is_here(who)) {
    steps_.saved = now_();
    steps_.bytes += image.count;
    if (frozen_) {
      copier_.saved(t);
      phase(t, kTransfer);
    } else if (phase_ == nullptr) {
      phase(t, kPrecopy);
    }
  }
}

void VmFollower::not_quiesced(model::Ps t, model::FnRef who, Half half) {
  if (half == Half::initiator && is_here(who)) {
    thaw(t);
  }
}

void VmFollower::resuming(model::Ps t, model::FnRef who, Half) {
  if (!frozen_ || who.fn != kVmFunction) {
    return;
  }
  if (who.host != host_) {
    move(who);
  }
  if (host_ != steps_.from) {
    copier_.complete(t);
  }
}

void VmFollower::resumed(model::Ps t, model::FnRef who, Half half) {
  if (half == Half::initiator && is_here(who)) {
    thaw(t);
  }
}

void VmFollower::image_loaded(model::Ps t, model::FnRef from, model::FnRef to) {
  if (frozen_ && to.fn == kVmFunction) {
    steps_.loaded = now_();
    if (phase_ != kResume) {
      phase(t, kResume);
    }
    if (is_here(from)) {
      move(to);
    }
  }
}

void VmFollower::move(model::FnRef to) {
  commands_.copy({host_, kVmFunction}, to);
  host_ = to.host;
  vm_.linux_guest().slot(0).move_to(machine_.place(to.host, to.fn));
}

}  // namespace vfsim::bench
