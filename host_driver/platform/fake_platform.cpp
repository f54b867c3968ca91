#include "host_driver/platform/fake_platform.hpp"

#include <algorithm>
#include <cstring>
#include <deque>

namespace vfsim::driver {
namespace {
constexpr std::uint64_t kPage = 4096;
constexpr std::uint32_t kExtCap = 0x100;
}  // namespace

/// Shared with the interrupt thread, which outlives the platform until its next step.
struct FakePlatform::Interrupts {
  std::unique_ptr<Event> event;
  std::deque<std::uint32_t> raised;
  bool stop = false;
};

FakePlatform::FakePlatform(FakeOs& os, std::uint32_t vectors)
    : os_(os), vectors_(vectors), interrupts_(std::make_shared<Interrupts>()) {
  interrupts_->event = os_.make_event();
  os_.spawn("interrupts", [this, shared = interrupts_] {
    while (!shared->stop) {
      if (shared->raised.empty()) {
        shared->event->wait(kForever);
        continue;
      }
      const std::uint32_t vector = shared->raised.front();
      shared->raised.pop_front();
      const auto it = handlers_.find(vector);
      if (it != handlers_.end()) {
        const auto handler = it->second;
        handler();
      }
    }
  });
}

FakePlatform::~FakePlatform() {
  interrupts_->stop = true;
  interrupts_->event->notify();
}

std::uint32_t FakePlatform::read32(std::uint64_t offset) {
  if (on_read_) {
    if (const auto value = on_read_(offset)) {
      return *value;
    }
  }
  const auto it = registers_.find(offset);
  return it != registers_.end() ? it->second : 0;
}

void FakePlatform::write32(std::uint64_t offset, std::uint32_t value) {
  if (on_write_) {
    on_write_(offset, value, 4);
  }
  registers_[offset] = value;
}

void FakePlatform::write64(std::uint64_t offset, std::uint64_t value) {
  if (on_write_) {
    on_write_(offset, value, 8);
  }
}

std::uint32_t FakePlatform::config_read(std::uint32_t reg, std::uint32_t bytes) {
  std::uint32_t value = 0;
  std::memcpy(&value, config_.data() + reg, bytes);
  return value;
}

void FakePlatform::config_write(std::uint32_t reg, std::uint32_t value, std::uint32_t bytes) {
  std::memcpy(config_.data() + reg, &value, bytes);
  if (on_config_write_) {
    on_config_write_(reg, value, bytes);
  }
}

std::optional<std::uint64_t> FakePlatform::dma_alloc(std::size_t bytes) {
  const std::size_t rounded = (bytes + kPage - 1) / kPage * kPage;
  if (allocated_ + rounded > memory_limit_) {
    return std::nullopt;
  }
  const std::uint64_t address = next_address_;
  next_address_ += rounded;
  allocated_ += rounded;
  blocks_[address] = rounded;
  return address;
}

void FakePlatform::dma_free(std::uint64_t address, std::size_t bytes) {
  const auto it = blocks_.find(address);
  if (it == blocks_.end() || it->second != (bytes + kPage - 1) / kPage * kPage) {
    os_.log(LogLevel::error, "dma_free of a block that was not allocated");
    return;
  }
  allocated_ -= it->second;
  blocks_.erase(it);
}

std::uint8_t* FakePlatform::page(std::uint64_t address) {
  auto& slot = pages_[address / kPage];
  if (!slot) {
    slot = std::make_unique<std::array<std::uint8_t, kPage>>();
  }
  return slot->data();
}

void FakePlatform::mem_write(std::uint64_t address, const void* from, std::size_t bytes) {
  const auto* source = static_cast<const std::uint8_t*>(from);
  while (bytes > 0) {
    const std::size_t part = std::min<std::size_t>(bytes, kPage - address % kPage);
    std::memcpy(page(address) + address % kPage, source, part);
    source += part;
    address += part;
    bytes -= part;
  }
}

void FakePlatform::mem_read(std::uint64_t address, void* to, std::size_t bytes) const {
  auto* target = static_cast<std::uint8_t*>(to);
  while (bytes > 0) {
    const std::size_t part = std::min<std::size_t>(bytes, kPage - address % kPage);
    const auto it = pages_.find(address / kPage);
    if (it != pages_.end()) {
      std::memcpy(target, it->second->data() + address % kPage, part);
    } else {
      std::memset(target, 0, part);
    }
    target += part;
    address += part;
    bytes -= part;
  }
}

void FakePlatform::bind_vector(std::uint32_t vector, std::function<void()> handler) {
  handlers_[vector] = std::move(handler);
}
void FakePlatform::unbind_vector(std::uint32_t vector) {
  handlers_.erase(vector);
}

void FakePlatform::raise(std::uint32_t vector) {
  if (handlers_.count(vector) != 0) {
    interrupts_->raised.push_back(vector);
    interrupts_->event->notify();
  }
}

void FakePlatform::add_sriov_capability(std::uint16_t total_vfs, std::uint16_t first_offset,
                                        std::uint16_t stride) {
  const auto put = [this](std::uint32_t at, std::uint32_t value, std::size_t bytes) {
    std::memcpy(config_.data() + kExtCap + at, &value, bytes);
  };
  put(0x00, 0x0001'0010, 4);  // id 0x0010, version 1
  put(0x0c, total_vfs, 2);
  put(0x0e, total_vfs, 2);
  put(0x14, first_offset, 2);
  put(0x16, stride, 2);
  put(0x1c, 1, 4);
}

}  // namespace vfsim::driver
