#include "testbench/linux_host/vm_follower.hpp"

#include <utility>

namespace vfsim::bench {

VmFollower::VmFollower(LinuxMachine& machine, RunGuest& vm, CommandWatch& commands,
                       std::function<SimNs()> now, std::function<void()> wake)
    : machine_(machine),
      vm_(vm),
      commands_(commands),
      now_(std::move(now)),
      wake_(std::move(wake)),
      host_(vm.plan().host) {
  machine.rules->view().add_listener(*this);
}

void VmFollower::tell(model::Ps t, bool running) {
  machine_.probes.emit<model::Probe::driver>(&model::Observer::vcpu, t, 0, running, host_);
}

void VmFollower::quiescing(model::Ps t, model::FnRef who, Half half) {
  if (half == Half::initiator && is_here(who) && !std::exchange(frozen_, true)) {
    since_ = now_();
    vm_.linux_guest().freeze(since_);
    tell(t, false);
  }
}

void VmFollower::thaw(model::Ps t) {
  if (std::exchange(frozen_, false)) {
    pauses_.push_back(now_() - since_);
    tell(t, true);
    vm_.linux_guest().thaw(now_());
    wake_();
  }
}

void VmFollower::not_quiesced(model::Ps t, model::FnRef who, Half half) {
  if (half == Half::initiator && is_here(who)) {
    thaw(t);
  }
}

void VmFollower::resuming(model::Ps, model::FnRef who, Half) {
  if (frozen_ && who.fn == kVmFunction && who.host != host_) {
    move(who);
  }
}

void VmFollower::resumed(model::Ps t, model::FnRef who, Half half) {
  if (half == Half::initiator && is_here(who)) {
    thaw(t);
  }
}

void VmFollower::image_loaded(model::Ps, model::FnRef from, model::FnRef to) {
  if (frozen_ && is_here(from) && to.fn == kVmFunction) {
    move(to);
  }
}

void VmFollower::move(model::FnRef to) {
  commands_.copy({host_, kVmFunction}, to);
  host_ = to.host;
  vm_.linux_guest().slot(0).move_to(machine_.place(to.host, to.fn));
}

}  // namespace vfsim::bench
