#include "systemc/nic/bar_space.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/interface/faults.h"

namespace vfsim::model {

namespace {
// Firmware version 28.43.1000 as drivers print it.
constexpr std::uint32_t kFwMajor = 28, kFwMinor = 43, kFwSubminor = 1000;
constexpr std::uint32_t kHealthFwVersion = 0x30, kHealthHwId = 0x34, kHealthSynd = 0x3c;
constexpr std::uint32_t kHwId = 0x212;
constexpr std::uint64_t kHealthTickNs =
    100000;  // the counter must differ between two polls of a driver
constexpr std::uint32_t kAddressMask = 0xfffff000, kInterfaceMask = 0x700;
}  // namespace

bool BarSpace::stopped(std::uint32_t fn) const {
  return core_.run[fn].responder_stop && !core_.fault(VF_FAULT_stop_executes_mmio);
}

void BarSpace::read(std::uint32_t fn, std::uint64_t offset, std::uint8_t* to, std::uint32_t bytes) {
  std::memset(to, 0, bytes);
  if (in_msix(offset)) {
    read_msix(fn, offset, to, bytes);
    return;
  }
  if (stopped(fn)) {
    return;
  }
  for (std::uint32_t i = 0; i < bytes;) {
    const std::uint64_t at = offset + i;
    std::uint8_t dword[4];
    vf_be32_store(dword, read_register(fn, at & ~3ULL));
    const auto skip = static_cast<std::uint32_t>(at & 3U);
    const std::uint32_t count = std::min(4U - skip, bytes - i);
    std::memcpy(to + i, dword + skip, count);
    i += count;
  }
}

std::uint32_t BarSpace::read_register(std::uint32_t fn, std::uint64_t offset) const {
  const NicFunction& function = control_.function(fn);
  if (offset >= VF_BAR_HEALTH && offset < VF_BAR_HEALTH + kHealthBytes) {
    return read_health(fn, offset - VF_BAR_HEALTH);
  }
  const std::uint32_t health = core_.run[fn].health;
  switch (offset) {
    case VF_BAR_FW_REV:
      return kFwMinor << 16 | kFwMajor;
    case VF_BAR_CMDIF_REV:
      return static_cast<std::uint32_t>(VF_CMDIF_REV) << 16 | kFwSubminor;
    case VF_BAR_CMDQ_HI:
      return function.cmdq_hi_written;
    case VF_BAR_CMDQ_LO:
      return function.cmdq_lo | VF_LOG_CMDQ_SIZE << 4 | VF_LOG_CMDQ_STRIDE;
    case VF_BAR_INITIALIZING:
      return control_.initializing(fn) ? 1U << VF_INITIALIZING_BIT : 0;
    case VF_BAR_TIMER_H:
      return static_cast<std::uint32_t>(core_.time_ns() >> 32);
    case VF_BAR_TIMER_L:
      return static_cast<std::uint32_t>(core_.time_ns());
    case VF_BAR_HEALTH_COUNTER:
      return health << 24 |
             (static_cast<std::uint32_t>(core_.time_ns() / kHealthTickNs) & 0xffffff);
    default:
      return 0;
  }
}

std::uint32_t BarSpace::read_health(std::uint32_t fn, std::uint64_t offset) const {
  switch (offset) {
    case kHealthFwVersion:
      return kFwMajor << 24 | kFwMinor << 16 | kFwSubminor;
    case kHealthHwId:
      return kHwId;
    case kHealthSynd:
      return static_cast<std::uint32_t>(core_.run[fn].health) << 16;
    default:
      return 0;
  }
}

void BarSpace::read_msix(std::uint32_t fn, std::uint64_t offset, std::uint8_t* to,
                         std::uint32_t bytes) {
  const MsixTable& table = blocks_.interrupts.table(fn);
  const std::uint64_t value =
      offset < VF_BAR_MSIX_PBA
          ? table.read_table(static_cast<std::uint32_t>(offset - VF_BAR_MSIX_TABLE), bytes)
          : table.read_pba(static_cast<std::uint32_t>(offset - VF_BAR_MSIX_PBA), bytes);
  for (std::uint32_t i = 0; i < std::min(bytes, 8U); ++i) {
    to[i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
}

void BarSpace::write_msix(std::uint32_t fn, std::uint64_t offset, const std::uint8_t* from,
                          std::uint32_t bytes) {
  if (offset >= VF_BAR_MSIX_PBA || (bytes != 4 && bytes != 8)) {
    return;
  }
  std::uint64_t value = 0;
  for (std::uint32_t i = 0; i < bytes; ++i) {
    value |= static_cast<std::uint64_t>(from[i]) << (8 * i);
  }
  blocks_.interrupts.table(fn).write_table(static_cast<std::uint32_t>(offset - VF_BAR_MSIX_TABLE),
                                           value, bytes);
  blocks_.interrupts.flush(fn);
}

void BarSpace::write(std::uint32_t fn, std::uint64_t offset, const std::uint8_t* from,
                     std::uint32_t bytes) {
  if (in_msix(offset)) {
    write_msix(fn, offset, from, bytes);
    return;
  }
  if (stopped(fn) || core_.run[fn].in_reset) {
    return;
  }
  if (offset >= static_cast<std::uint64_t>(VF_BAR_FIRST_UAR) * VF_PAGE_BYTES) {
    write_uar(fn, offset, from, bytes);
    return;
  }
  for (std::uint32_t i = 0; i + 4 <= bytes && (offset & 3U) == 0; i += 4) {
    write_register(fn, offset + i, vf_be32_load(from + i));
  }
}

void BarSpace::write_register(std::uint32_t fn, std::uint64_t offset, std::uint32_t value) {
  NicFunction& function = control_.function(fn);
  switch (offset) {
    case VF_BAR_CMDQ_HI:
      function.cmdq_hi_written = value;
      break;
    case VF_BAR_CMDQ_LO:
      function.cmdq_hi = function.cmdq_hi_written;
      function.cmdq_lo = value & (kAddressMask | kInterfaceMask);
      break;
    case VF_BAR_CMD_DB:
      if (function.cmdq_hi != 0 || (function.cmdq_lo & kAddressMask) != 0) {
        blocks_.doorbells.ring(fn, value);
      }
      break;
    default:
      break;
  }
}

void BarSpace::write_uar(std::uint32_t fn, std::uint64_t offset, const std::uint8_t* from,
                         std::uint32_t bytes) {
  const auto in_page = static_cast<std::uint32_t>(offset % VF_PAGE_BYTES);
  NicFunction& function = control_.function(fn);
  std::uint8_t doorbell[8];
  if (in_page >= VF_UAR_SEND_DB) {
    if (assemble(function.send_half, offset, from, bytes, doorbell)) {
      blocks_.senders.doorbell(fn, doorbell);
    }
  } else if (in_page == VF_UAR_CQ_ARM || in_page == VF_UAR_CQ_ARM + 4) {
    if (assemble(function.arm_half, offset, from, bytes, doorbell)) {
      blocks_.completions.arm(fn, doorbell);
    }
  } else if ((in_page == VF_UAR_EQ_ARM || in_page == VF_UAR_EQ_UPDATE) && bytes >= 4) {
    blocks_.events.doorbell(fn, from, in_page == VF_UAR_EQ_ARM);
  }
}

/// True when the 8 bytes of a doorbell are together. Longer writes (a whole WQE) begin with them.
bool BarSpace::assemble(DoorbellHalf& half, std::uint64_t offset, const std::uint8_t* from,
                        std::uint32_t bytes, std::uint8_t* doorbell) {
  if (bytes >= 8) {
    half.offset = ~0ULL;
    std::memcpy(doorbell, from, 8);
    return true;
  }
  if (bytes != 4) {
    return false;
  }
  if (half.offset == offset) {
    half.offset = ~0ULL;
    vf_be32_store(doorbell, half.high);
    std::memcpy(doorbell + 4, from, 4);
    return true;
  }
  half.offset = offset + 4;
  half.high = vf_be32_load(from);
  return false;
}

}  // namespace vfsim::model
