#include "host_driver/vfio/dma_pool.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include "firmware/interface/layout.h"

namespace vfsim::driver {
namespace {

constexpr std::size_t kPage = VF_PAGE_BYTES;
// /proc/PID/pagemap: 8 bytes a page, frame number in bits 0 to 54. Source: kernel documentation.
constexpr std::uint64_t kPresent = std::uint64_t{1} << 63;
constexpr std::uint64_t kFrameMask = (std::uint64_t{1} << 55) - 1;

std::uint64_t round_up(std::uint64_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

}  // namespace

std::vector<DmaPage> longest_rows(std::vector<DmaPage> pages, std::size_t count) {
  std::sort(pages.begin(), pages.end(),
            [](const DmaPage& a, const DmaPage& b) { return a.address < b.address; });
  std::vector<std::vector<DmaPage>> rows;
  for (const DmaPage& page : pages) {
    if (rows.empty() || rows.back().back().address + kPage != page.address) {
      rows.emplace_back();
    }
    rows.back().push_back(page);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  std::vector<DmaPage> taken;
  for (const auto& row : rows) {
    const auto some = static_cast<std::ptrdiff_t>(std::min(row.size(), count - taken.size()));
    taken.insert(taken.end(), row.begin(), row.begin() + some);
  }
  return taken;
}

Result<LockedMemory> LockedMemory::map(std::size_t bytes) {
  const std::size_t rounded = round_up(bytes);
  void* const base = ::mmap(nullptr, rounded, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (base == MAP_FAILED) {
    return fail(errno, "no memory for DMA: " + std::to_string(rounded) + " bytes");
  }
  LockedMemory memory(static_cast<std::uint8_t*>(base), rounded);
  if (::mlock(base, rounded) != 0) {
    return fail(errno, "cannot lock " + std::to_string(rounded) + " bytes of memory");
  }
  return memory;
}

LockedMemory::~LockedMemory() {
  if (base_ != nullptr) {
    ::munmap(base_, bytes_);
  }
}

Result<std::vector<DmaPage>> LockedMemory::physical_pages(int pagemap_fd) const {
  std::vector<std::uint64_t> entries(bytes_ / kPage);
  const auto wanted = static_cast<ssize_t>(entries.size() * sizeof entries[0]);
  const auto at =
      static_cast<off_t>(reinterpret_cast<std::uintptr_t>(base_) / kPage * sizeof entries[0]);
  if (::pread(pagemap_fd, entries.data(), static_cast<std::size_t>(wanted), at) != wanted) {
    return fail(EIO, "the page map cannot be read");
  }
  std::vector<DmaPage> pages;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::uint64_t frame = entries[i] & kFrameMask;
    if ((entries[i] & kPresent) == 0 || frame == 0) {
      return fail(EPERM, "the page map hides physical addresses: root may see them");
    }
    pages.push_back({frame * kPage, base_ + i * kPage});
  }
  return pages;
}

std::vector<DmaPage> LockedMemory::pages_at(std::uint64_t iova) const {
  std::vector<DmaPage> pages;
  for (std::size_t at = 0; at < bytes_; at += kPage) {
    pages.push_back({iova + at, base_ + at});
  }
  return pages;
}

DmaPool::DmaPool(std::vector<DmaPage> pages) : pages_(std::move(pages)) {
  std::sort(pages_.begin(), pages_.end(),
            [](const DmaPage& a, const DmaPage& b) { return a.address < b.address; });
  for (const DmaPage& page : pages_) {
    free(page.address, kPage);
  }
}

std::optional<std::uint64_t> DmaPool::alloc(std::size_t bytes) {
  const std::uint64_t wanted = round_up(bytes);
  const auto run = std::find_if(free_.begin(), free_.end(),
                                [wanted](const auto& piece) { return piece.second >= wanted; });
  if (run == free_.end() || wanted == 0) {
    return std::nullopt;
  }
  const auto [address, length] = *run;
  free_.erase(run);
  if (length > wanted) {
    free_.emplace(address + wanted, length - wanted);
  }
  const std::vector<std::uint8_t> zeros(kPage);
  for (std::uint64_t at = 0; at < wanted; at += kPage) {
    write(address + at, zeros.data(), kPage);
  }
  return address;
}

void DmaPool::free(std::uint64_t address, std::size_t bytes) {
  auto here = free_.emplace(address, round_up(bytes)).first;
  const auto next = std::next(here);
  if (next != free_.end() && here->first + here->second == next->first) {
    here->second += next->second;
    free_.erase(next);
  }
  if (here != free_.begin()) {
    const auto before = std::prev(here);
    if (before->first + before->second == here->first) {
      before->second += here->second;
      free_.erase(here);
    }
  }
}

std::size_t DmaPool::largest() const {
  std::size_t longest = 0;
  for (const auto& [address, bytes] : free_) {
    longest = std::max<std::size_t>(longest, bytes);
  }
  return longest;
}

std::size_t DmaPool::index_of(std::uint64_t address) const {
  const std::uint64_t page = address / kPage * kPage;
  const auto it =
      std::lower_bound(pages_.begin(), pages_.end(), page,
                       [](const DmaPage& a, std::uint64_t wanted) { return a.address < wanted; });
  if (it == pages_.end() || it->address != page) {
    throw std::out_of_range("address " + std::to_string(address) + " is not in the DMA memory");
  }
  return static_cast<std::size_t>(it - pages_.begin());
}

/// Calls piece(index of the page, offset in it, offset in the data, bytes).
template <class Piece>
void DmaPool::for_each_piece(std::uint64_t address, std::size_t bytes, Piece&& piece) const {
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t in_page = (address + done) % kPage;
    const std::size_t length = std::min(bytes - done, kPage - in_page);
    piece(index_of(address + done), in_page, done, length);
    done += length;
  }
}

void DmaPool::write(std::uint64_t address, const void* from, std::size_t bytes) {
  const auto* const source = static_cast<const std::uint8_t*>(from);
  for_each_piece(address, bytes,
                 [&](std::size_t page, std::size_t at, std::size_t done, std::size_t length) {
                   std::memcpy(pages_[page].pointer + at, source + done, length);
                   if (!shadow_.empty()) {
                     std::memcpy(&shadow_[page * kPage + at], source + done, length);
                   }
                 });
}

void DmaPool::read(std::uint64_t address, void* to, std::size_t bytes) const {
  auto* const target = static_cast<std::uint8_t*>(to);
  for_each_piece(address, bytes,
                 [&](std::size_t page, std::size_t at, std::size_t done, std::size_t length) {
                   std::memcpy(target + done, pages_[page].pointer + at, length);
                 });
}

void DmaPool::start_watch() {
  shadow_.resize(pages_.size() * kPage);
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    std::memcpy(&shadow_[i * kPage], pages_[i].pointer, kPage);
  }
}

std::vector<std::uint64_t> DmaPool::device_written() {
  std::vector<std::uint64_t> written;
  for (std::size_t i = 0; i < pages_.size() && !shadow_.empty(); ++i) {
    if (std::memcmp(&shadow_[i * kPage], pages_[i].pointer, kPage) != 0) {
      written.push_back(pages_[i].address);
      std::memcpy(&shadow_[i * kPage], pages_[i].pointer, kPage);
    }
  }
  return written;
}

}  // namespace vfsim::driver
