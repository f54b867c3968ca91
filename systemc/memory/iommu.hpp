// IOMMU: a domain of address ranges per requester.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "systemc/pcie/tlp.hpp"

namespace vfsim::model {

/// One mapped range of a domain: [iova, iova + bytes) -> [phys, phys + bytes). phys may lie in
/// memory or in a device window (peer-to-peer).
struct IommuRange {
  std::uint64_t iova = 0;
  std::uint64_t bytes = 0;
  std::uint64_t phys = 0;
  bool readable = true;
  bool writable = true;
};

/// A requester without a domain has no access at all. A request must lie in one range; otherwise it
/// faults.
class Iommu {
 public:
  /// Adds a range; false if it is empty, wraps around, or overlaps one of the domain.
  bool map(Rid requester, const IommuRange& range);
  /// Removes every range inside [iova, iova + bytes); ranges that stick out stay.
  void unmap(Rid requester, std::uint64_t iova, std::uint64_t bytes);
  void clear(Rid requester);
  /// Physical address of the request, or nothing (a fault). Time: a few ns; the last range of a
  /// domain is cached. A request of zero bytes (a flushing read) is checked like one of one byte.
  [[nodiscard]] std::optional<std::uint64_t> translate(Rid requester, std::uint64_t iova,
                                                       std::uint32_t bytes, bool write);

 private:
  struct Domain {
    std::vector<IommuRange> ranges;  // by iova
    std::size_t last = 0;            // most recent hit
  };
  std::vector<Domain> domains_;  // by requester id; grows when a requester gets its first range
};

}  // namespace vfsim::model
