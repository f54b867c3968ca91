// The driver's side of a split virtqueue, for tests: it writes its rings by hand.
#pragma once

#include <array>
#include <cstdint>

#include "systemc/memory/host_memory.hpp"

namespace vfsim::bench {

struct DriverRings {
  static constexpr std::uint16_t kNext = 1, kWrite = 2, kIndirect = 4;  // flags of descriptors

  model::HostMemory& memory;
  std::uint64_t descriptors, available, used;
  std::uint16_t size;
  std::uint16_t offered = 0;

  void descriptor(std::uint16_t index, std::uint64_t address, std::uint32_t bytes, std::uint16_t flags,
                  std::uint16_t next = 0) {
    const struct {
      std::uint64_t address;
      std::uint32_t bytes;
      std::uint16_t flags, next;
    } d{address, bytes, flags, next};
    memory.write(descriptors + 16ULL * index, &d, sizeof(d));
  }
  void offer(std::uint16_t head) {
    memory.write(available + 4 + 2ULL * (offered++ % size), &head, 2);
    memory.write(available + 2, &offered, 2);
  }
  /// Buffers that came back so far, and {head, bytes} of the n-th.
  [[nodiscard]] std::uint16_t returned() const {
    std::uint16_t index = 0;
    memory.read(used + 2, &index, 2);
    return index;
  }
  [[nodiscard]] std::array<std::uint32_t, 2> element(std::uint16_t n) const {
    std::array<std::uint32_t, 2> found{};
    memory.read(used + 4 + 8ULL * (n % size), found.data(), 8);
    return found;
  }
};

}  // namespace vfsim::bench
