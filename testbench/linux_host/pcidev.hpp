// virtio-pcidev: how a guest of User Mode Linux reaches a PCI function.
#pragma once

#include <cstdint>
#include <optional>

#include "testbench/linux_host/split_queue.hpp"

namespace vfsim::bench {

/// Operations of include/uapi/linux/virtio_pcidev.h.
enum class PcidevOp : std::uint8_t {
  cfg_read = 1,
  cfg_write = 2,
  mmio_read = 3,
  mmio_write = 4,
  mmio_memset = 5,
  msi = 7,
};

struct PcidevHeader {
  std::uint8_t op;
  std::uint8_t bar;
  std::uint16_t reserved;
  std::uint32_t bytes;
  std::uint64_t address;
};
static_assert(sizeof(PcidevHeader) == 16, "as the driver lays it out");

/// One access of the guest's CPU to a function. Reads give their bytes back in `buffer`.
struct PcidevAccess {
  PcidevOp op = PcidevOp::cfg_read;
  std::uint8_t bar = 0;
  std::uint32_t bytes = 0;
  std::uint64_t address = 0;
  QueueBuffer buffer;  // written bytes are behind the header in buffer.in

  [[nodiscard]] bool reads() const { return op == PcidevOp::cfg_read || op == PcidevOp::mmio_read; }
  /// Byte `index` of what is written.
  [[nodiscard]] std::uint8_t written(std::uint32_t index) const {
    return buffer.in[sizeof(PcidevHeader) + (op == PcidevOp::mmio_memset ? 0 : index)];
  }
};

/// Nothing if the buffer holds no access that the protocol allows.
[[nodiscard]] std::optional<PcidevAccess> parse_access(QueueBuffer buffer);

}  // namespace vfsim::bench
