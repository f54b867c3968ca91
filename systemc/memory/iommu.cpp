#include "systemc/memory/iommu.hpp"

#include <algorithm>

namespace vfsim::model {

namespace {

bool inside(const IommuRange& range, std::uint64_t iova, std::uint64_t bytes) {
  return iova >= range.iova && iova - range.iova < range.bytes &&
         bytes <= range.bytes - (iova - range.iova);
}

/// First range that begins after `iova`.
template <class Ranges>
auto after(Ranges& ranges, std::uint64_t iova) {
  return std::upper_bound(
      ranges.begin(), ranges.end(), iova,
      [](std::uint64_t at, const IommuRange& range) { return at < range.iova; });
}

}  // namespace

bool Iommu::map(Rid requester, const IommuRange& range) {
  if (range.bytes == 0 || range.iova + (range.bytes - 1) < range.iova) {
    return false;
  }
  if (requester >= domains_.size()) {
    domains_.resize(static_cast<std::size_t>(requester) + 1);
  }
  auto& ranges = domains_[requester].ranges;
  const auto next = after(ranges, range.iova);
  if (next != ranges.end() && next->iova - range.iova < range.bytes) {
    return false;
  }
  if (next != ranges.begin() && inside(*std::prev(next), range.iova, 1)) {
    return false;
  }
  ranges.insert(next, range);
  return true;
}

void Iommu::unmap(Rid requester, std::uint64_t iova, std::uint64_t bytes) {
  if (requester >= domains_.size()) {
    return;
  }
  auto& ranges = domains_[requester].ranges;
  const IommuRange hole{iova, bytes, 0};
  ranges.erase(std::remove_if(
                   ranges.begin(), ranges.end(),
                   [&](const IommuRange& range) { return inside(hole, range.iova, range.bytes); }),
               ranges.end());
}

void Iommu::clear(Rid requester) {
  if (requester < domains_.size()) {
    domains_[requester].ranges.clear();
  }
}

std::optional<std::uint64_t> Iommu::translate(Rid requester, std::uint64_t iova,
                                              std::uint32_t bytes, bool write) {
  if (requester >= domains_.size() || domains_[requester].ranges.empty()) {
    return std::nullopt;
  }
  Domain& domain = domains_[requester];
  const std::uint64_t need = std::max<std::uint32_t>(bytes, 1);
  if (domain.last >= domain.ranges.size() || !inside(domain.ranges[domain.last], iova, need)) {
    const auto next = after(domain.ranges, iova);
    if (next == domain.ranges.begin() || !inside(*std::prev(next), iova, need)) {
      return std::nullopt;
    }
    domain.last = static_cast<std::size_t>(next - domain.ranges.begin()) - 1;
  }
  const IommuRange& range = domain.ranges[domain.last];
  if (!(write ? range.writable : range.readable)) {
    return std::nullopt;
  }
  return range.phys + (iova - range.iova);
}

}  // namespace vfsim::model
