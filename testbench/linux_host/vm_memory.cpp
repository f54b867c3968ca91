#include "testbench/linux_host/vm_memory.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>

#include "testbench/linux_host/shared_memory.hpp"

namespace vfsim::bench {
namespace {

/// A descriptor with a position of its own: that of a passed one is the kernel's, too.
Descriptor open_again(int file) {
  return Descriptor(open(("/proc/self/fd/" + std::to_string(file)).c_str(), O_RDWR | O_CLOEXEC));
}

void mapped(bool done) {
  if (!done) {
    throw std::runtime_error("memory of a VM: the operating system refuses to map it anew");
  }
}

}  // namespace

VmMemory::VmMemory(const std::array<model::HostMemory*, kHosts>& hosts, std::uint64_t base,
                   std::uint8_t host, GuestRam& ram)
    : hosts_(hosts), base_(base), here_(ram), host_(host) {}

bool VmMemory::share(int file, std::uint64_t offset, std::uint64_t start, std::uint64_t bytes) {
  file_ = open_again(file);
  const bool fits = start + bytes >= start && base_ + start + bytes >= base_ && file_.open() &&
                    hosts_[1U - host_]->view(base_ + start, bytes) != nullptr;
  if (!fits || !map_file(*hosts_[host_], file_.get(), offset, base_ + start, bytes)) {
    return false;
  }
  offset_ = offset;
  here_ = {hosts_[host_], base_, start, bytes};
  there_ = {hosts_[1U - host_], base_, start, bytes};
  return true;
}

std::vector<VmMemory::Part> VmMemory::used() const {
  std::vector<Part> parts;
  const auto end = static_cast<off_t>(offset_ + here_.bytes);
  for (auto at = static_cast<off_t>(offset_); at < end;) {
    const off_t data = lseek(file_.get(), at, SEEK_DATA);
    if (data < 0 || data >= end) {
      break;
    }
    at = std::min(lseek(file_.get(), data, SEEK_HOLE), end);
    const std::uint64_t first = (static_cast<std::uint64_t>(data) - offset_) / kPage * kPage;
    const std::uint64_t last =
        (static_cast<std::uint64_t>(at) - offset_ + kPage - 1) / kPage * kPage;
    parts.push_back({here_.start + first, last - first});
  }
  return parts;
}

void VmMemory::touch_used() {
  for (const Part& part : used()) {
    here_.memory->touch(base_ + part.address, part.bytes);
  }
}

void VmMemory::clear_there() {
  mapped(map_own(*there_.memory, base_ + there_.start, there_.bytes));
}

void VmMemory::move() {
  host_ = static_cast<std::uint8_t>(1U - host_);
  if (!shared()) {
    return;
  }
  touch_used();
  each_page({{here_.start, here_.bytes}}, [this](std::uint64_t page) {
    if (!here_.touched(page) && !there_.touched(page)) {
      return;
    }
    std::uint8_t* const mine = here_.view(page, kPage);
    const std::uint8_t* const copy = there_.view(page, kPage);
    if (std::memcmp(mine, copy, kPage) != 0) {
      std::memcpy(mine, copy, kPage);
    }
  });
  mapped(map_file(*there_.memory, file_.get(), offset_, base_ + there_.start, there_.bytes));
  std::swap(here_, there_);
  clear_there();
}

}  // namespace vfsim::bench
