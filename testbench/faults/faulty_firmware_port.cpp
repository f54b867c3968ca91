#include "testbench/faults/faulty_firmware_port.hpp"

#include <algorithm>
#include <iterator>

#include "firmware/interface/fault_set.hpp"
#include "firmware/interface/signature.h"

namespace vfsim::bench {

namespace {

constexpr vf_fault_set kFaults = contract::fault_set({
    VF_FAULT_drain_never_ends,
    VF_FAULT_drain_slow,
    VF_FAULT_drain_count_narrow,
    VF_FAULT_save_wrong_key,
    VF_FAULT_counter_runs_in_stop,
    VF_FAULT_dirty_page_shifted,
    VF_FAULT_answer_unsigned,
    VF_FAULT_refusal_no_syndrome,
    VF_FAULT_done_twice,
    VF_FAULT_take_beside_offer,
});

constexpr model::Ps kSlow = 1 * model::kMs;  // drain_slow: a drain takes at least
constexpr std::uint32_t kEntryHead = 0x20;   // bytes of a command entry in front of the answer

bool is_answer(const fw_dma& dma) {
  return dma.to_host && dma.space == FW_DMA_BUS &&
         dma.bytes == VF_BYTES(cmd_queue_entry) - kEntryHead &&
         dma.addr % VF_BYTES(cmd_queue_entry) == kEntryHead;
}

}  // namespace

bool FaultyFirmwarePort::wanted(vf_fault_set faults) {
  return contract::intersects(faults, kFaults);
}

std::uint32_t FaultyFirmwarePort::reg_read(std::uint32_t reg) {
  if (reg == FW_IRQ_PENDING && on(VF_FAULT_counter_runs_in_stop)) {
    count_in_stop();
  }
  woken_ = woken_ && reg != FW_IRQ_PENDING;
  const std::uint32_t value = hardware_.reg_read(reg);
  const bool of_function = reg >= FW_FN_BASE && (reg - FW_FN_BASE) % FW_FN_STRIDE == FW_FN_STATUS;
  return of_function ? status((reg - FW_FN_BASE) / FW_FN_STRIDE, value) : value;
}

std::uint32_t FaultyFirmwarePort::status(std::uint32_t fn, std::uint32_t value) {
  if (fn == 0 || !gate_[fn]) {
    return value;
  }
  if (on(VF_FAULT_drain_never_ends) ||
      (on(VF_FAULT_drain_slow) && calendar_.now() < drained_at_[fn])) {
    return value & ~static_cast<std::uint32_t>(FW_STATUS_DRAINED);
  }
  // Bit 0 is all that is looked at of the outstanding reads.
  const std::uint32_t outstanding = hardware_.reg_read(fw_fn_reg(fn, FW_FN_OUTSTANDING));
  const bool even = (outstanding >> 16 & 1U) == 0;
  return on(VF_FAULT_drain_count_narrow) && even ? value | FW_STATUS_DRAINED : value;
}

/// Who waits for a slow drain is woken when it ends.
std::uint32_t FaultyFirmwarePort::irq_level() const {
  return hardware_.irq_level() | (woken_ ? static_cast<std::uint32_t>(FW_IRQ_PENDING_DRAIN) : 0U);
}

void FaultyFirmwarePort::fire() {
  woken_ = true;
  processor_.irq_changed();
}

void FaultyFirmwarePort::close_gate(std::uint32_t fn, bool closed) {
  if (closed && !gate_[fn] && on(VF_FAULT_drain_slow)) {
    drained_at_[fn] = calendar_.now() + kSlow;
    calendar_.arm(*this, drained_at_[fn]);
  }
  gate_[fn] = closed;
}

/// The doorbells ignore what is wrong here; the assertions of their RTL do not.
void FaultyFirmwarePort::disturb_doorbells(std::uint32_t reg, std::uint32_t value) {
  constexpr std::uint32_t kEach = 8;
  if (reg == FW_CMD_TAKE && on(VF_FAULT_take_beside_offer) && ++commands_ % kEach == 0) {
    hardware_.reg_write(FW_CMD_TAKE, value ^ 1U);
  }
  if (reg == FW_CMD_DONE && on(VF_FAULT_done_twice) && ++commands_ % kEach == 0) {
    hardware_.reg_write(FW_CMD_DONE, value);
  }
}

void FaultyFirmwarePort::reg_write(std::uint32_t reg, std::uint32_t value) {
  disturb_doorbells(reg, value);
  hardware_.reg_write(reg, value);
  if (reg < FW_FN_BASE) {
    return;
  }
  const std::uint32_t fn = (reg - FW_FN_BASE) / FW_FN_STRIDE;
  switch ((reg - FW_FN_BASE) % FW_FN_STRIDE) {
    case FW_FN_CTRL:
      stopped_[fn] = (value & FW_CTRL_RESPONDER_STOP) != 0;
      close_gate(fn, (value & FW_CTRL_INITIATOR_STOP) != 0);
      break;
    case FW_FN_TRACK_SNAP:
      shift_pages(fn);
      break;
    default:
      break;
  }
}

/// A counter of the port that stops for nobody.
void FaultyFirmwarePort::count_in_stop() {
  for (std::uint32_t fn = 1; fn < VF_MAX_FUNCTIONS; ++fn) {
    ram()->fn[fn].counters.rx_dropped += stopped_[fn] ? 1 : 0;
  }
}

/// The report names the page behind each dirty one.
void FaultyFirmwarePort::shift_pages(std::uint32_t fn) {
  vf_function& context = ram()->fn[fn];
  for (std::uint32_t i = 0; i < context.snap_count && on(VF_FAULT_dirty_page_shifted); ++i) {
    context.snap_page[i] += 1ULL << context.track_log_page;
  }
}

bool FaultyFirmwarePort::dma_start(const fw_dma& dma) {
  fw_dma changed = dma;
  if (on(VF_FAULT_save_wrong_key) && dma.to_host && dma.space == FW_DMA_MKEY) {
    take_another_key(changed);
  }
  if (on(VF_FAULT_answer_unsigned) && is_answer(dma) && dma.function != 0) {
    static_cast<std::uint8_t*>(dma.buf)[VF_OFF(cmd_queue_entry, signature) / 8 - kEntryHead] ^= 1;
  }
  if (on(VF_FAULT_refusal_no_syndrome) && is_answer(dma)) {
    clear_syndrome(static_cast<std::uint8_t*>(dma.buf) - kEntryHead);
  }
  return hardware_.dma_start(changed);
}

void FaultyFirmwarePort::clear_syndrome(std::uint8_t* entry) {
  VF_SET(cmd_out, VF_PTR(cmd_queue_entry, entry, command_output_inline_data), syndrome, 0);
  vf_entry_sign(entry);
}

/// Another writable key of the PF that is large enough.
void FaultyFirmwarePort::take_another_key(fw_dma& dma) {
  const vf_function& pf = ram()->fn[0];
  for (std::uint32_t i = 0; i < VF_MKEY_COUNT; ++i) {
    const vf_mkey& key = pf.mkey[i];
    const std::uint32_t number = (VF_MKEY_BASE + i) << 8 | key.key;
    if (key.valid != 0 && key.mode == VF_MKC_MODE_MTT && key.local_write != 0 &&
        key.len >= dma.bytes && number != dma.mkey) {
      dma.mkey = number;
      dma.addr = key.start;
      return;
    }
  }
}

}  // namespace vfsim::bench
