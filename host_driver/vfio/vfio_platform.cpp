#include "host_driver/vfio/vfio_platform.hpp"

#include <algorithm>
#include <array>
#include <poll.h>
#include <sys/eventfd.h>

#include "firmware/interface/layout.h"
#include "host_driver/platform/pci_registers.hpp"

namespace vfsim::driver {
namespace {


void raise(int event_fd) {
  (void)!::eventfd_write(event_fd, 1);
}

}  // namespace

Result<std::unique_ptr<VfioPlatform>> VfioPlatform::create(PosixOs& os, DmaPool& memory,
                                                           std::unique_ptr<DeviceFile> function,
                                                           std::uint32_t vectors) {
  std::unique_ptr<VfioPlatform> platform(new VfioPlatform(os, memory));
  BOOST_OUTCOME_TRYV(platform->start(std::move(function), vectors));
  return platform;
}

Result<void> VfioPlatform::start(std::unique_ptr<DeviceFile> function, std::uint32_t vectors) {
  const std::uint32_t used = std::min(vectors, function->vectors());
  for (std::uint32_t i = 0; i < used + 1; ++i) {
    events_.emplace_back(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!events_.back().is_open()) {
      return fail(errno, error_text("eventfd", errno));
    }
  }
  handlers_.resize(used);
  BOOST_OUTCOME_TRYV(function->set_interrupts(event_fds()));
  function_ = std::move(function);
  enable_memory_and_dma();
  ended_ = os_.make_event();
  running_ = true;
  os_.spawn("interrupts", [this] {
    take_interrupts();
    running_ = false;
    ended_->notify();
  });
  return ok();
}

VfioPlatform::~VfioPlatform() {
  stop_ = true;
  while (running_) {
    raise(events_.back().fd());
    ended_->wait(kForever);
  }
  if (function_ && !handlers_.empty()) {
    (void)!function_->set_interrupts({});
  }
}

std::vector<int> VfioPlatform::event_fds() const {
  std::vector<int> fds;
  for (std::size_t i = 0; i < handlers_.size(); ++i) {
    fds.push_back(events_[i].fd());
  }
  return fds;
}

void VfioPlatform::enable_memory_and_dma() {
  config_write(pci::kCommand, config_read(pci::kCommand, 2) | pci::kMemoryAndMaster, 2);
}

Result<void> VfioPlatform::move_to(std::unique_ptr<DeviceFile> function) {
  if (function->vectors() < vectors()) {
    return fail(EINVAL, "the function has fewer interrupt vectors than the driver uses");
  }
  // the old function first: an event file serves one of them at a time
  BOOST_OUTCOME_TRYV(function_->set_interrupts({}));
  if (auto taken = function->set_interrupts(event_fds()); !taken) {
    (void)!function_->set_interrupts(event_fds());
    return taken;
  }
  function_ = std::move(function);
  enable_memory_and_dma();
  for (std::size_t i = 0; i < handlers_.size(); ++i) {
    raise(events_[i].fd());
  }
  return ok();
}

void VfioPlatform::write_region(const VfioRegion& region, std::uint64_t offset, const void* from,
                                std::size_t bytes) {
  const auto at = static_cast<off_t>(region.offset + offset);
  if (offset + bytes > region.bytes ||
      ::pwrite(function_->device_fd(), from, bytes, at) != static_cast<ssize_t>(bytes)) {
    os_.log(LogLevel::debug, "a write to the function was lost");
  }
}

bool VfioPlatform::read_region(const VfioRegion& region, std::uint64_t offset, void* to,
                               std::size_t bytes) const {
  return offset + bytes <= region.bytes &&
         ::pread(function_->device_fd(), to, bytes, static_cast<off_t>(region.offset + offset)) ==
             static_cast<ssize_t>(bytes);
}

std::uint32_t VfioPlatform::read32(std::uint64_t offset) {
  std::array<std::uint8_t, 4> raw{};
  return read_region(function_->bar0(), offset, raw.data(), raw.size()) ? vf_be32_load(raw.data())
                                                                        : 0xffffffff;
}

void VfioPlatform::write32(std::uint64_t offset, std::uint32_t value) {
  std::array<std::uint8_t, 4> raw{};
  vf_be32_store(raw.data(), value);
  write_region(function_->bar0(), offset, raw.data(), raw.size());
}

void VfioPlatform::write64(std::uint64_t offset, std::uint64_t value) {
  std::array<std::uint8_t, 8> raw{};
  vf_be64_store(raw.data(), value);
  write_region(function_->bar0(), offset, raw.data(), raw.size());
}

std::uint32_t VfioPlatform::config_read(std::uint32_t reg, std::uint32_t bytes) {
  std::array<std::uint8_t, 4> raw{0xff, 0xff, 0xff, 0xff};
  (void)!read_region(function_->config(), reg, raw.data(), bytes);
  std::uint32_t value = 0;
  for (std::uint32_t i = 0; i < bytes; ++i) {
    value |= std::uint32_t{raw[i]} << (8 * i);
  }
  return value;
}

void VfioPlatform::config_write(std::uint32_t reg, std::uint32_t value, std::uint32_t bytes) {
  std::array<std::uint8_t, 4> raw{};
  for (std::uint32_t i = 0; i < bytes; ++i) {
    raw[i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
  write_region(function_->config(), reg, raw.data(), bytes);
}

void VfioPlatform::bind_vector(std::uint32_t vector, std::function<void()> handler) {
  handlers_.at(vector) = std::move(handler);
}

void VfioPlatform::unbind_vector(std::uint32_t vector) {
  handlers_.at(vector) = nullptr;
}

void VfioPlatform::take_interrupts() {
  std::vector<pollfd> waits;
  for (const File& event : events_) {
    waits.push_back({event.fd(), POLLIN, 0});
  }
  while (!stop_) {
    {
      const PosixOs::Outside outside(os_);
      ::poll(waits.data(), waits.size(), -1);
    }
    for (std::size_t vector = 0; vector < waits.size() && !stop_; ++vector) {
      eventfd_t count = 0;
      if (waits[vector].revents == 0 || ::eventfd_read(waits[vector].fd, &count) != 0 ||
          vector == handlers_.size()) {
        continue;
      }
      interrupts_ += count;
      if (const auto handler = handlers_[vector]) {  // a copy: it may unbind itself
        handler();
      }
    }
  }
}

}  // namespace vfsim::driver
