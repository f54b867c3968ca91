#include "testbench/sim_platform/dma_space.hpp"

#include <array>

namespace vfsim::bench {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t round_up(std::uint64_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

void zero(DmaSpace& space, std::uint64_t address, std::uint64_t bytes) {
  static constexpr std::array<std::uint8_t, kPage> kZeros{};
  for (std::uint64_t at = 0; at < bytes; at += kPage) {
    space.write(address + at, kZeros.data(), kPage);
  }
}

}  // namespace

PageAllocator::PageAllocator(std::uint64_t base, std::uint64_t bytes) { free_.emplace(base, bytes); }

std::optional<std::uint64_t> PageAllocator::alloc(std::uint64_t bytes) {
  const std::uint64_t want = round_up(bytes == 0 ? 1 : bytes);
  for (auto it = free_.begin(); it != free_.end(); ++it) {
    if (it->second >= want) {
      const auto [start, size] = *it;
      free_.erase(it);
      if (size > want) {
        free_.emplace(start + want, size - want);
      }
      return start;
    }
  }
  return std::nullopt;
}

void PageAllocator::free(std::uint64_t address, std::uint64_t bytes) {
  std::uint64_t size = round_up(bytes == 0 ? 1 : bytes);
  auto next = free_.lower_bound(address);
  if (next != free_.end() && next->first == address + size) {
    size += next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin()) {
    auto before = std::prev(next);
    if (before->first + before->second == address) {
      before->second += size;
      return;
    }
  }
  free_.emplace(address, size);
}

HostDmaSpace::HostDmaSpace(model::HostMemory& memory, model::Iommu& iommu, PageAllocator& pages, model::Rid requester)
    : memory_(memory), iommu_(iommu), pages_(pages), requester_(requester) {}

std::optional<std::uint64_t> HostDmaSpace::alloc(std::uint64_t bytes) {
  const auto phys = pages_.alloc(bytes);
  if (phys) {
    zero(*this, *phys, round_up(bytes));
    iommu_.map(requester_, {*phys, round_up(bytes), *phys, true, true});
  }
  return phys;
}

void HostDmaSpace::free(std::uint64_t address, std::uint64_t bytes) {
  iommu_.unmap(requester_, address, round_up(bytes));
  pages_.free(address, bytes);
}

void HostDmaSpace::write(std::uint64_t address, const void* from, std::size_t bytes) {
  memory_.write(address, from, bytes);
}

void HostDmaSpace::read(std::uint64_t address, void* to, std::size_t bytes) const { memory_.read(address, to, bytes); }

// Guest page 0 is never handed out: address 0 is "no page" in the device interface.
GuestMemory::GuestMemory(std::uint64_t bytes)
    : bytes_(bytes), pages_(kPage, bytes - kPage), dirty_(static_cast<std::size_t>(bytes / kPage)) {}

void GuestMemory::place(model::HostMemory& memory, std::uint64_t phys) {
  memory_ = &memory;
  phys_ = phys;
}

void GuestMemory::log(bool on) {
  logging_ = on;
  dirty_.assign(dirty_.size(), false);
}

std::vector<std::uint64_t> GuestMemory::report() {
  std::vector<std::uint64_t> pages;
  for (std::size_t page = 0; page < dirty_.size(); ++page) {
    if (dirty_[page]) {
      pages.push_back(page * kPage);
    }
  }
  dirty_.assign(dirty_.size(), false);
  return pages;
}

std::optional<std::uint64_t> GuestMemory::alloc(std::uint64_t bytes) {
  const auto gpa = pages_.alloc(bytes);
  if (gpa) {
    zero(*this, *gpa, round_up(bytes));
  }
  return gpa;
}

void GuestMemory::free(std::uint64_t address, std::uint64_t bytes) { pages_.free(address, bytes); }

void GuestMemory::write(std::uint64_t address, const void* from, std::size_t bytes) {
  if (address + bytes > bytes_ || bytes == 0) {
    return;
  }
  memory_->write(phys_ + address, from, bytes);
  if (logging_) {
    for (std::uint64_t page = address / kPage; page <= (address + bytes - 1) / kPage; ++page) {
      dirty_[static_cast<std::size_t>(page)] = true;
    }
  }
}

void GuestMemory::read(std::uint64_t address, void* to, std::size_t bytes) const {
  if (address + bytes <= bytes_) {
    memory_->read(phys_ + address, to, bytes);
  }
}

}  // namespace vfsim::bench
