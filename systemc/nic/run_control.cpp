#include "systemc/nic/run_control.hpp"

#include "firmware/interface/faults.h"

namespace vfsim::model {

namespace {
std::uint32_t bit_if(bool condition, fw_register bit) {
  return condition ? static_cast<std::uint32_t>(bit) : 0;
}

ConfigIdentity identity(const NicCore& core, const PcieParams& pcie, bool vf) {
  ConfigIdentity id;
  id.role = vf ? ConfigIdentity::Role::vf : ConfigIdentity::Role::pf;
  id.vendor = VF_PCI_VENDOR;
  id.device = vf ? VF_PCI_DEVICE_VF : VF_PCI_DEVICE_PF;
  id.bar0_bytes = 1ULL << (vf ? VF_BAR_LOG_VF_BYTES : VF_BAR_LOG_PF_BYTES);
  id.msix_vectors = VF_MSIX_VECTORS;
  id.msix_table = VF_BAR_MSIX_TABLE;
  id.msix_pba = VF_BAR_MSIX_PBA;
  id.max_payload = pcie.max_payload;
  id.link_generation = pcie.generation;
  id.link_lanes = pcie.lanes;
  if (!vf) {
    id.total_vfs = static_cast<std::uint16_t>(core.params.vfs);
    id.vf_device = VF_PCI_DEVICE_VF;
    id.vf_bar0_bytes = 1ULL << VF_BAR_LOG_VF_BYTES;
  }
  return id;
}
}  // namespace

RunControl::RunControl(NicCore& core, const NicBlocks& blocks, const PcieParams& pcie)
    : core_(core), blocks_(blocks) {
  core.gate = &blocks.gate;
  blocks.gate.set_listener(*this);
  for (std::uint32_t fn = 0; fn < core.functions(); ++fn) {
    functions_.push_back(std::make_unique<NicFunction>(identity(core, pcie, fn != 0), fn, *this));
    command_register(fn);
  }
  core.run[0].present = true;
}

void RunControl::power_on() {
  for (std::uint32_t fn = 0; fn < core_.functions(); ++fn) {
    core_.run[fn].ready_at = core_.now() + core_.params.boot_us * kUs;
  }
}

bool RunControl::initializing(std::uint32_t fn) const {
  const FnRun& run = core_.run[fn];
  return !run.ready || run.in_reset || core_.now() < run.ready_at;
}

std::uint32_t RunControl::ctrl(std::uint32_t fn) const {
  const FnRun& run = core_.run[fn];
  return bit_if(run.ready, FW_CTRL_READY) | bit_if(run.gate_closed, FW_CTRL_INITIATOR_STOP) |
         bit_if(run.responder_stop, FW_CTRL_RESPONDER_STOP) |
         bit_if(run.command_hold, FW_CTRL_CMD_HOLD);
}

void RunControl::set_ctrl(std::uint32_t fn, std::uint32_t value) {
  FnRun& run = core_.run[fn];
  if ((value & FW_CTRL_RESET_DONE) != 0) {
    end_reset(fn);
  }
  run.ready = (value & FW_CTRL_READY) != 0;
  run.command_hold = (value & FW_CTRL_CMD_HOLD) != 0;
  const bool responder = (value & FW_CTRL_RESPONDER_STOP) != 0;
  if (responder != run.responder_stop) {
    set_responder_stop(fn, responder);
  }
  const bool initiator = (value & FW_CTRL_INITIATOR_STOP) != 0;
  if (initiator && !run.gate_closed) {
    close_gate(fn);
  } else if (!initiator && run.gate_closed) {
    open_gate(fn);
  }
  update_command_hold(fn);
}

std::uint32_t RunControl::status(std::uint32_t fn) const {
  const FnRun& run = core_.run[fn];
  const bool timeout = run.cpl_timeout || blocks_.gate.timed_out(fn);
  return bit_if(is_drained(fn), FW_STATUS_DRAINED) | bit_if(timeout, FW_STATUS_CPL_TIMEOUT) |
         bit_if(run.in_reset, FW_STATUS_IN_RESET);
}

bool RunControl::busy(std::uint32_t fn) const {
  return blocks_.engine.busy(fn) || !blocks_.senders.idle(fn) || !blocks_.receivers.idle(fn) ||
         !blocks_.completions.idle(fn);
}

/// With a closed gate not before the acknowledgement: until then the gate goes on granting.
bool RunControl::is_drained(std::uint32_t fn) const {
  return !busy(fn) && blocks_.engine.idle(fn) &&
         (!core_.run[fn].gate_closed || blocks_.gate.is_quiet(fn));
}

void RunControl::close_gate(std::uint32_t fn) {
  FnRun& run = core_.run[fn];
  run.gate_closed = true;
  run.cpl_timeout = false;
  blocks_.senders.hold(fn);
  blocks_.gate.quiesce(fn, true);
}

void RunControl::quiet(std::uint32_t fn) {
  set_bit(drains_, fn, true);
  raise_irq();
}

void RunControl::drained(std::uint32_t fn) {
  if (messages_awaited_[fn] && is_drained(fn)) {
    messages_awaited_[fn] = false;
    quiet(fn);
  }
}

// Order: what is oldest leaves first.
void RunControl::open_gate(std::uint32_t fn) {
  core_.run[fn].gate_closed = false;
  messages_awaited_[fn] = false;
  blocks_.gate.quiesce(fn, false);
  blocks_.interrupts.flush(fn);
  blocks_.events.rescan(fn);
  if (!core_.fault(VF_FAULT_resume_forgets_arms)) {
    blocks_.completions.rescan(fn);
  }
  if (!core_.fault(VF_FAULT_resume_forgets_held)) {
    blocks_.senders.rescan(fn);
  }
}

void RunControl::set_responder_stop(std::uint32_t fn, bool stop) {
  core_.run[fn].responder_stop = stop;
  blocks_.interrupts.table(fn).set_hold(stop);
  if (!stop) {
    blocks_.interrupts.flush(fn);
  } else if (core_.run[fn].gate_closed && !is_drained(fn)) {
    messages_awaited_[fn] = true;  // interrupts of completed work are still on their way
  }
}

void RunControl::update_command_hold(std::uint32_t fn) {
  const FnRun& run = core_.run[fn];
  blocks_.doorbells.set_hold(
      fn, run.command_hold || run.gate_closed || run.responder_stop || run.in_reset);
}

std::uint32_t RunControl::irq_level() const {
  return bit_if(blocks_.doorbells.offered(), FW_IRQ_PENDING_CMD) |
         bit_if(any_bit(resets_), FW_IRQ_PENDING_FLR) |
         bit_if(any_bit(drains_), FW_IRQ_PENDING_DRAIN) |
         bit_if(port_changed_, FW_IRQ_PENDING_PORT);
}

void RunControl::raise_irq() {
  if (irq_ != nullptr) {
    irq_->irq_changed();
  }
}

std::uint32_t RunControl::port_status() const {
  return (core_.link_up ? 1U : 0U) | (port_changed_ ? 2U : 0U);
}

void RunControl::set_link(bool up) {
  if (up != core_.link_up) {
    core_.link_up = up;
    port_changed_ = true;
    raise_irq();
  }
}

void RunControl::function_level_reset(std::uint32_t fn) {
  if (fn == 0) {
    enable_vfs(0);
  }
  kill(fn);
  core_.probes.emit<Probe::function_reset>(&Observer::function_reset, core_.now(), core_.ref(fn));
}

void RunControl::kill(std::uint32_t fn) {
  FnRun& run = core_.run[fn];
  run.in_reset = true;
  run.ready = false;
  run.gate_closed = false;
  run.responder_stop = false;
  run.command_hold = false;
  run.cpl_timeout = false;
  run.health = 0;
  run.ready_at = core_.now() + core_.params.boot_us * kUs;
  messages_awaited_[fn] = false;
  set_bit(drains_, fn, false);
  if (!core_.fault(VF_FAULT_reset_leaves_dma)) {
    blocks_.engine.abort(fn);
  }
  blocks_.senders.reset(fn);
  blocks_.receivers.reset(fn);
  blocks_.completions.reset(fn);
  blocks_.interrupts.table(fn).reset();
  core_.context(fn).held_events = 0;
  functions_[fn]->reset_registers();
  functions_[fn]->config().reset();
  command_register(fn);
  blocks_.doorbells.reset(fn);
  update_command_hold(fn);
  set_bit(resets_, fn, true);
  raise_irq();
}

void RunControl::end_reset(std::uint32_t fn) {
  core_.run[fn].in_reset = false;
  set_bit(resets_, fn, false);
  blocks_.receivers.steering().update(fn);
}

void RunControl::msix_control(std::uint32_t fn) {
  const ConfigSpace& config = functions_[fn]->config();
  blocks_.interrupts.table(fn).set_control(config.msix_enable(), config.msix_function_mask());
  blocks_.interrupts.flush(fn);
}

void RunControl::command_register(std::uint32_t fn) {
  blocks_.engine.set_master(fn, functions_[fn]->config().bus_master());
  blocks_.engine.set_relaxed_ordering(functions_[0]->config().relaxed_ordering());
}

bool RunControl::decodes_memory(std::uint32_t fn) const {
  const ConfigSpace& pf = functions_[0]->config();
  return fn == 0 ? pf.memory_enable() : pf.vf_memory_enable();
}

void RunControl::sriov_changed() {
  const ConfigSpace& config = functions_[0]->config();
  enable_vfs(config.vf_enable() ? config.num_vfs() : 0U);
}

void RunControl::enable_vfs(std::uint32_t count) {
  num_vfs_ = count < core_.functions() ? count : core_.functions() - 1;
  for (std::uint32_t fn = 1; fn < core_.functions(); ++fn) {
    const bool wanted = fn <= num_vfs_;
    if (core_.run[fn].present && !wanted) {
      core_.run[fn].present = false;
      kill(fn);
      core_.probes.emit<Probe::function_reset>(&Observer::function_reset, core_.now(),
                                               core_.ref(fn));
    }
    core_.run[fn].present = wanted;
  }
}

}  // namespace vfsim::model
