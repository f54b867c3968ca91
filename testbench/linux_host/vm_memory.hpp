// The memory of a VM, on the host where it runs and on the other one.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "testbench/checkers/check_context.hpp"
#include "testbench/linux_host/descriptor.hpp"
#include "testbench/linux_host/split_queue.hpp"

namespace vfsim::bench {

/// Lies at the same place of both hosts. Where the VM runs it is the file that the VM's kernel has
/// mapped, too; on the other host it is that host's own memory, zeros at first, which a migration
/// fills. Addresses are the VM's physical ones, which are also those that its VF uses.
class VmMemory {
 public:
  static constexpr std::uint64_t kPage = 1ULL << model::HostMemory::kPageShift;

  /// Whole pages.
  struct Part {
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;
  };

  /// @param base  where a VM's address 0 is in the memory of both hosts
  /// @param host  where the VM begins
  /// @param ram   becomes the memory where the VM runs, always; outlives this
  VmMemory(const std::array<model::HostMemory*, kHosts>& hosts, std::uint64_t base,
           std::uint8_t host, GuestRam& ram);

  /// The VM shares [start, start + bytes), which begins at `offset` of the file. False: that cannot
  /// be mapped.
  [[nodiscard]] bool share(int file, std::uint64_t offset, std::uint64_t start,
                           std::uint64_t bytes);

  [[nodiscard]] std::uint8_t host() const { return host_; }
  /// Whether the VM has shared it.
  [[nodiscard]] bool shared() const { return here_.bytes != 0; }
  [[nodiscard]] const GuestRam& here() const { return here_; }
  [[nodiscard]] const GuestRam& there() const { return there_; }
  /// What the VM or its devices may have written: all else reads as zero.
  [[nodiscard]] std::vector<Part> used() const;
  /// Counts that as touched, here.
  void touch_used();
  /// There are only zeros on the other host.
  void clear_there();
  /// The VM runs on the other host from now on, with what that has in its memory; this one's is
  /// given up.
  void move();

 private:
  const std::array<model::HostMemory*, kHosts> hosts_;
  const std::uint64_t base_;
  GuestRam& here_;
  GuestRam there_;
  Descriptor file_;
  std::uint64_t offset_ = 0;
  std::uint8_t host_;
};

/// Calls visit(address) for each page of the parts.
template <class Visit>
void each_page(const std::vector<VmMemory::Part>& parts, Visit&& visit) {
  for (const VmMemory::Part& part : parts) {
    for (std::uint64_t at = 0; at < part.bytes; at += VmMemory::kPage) {
      visit(part.address + at);
    }
  }
}

}  // namespace vfsim::bench
