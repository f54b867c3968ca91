#define SC_INCLUDE_DYNAMIC_PROCESSES
#include "testbench/linux_host/pci_slot.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <systemc>
#include <utility>

#include "firmware/interface/layout.h"

namespace vfsim::bench {
namespace {

// First VF Offset and VF Stride: the bus of a guest has one function in each slot, so that what the
// capability counts in functions is eight times as much there.
constexpr std::uint32_t kVfOffsetAndStride = model::ConfigSpace::kSriovCap + 0x14;
constexpr std::uint64_t kSlotFunctions = 8;

constexpr std::uint32_t kAccesses = 0;  // queue

/// Largest naturally aligned access that begins at `at`.
std::uint32_t part_at(std::uint64_t at, std::uint32_t rest, std::uint32_t most) {
  std::uint32_t bytes = most;
  while (bytes > rest || at % bytes != 0) {
    bytes /= 2;
  }
  return bytes;
}

}  // namespace

GuestCpu::GuestCpu(model::Calendar& calendar, const std::string& name) : calendar_(calendar) {
  sc_core::sc_spawn([this] { run(); }, sc_core::sc_gen_unique_name((name + "_cpu").c_str()));
}

void GuestCpu::push(Work work) {
  work_.push_back(std::move(work));
  calendar_.notify(pushed_);
}

void GuestCpu::run() {
  for (;;) {
    while (work_.empty()) {
      calendar_.wait(pushed_, model::kNever);
    }
    work_.front()();
    work_.pop_front();
    if (work_.empty()) {
      idle_();
    }
  }
}

PciSlot::PciSlot(const GuestRam& ram, GuestCpu& cpu, Owner& owner, const FunctionPlace& place)
    : cpu_(cpu), owner_(owner), place_(place), link_(ram, *this) {}

void PciSlot::emulate_config(const model::PcieParams& pcie) {
  config_ = std::make_unique<EmulatedConfig>(pcie, place_);
}

void PciSlot::take_interrupt(std::uint32_t data) {
  routes_.insert(data);
  place_.host->route_interrupt(place_.rid, data, [this, data] {
    messages_.push_back(data);
    owner_.interrupted();
  });
}

void PciSlot::move_to(const FunctionPlace& place) {
  place_.host->unroute_interrupts(place_.rid);
  place_ = place;
  for (const std::uint32_t data : routes_) {
    take_interrupt(data);
  }
  if (config_) {
    cpu_.push([this] { config_->move_to(place_); });
  }
}

std::uint64_t PciSlot::remapped(std::uint64_t at, std::uint64_t value) {
  if (at < VF_BAR_MSIX_TABLE || at >= VF_BAR_MSIX_TABLE + model::MsixTable::kTableBytes) {
    return value;
  }
  switch (at % model::MsixTable::kEntryBytes) {
    case 0:
      return model::kMsiWindow;
    case 4:
      return 0;
    case 8:
      take_interrupt(static_cast<std::uint32_t>(value));
      return value;
    default:
      return value;
  }
}

void PciSlot::prepare(bool quiet) {
  link_.queue(kAccesses).want_kicks(!quiet || polls_);
  link_.queue(kInterrupts).want_kicks(false);
}

void PciSlot::look() {
  take_accesses();
  if (!messages_.empty()) {
    owner_.interrupted();
  }
}

bool PciSlot::find_command() {
  if (!take_accesses()) {
    return false;
  }
  polls_ = true;
  owner_.command_rung(*this);
  return true;
}

bool PciSlot::take_accesses() {
  bool rung = false;
  while (auto buffer = link_.queue(kAccesses).take()) {
    const std::uint16_t head = buffer->head;
    if (auto access = parse_access(std::move(*buffer))) {
      count_unreaped(*access);
      rung = rung || (access->op == PcidevOp::mmio_write && access->address == VF_BAR_CMD_DB);
      cpu_.push([this, a = std::move(*access)] { carry_out(a); });
    } else {
      link_.queue(kAccesses).give_back(head, 0);
    }
  }
  if (link_.queue(kAccesses).broken()) {
    owner_.failed("a queue of its PCI transport holds what no driver may write there");
  }
  return rung;
}

bool PciSlot::kicked(std::uint32_t queue) {
  const bool rung = queue == kAccesses && take_accesses();
  if (rung) {
    owner_.command_rung(*this);
  } else if (queue == kInterrupts && !messages_.empty()) {
    owner_.interrupted();
  }
  return !rung;
}

// The driver frees the entries of posted writes while it waits for a read, or when it is called.
void PciSlot::count_unreaped(const PcidevAccess& access) {
  unreaped_ = access.reads() ? 0 : unreaped_ + 1;
  if (unreaped_ == link_.queue(kAccesses).entries()) {
    owner_.failed("it wrote more registers at one time than the queue of its PCI transport holds, which loses the rest");
  }
}

void PciSlot::carry_out(const PcidevAccess& access) {
  const bool config = access.op == PcidevOp::cfg_read || access.op == PcidevOp::cfg_write;
  std::array<std::uint8_t, 4096> data{};
  for (std::uint32_t done = 0; done < access.bytes;) {
    const std::uint64_t at = access.address + done;
    const std::uint32_t bytes = part_at(at, access.bytes - done, config ? 4 : 8);
    std::uint64_t value = 0;
    if (access.reads()) {
      value = read(access, at, bytes);
      std::memcpy(&data[done], &value, bytes);
    } else {
      for (std::uint32_t i = 0; i < bytes; ++i) {
        value |= std::uint64_t{access.written(done + i)} << 8 * i;
      }
      write(access, at, value, bytes);
    }
    done += bytes;
  }
  SplitQueue& queue = link_.queue(kAccesses);
  const bool filled = access.reads() && queue.fill(access.buffer, data.data(), access.bytes);
  queue.give_back(access.buffer.head, filled ? access.bytes : 0);
  posted_ = access.reads() ? 0 : posted_ + 1;
  if (posted_ >= kReapAfter) {
    owner_.interrupted();
  }
}

bool PciSlot::in_window(const PcidevAccess& access, std::uint64_t at, std::uint32_t bytes) const {
  return access.bar == 0 && at + bytes <= place_.window_bytes;
}

std::uint64_t PciSlot::read(const PcidevAccess& access, std::uint64_t at, std::uint32_t bytes) {
  if (access.op == PcidevOp::cfg_read && config_) {
    return config_->read(static_cast<std::uint32_t>(at), bytes);
  }
  if (access.op == PcidevOp::cfg_read) {
    const auto reg = static_cast<std::uint32_t>(at);
    const std::uint64_t value = place_.host->config_read(place_.rid, reg, bytes).value;
    return reg >= kVfOffsetAndStride && reg < kVfOffsetAndStride + 4 ? value * kSlotFunctions : value;
  }
  return in_window(access, at, bytes) ? place_.host->cpu_read(place_.window + at, bytes).value : ~0ULL;
}

void PciSlot::write(const PcidevAccess& access, std::uint64_t at, std::uint64_t value,
                    std::uint32_t bytes) {
  if (access.op == PcidevOp::cfg_write && config_) {
    config_->write(static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(value), bytes);
  } else if (access.op == PcidevOp::cfg_write) {
    place_.host->config_write(place_.rid, static_cast<std::uint32_t>(at),
                              static_cast<std::uint32_t>(value), bytes);
  } else if (in_window(access, at, bytes)) {
    const std::uint64_t sent = remapped(at, value);
    place_.host->cpu_write(place_.window + at, sent, bytes);
    if (config_) {
      config_->bar_written(at, sent, bytes);
    }
  }
}

std::uint32_t PciSlot::deliver() {
  std::uint32_t calls = 0;
  SplitQueue& queue = link_.queue(kInterrupts);
  while (!messages_.empty()) {
    const auto buffer = queue.take();
    if (!buffer) {
      break;
    }
    struct {
      PcidevHeader header;
      std::uint32_t data;
    } message{{static_cast<std::uint8_t>(PcidevOp::msi), 0, 0, sizeof(message.data), 0},
              messages_.front()};
    constexpr std::uint32_t kBytes = sizeof(PcidevHeader) + sizeof(message.data);
    messages_.pop_front();
    queue.give_back(buffer->head, queue.fill(*buffer, &message, kBytes) ? kBytes : 0);
    calls |= 1U << kInterrupts;
  }
  if (posted_ >= kReapAfter) {
    unreaped_ -= std::min(unreaped_, std::exchange(posted_, 0));
    calls |= link_.queue(kAccesses).wants_call() ? 1U << kAccesses : 0;
  }
  return calls;
}

}  // namespace vfsim::bench
