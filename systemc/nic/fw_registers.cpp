#include "systemc/nic/fw_registers.hpp"

#include <algorithm>

#include "firmware/interface/faults.h"

namespace vfsim::model {

namespace {
constexpr std::uint32_t kTrackOn = 1;
constexpr std::uint32_t kPortChanged = 2;

fw_dma_result result_of(DmaResult result) {
  switch (result) {
    case DmaResult::ok:
      return FW_DMA_OK;
    case DmaResult::bad_key:
      return FW_DMA_BAD_KEY;
    case DmaResult::bus_error:
      return FW_DMA_BUS_ERROR;
    case DmaResult::timeout:
      return FW_DMA_TIMEOUT;
    case DmaResult::aborted:
      break;
  }
  return FW_DMA_ABORTED;
}
}  // namespace

FwRegisters::FwRegisters(NicCore& core, const NicBlocks& blocks, RunControl& control)
    : core_(core), blocks_(blocks), control_(control) {}

std::uint32_t FwRegisters::reg_read(std::uint32_t reg) {
  if (reg < FW_FN_BASE) {
    return global_read(reg);
  }
  const std::uint32_t fn = (reg - FW_FN_BASE) / FW_FN_STRIDE;
  return fn < core_.functions() ? function_read(fn, (reg - FW_FN_BASE) % FW_FN_STRIDE) : 0;
}

void FwRegisters::reg_write(std::uint32_t reg, std::uint32_t value) {
  if (reg < FW_FN_BASE) {
    global_write(reg, value);
    return;
  }
  const std::uint32_t fn = (reg - FW_FN_BASE) / FW_FN_STRIDE;
  if (fn < core_.functions()) {
    function_write(fn, (reg - FW_FN_BASE) % FW_FN_STRIDE, value);
  }
}

std::uint32_t FwRegisters::irq_level() const {
  return control_.irq_level() |
         (ended_.empty() ? 0U : static_cast<std::uint32_t>(FW_IRQ_PENDING_DMA));
}

std::uint32_t FwRegisters::global_read(std::uint32_t reg) const {
  const auto in = [reg](std::uint32_t first) {
    return reg >= first && reg < first + 16 && reg % 4 == 0;
  };
  if (in(FW_FLR_FN0)) {
    return control_.resets()[(reg - FW_FLR_FN0) / 4];
  }
  if (in(FW_DRAIN_FN0)) {
    return control_.drains()[(reg - FW_DRAIN_FN0) / 4];
  }
  switch (reg) {
    case FW_IRQ_PENDING:
      return irq_level();
    case FW_CMD_OFFER:
      return command_offer();
    case FW_PORT_STATUS:
      return control_.port_status();
    case FW_NUM_VFS:
      return control_.num_vfs();
    case FW_TOTAL_VFS:
      return core_.params.vfs;
    default:
      return 0;
  }
}

void FwRegisters::global_write(std::uint32_t reg, std::uint32_t value) {
  if (reg >= FW_DRAIN_FN0 && reg < FW_DRAIN_FN0 + 16 && reg % 4 == 0) {
    control_.clear_drains((reg - FW_DRAIN_FN0) / 4, value);
    return;
  }
  const std::uint32_t fn = value >> FW_CMD_FN_SHIFT;
  const std::uint32_t slot = value % CmdDoorbell::kSlots;
  switch (reg) {
    case FW_PORT_STATUS:
      if ((value & kPortChanged) != 0) {
        control_.clear_port_changed();
      }
      break;
    case FW_MTT_FIRST:
      mtt_first_ = std::min<std::uint32_t>(value, VF_MTT_COUNT);
      break;
    case FW_MTT_CHANGED:
      blocks_.walker.entries_changed(mtt_first_,
                                     std::min<std::uint32_t>(value, VF_MTT_COUNT - mtt_first_));
      break;
    case FW_CMD_TAKE:
      if (fn < core_.functions()) {
        blocks_.doorbells.take(fn, slot);
      }
      break;
    case FW_CMD_DONE:
      if (fn < core_.functions()) {
        blocks_.doorbells.done(fn, slot);
      }
      break;
    case FW_CMD_ROOM:
      blocks_.doorbells.set_room((value & FW_CMD_ROOM_ANY) != 0, value != 0);
      break;
    default:
      break;
  }
}

std::uint32_t FwRegisters::command_offer() const {
  const auto offer = blocks_.doorbells.offer();
  return offer ? static_cast<std::uint32_t>(FW_CMD_OFFER_VALID) |
                     static_cast<std::uint32_t>(offer->fn) << FW_CMD_FN_SHIFT | offer->slot
               : 0;
}

std::uint32_t FwRegisters::function_read(std::uint32_t fn, std::uint32_t reg) const {
  const NicFunction& function = control_.function(fn);
  switch (reg) {
    case FW_FN_CMD_DB:
      return blocks_.doorbells.pending(fn);
    case FW_FN_CMDQ_HI:
      return function.cmdq_hi;
    case FW_FN_CMDQ_LO:
      return function.cmdq_lo;
    case FW_FN_CTRL:
      return control_.ctrl(fn);
    case FW_FN_STATUS:
      return control_.status(fn);
    case FW_FN_OUTSTANDING:
      return blocks_.engine.outstanding_reads(fn) << 16 |
             (blocks_.engine.inflight_writes(fn) & 0xffff);
    case FW_FN_MSIX_PEND:
      return blocks_.interrupts.table(fn).pending();
    case FW_FN_HEALTH:
      return core_.run[fn].health;
    case FW_FN_TRACK_CTRL:
      return function.track_ctrl;
    default:
      return 0;
  }
}

void FwRegisters::function_write(std::uint32_t fn, std::uint32_t reg, std::uint32_t value) {
  switch (reg) {
    case FW_FN_CTRL:
      control_.set_ctrl(fn, value);
      break;
    case FW_FN_MKEY_CHANGED:
      key_changed(fn, value);
      break;
    case FW_FN_EQE_POST:
      blocks_.events.post_staged(fn, value);
      break;
    case FW_FN_CQE_POST:
      blocks_.completions.post_staged(fn, value);
      break;
    case FW_FN_MSIX_PEND: {
      MsixTable& table = blocks_.interrupts.table(fn);
      table.set_pending(table.pending() | value);
      blocks_.interrupts.flush(fn);
      break;
    }
    case FW_FN_MSIX_CLEAR: {
      MsixTable& table = blocks_.interrupts.table(fn);
      table.set_pending(table.pending() & ~value);
      break;
    }
    case FW_FN_HEALTH:
      core_.run[fn].health = static_cast<std::uint8_t>(value);
      break;
    case FW_FN_MAC_UPDATE:
      blocks_.receivers.steering().update(fn);
      break;
    case FW_FN_TRACK_CTRL:
      set_tracking(fn, value);
      break;
    case FW_FN_TRACK_SNAP:
      snapshot(fn);
      break;
    default:
      command_register_write(fn, reg, value);
      break;
  }
}

void FwRegisters::command_register_write(std::uint32_t fn, std::uint32_t reg, std::uint32_t value) {
  NicFunction& function = control_.function(fn);
  switch (reg) {
    case FW_FN_CMD_DB:
      blocks_.doorbells.clear(fn, value);
      break;
    case FW_FN_CMD_DB_SET:
      blocks_.doorbells.set(fn, value);
      break;
    case FW_FN_CMDQ_HI:
      function.cmdq_hi = value;
      function.cmdq_hi_written = value;
      break;
    case FW_FN_CMDQ_LO:
      function.cmdq_lo = value & 0xffffff00;
      break;
    default:
      break;
  }
}

void FwRegisters::key_changed(std::uint32_t fn, std::uint32_t number) {
  const std::uint32_t index = number - VF_MKEY_BASE;
  if (number == 0) {
    blocks_.walker.keys_changed(fn, 0, VF_MKEY_COUNT);
  } else if (index < VF_MKEY_COUNT) {
    blocks_.walker.keys_changed(fn, index, 1);
  }
}

void FwRegisters::set_tracking(std::uint32_t fn, std::uint32_t value) {
  const vf_function& context = core_.context(fn);
  control_.function(fn).track_ctrl = value & kTrackOn;
  if ((value & kTrackOn) == 0) {
    blocks_.engine.tracker(fn).stop();
    return;
  }
  const auto ranges = std::min<std::size_t>(context.track_range_count, VF_TRACK_RANGES);
  blocks_.engine.tracker(fn).start(context.track_log_page, context.track_range, ranges,
                                   core_.fault(VF_FAULT_dirty_page_missed));
}

void FwRegisters::snapshot(std::uint32_t fn) {
  vf_function& context = core_.context(fn);
  bool more = false;
  context.snap_count = blocks_.engine.tracker(fn).snapshot(
      context.snap_addr, context.snap_len, context.snap_page, VF_TRACK_SNAPSHOT, more);
  context.snap_more = more ? 1 : 0;
}

bool FwRegisters::dma_start(const fw_dma& dma) {
  if (free_slots_ == 0 || dma.function >= core_.functions() || dma.bytes > FW_DMA_MAX_BYTES) {
    return false;
  }
  const FnRun& run = core_.run[dma.function];
  if (run.in_reset || !run.present) {
    ended_.push({dma.cookie, FW_DMA_ABORTED});
    control_.raise_irq();
    return true;
  }
  const auto slot = static_cast<std::uint32_t>(__builtin_ctzll(free_slots_));
  free_slots_ &= free_slots_ - 1;
  cookies_[slot] = dma.cookie;
  DmaRequest request;
  request.client = this;
  request.cookie = slot;
  request.addr = dma.addr;
  request.buffer = static_cast<std::uint8_t*>(dma.buf);
  request.bytes = dma.bytes;
  request.mkey = dma.mkey;
  request.fn = static_cast<std::uint8_t>(dma.function);
  request.by_key = dma.space == FW_DMA_MKEY;
  request.to_host = dma.to_host;
  request.data_path = false;
  blocks_.engine.submit(request);
  return true;
}

void FwRegisters::dma_done(std::uint64_t slot, DmaResult result) {
  ended_.push({cookies_[slot], result_of(result)});
  free_slots_ |= 1ULL << slot;
  control_.raise_irq();
}

bool FwRegisters::dma_ended(std::uint32_t* cookie, fw_dma_result* result) {
  if (ended_.empty()) {
    return false;
  }
  const Ended ended = take_front(ended_);
  *cookie = ended.cookie;
  *result = ended.result;
  return true;
}

}  // namespace vfsim::model
