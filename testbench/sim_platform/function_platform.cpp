#include "testbench/sim_platform/function_platform.hpp"

#include <boost/endian/conversion.hpp>

#include "host_driver/platform/pci_registers.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint8_t kMsixCapability = 0x11;
constexpr std::uint32_t kMsixEnable = 1U << 15;
constexpr std::uint32_t kMsixFunctionMask = 1U << 14;

}  // namespace

FunctionPlatform::FunctionPlatform(SimOs& os, DmaSpace& memory, const Place& place)
    : os_(os), memory_(memory), place_(place), interrupt_(os.make_event()) {}

void FunctionPlatform::move_to(const Place& place) {
  place_.host->unroute_interrupts(place_.rid);
  place_ = place;
  for (std::uint32_t v = 0; v < handlers_.size(); ++v) {
    if (handlers_[v]) {
      route(v);
    }
  }
}

std::uint32_t FunctionPlatform::read32(std::uint64_t offset) {
  const auto answer = place_.host->cpu_read(place_.bar + offset, 4);
  os_.pass_gate();
  return boost::endian::endian_reverse(static_cast<std::uint32_t>(answer.value));
}

void FunctionPlatform::write32(std::uint64_t offset, std::uint32_t value) {
  os_.pass_gate();
  place_.host->cpu_write(place_.bar + offset, boost::endian::endian_reverse(value), 4);
}

void FunctionPlatform::write64(std::uint64_t offset, std::uint64_t value) {
  os_.pass_gate();
  place_.host->cpu_write(place_.bar + offset, boost::endian::endian_reverse(value), 8);
}

std::uint32_t FunctionPlatform::config_read(std::uint32_t reg, std::uint32_t bytes) {
  const auto answer = place_.host->config_read(place_.rid, reg, bytes);
  os_.pass_gate();
  return static_cast<std::uint32_t>(answer.value);
}

void FunctionPlatform::config_write(std::uint32_t reg, std::uint32_t value, std::uint32_t bytes) {
  os_.pass_gate();
  place_.host->config_write(place_.rid, reg, value, bytes);
  os_.pass_gate();
}

void FunctionPlatform::mem_write(std::uint64_t address, const void* from, std::size_t bytes) {
  os_.pass_gate();
  memory_.write(address, from, bytes);
}

void FunctionPlatform::bind_vector(std::uint32_t vector, std::function<void()> handler) {
  handlers_.at(vector) = std::move(handler);
  if (!thread_running_) {
    thread_running_ = true;
    os_.spawn("irq", [this] { interrupt_thread(); });
  }
  route(vector);
  write_entry(vector, false);
  msix_control(kMsixEnable, 0);
}

void FunctionPlatform::unbind_vector(std::uint32_t vector) {
  write_entry(vector, true);
  handlers_.at(vector) = nullptr;
  pending_ &= ~(1U << vector);
}

void FunctionPlatform::mask_vectors(bool masked) {
  for (std::uint32_t v = 0; v < handlers_.size(); ++v) {
    if (handlers_[v]) {
      write_entry(v, masked);
    }
  }
}

void FunctionPlatform::route(std::uint32_t vector) {
  place_.host->route_interrupt(place_.rid, vector, [this, vector] {
    pending_ |= 1U << vector;
    interrupt_->notify();
  });
}

void FunctionPlatform::write_entry(std::uint32_t vector, bool masked) {
  const std::uint64_t entry = place_.bar + VF_BAR_MSIX_TABLE + std::uint64_t{vector} * 16;
  place_.host->cpu_write(entry, model::kMsiWindow, 4);
  place_.host->cpu_write(entry + 4, 0, 4);
  place_.host->cpu_write(entry + 8, vector, 4);
  place_.host->cpu_write(entry + 12, masked ? 1 : 0, 4);
}

void FunctionPlatform::mask_function(bool masked) {
  msix_control(masked ? kMsixFunctionMask : 0, masked ? 0 : kMsixFunctionMask);
}

void FunctionPlatform::msix_control(std::uint32_t set, std::uint32_t clear) {
  for (std::uint32_t at = config_read(driver::pci::kCapabilities, 1); at != 0; at = config_read(at + 1, 1)) {
    if (config_read(at, 1) == kMsixCapability) {
      config_write(at + 2, (config_read(at + 2, 2) & ~clear) | set, 2);
      return;
    }
  }
}

void FunctionPlatform::interrupt_thread() {
  for (;;) {
    interrupt_->wait(driver::kForever);
    for (std::uint32_t v = 0; v < handlers_.size(); ++v) {
      if ((pending_ >> v & 1U) != 0) {
        pending_ &= ~(1U << v);
        if (handlers_[v]) {
          handlers_[v]();
        }
      }
    }
  }
}

}  // namespace vfsim::bench
