// Bytes of hosts' memory, by physical address or as a function sees them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "testbench/shell/machine.hpp"

namespace vfsim::bench {

inline constexpr std::uint32_t kDword = 4;

/// A range of a host's memory: "A", "B", or a function, whose addresses go through its IOMMU
/// domain.
struct MemorySpace {
  std::uint8_t host = 0;
  bool translated = false;
  model::FnRef who;  // if translated
};

/// False: `error` is one line.
[[nodiscard]] bool find_space(const Machine& machine, std::string_view word, MemorySpace& space,
                              std::string& error);
/// Physical addresses of the range, piece by piece, and their lengths. False: `error` names the
/// first byte that cannot be reached, and why.
struct MemoryPiece {
  std::uint64_t phys = 0;
  std::size_t bytes = 0;
};
[[nodiscard]] bool locate(const Machine& machine, const MemorySpace& space, std::uint64_t address,
                          std::size_t bytes, std::vector<MemoryPiece>& pieces, std::string& error);
[[nodiscard]] bool read_memory(const Machine& machine, const MemorySpace& space,
                               std::uint64_t address, std::vector<std::uint8_t>& bytes,
                               std::string& error);
/// Memory of a guest that is there is written as its vCPUs would, so that its dirty log knows.
[[nodiscard]] bool write_memory(const Machine& machine, const MemorySpace& space,
                                std::uint64_t address, const std::vector<std::uint8_t>& bytes,
                                std::string& error);

}  // namespace vfsim::bench
