// The SR-IOV capability of a physical function, and the arithmetic of virtual function identities.
// Source: mlx5 device interface sections 1.3, 1.4.
#pragma once

#include <cstdint>
#include <optional>

#include "host_driver/platform/platform.hpp"
#include "host_driver/platform/result.hpp"

namespace vfsim::driver {

/// Function and vport number of a VF; 0 is the PF.
constexpr std::uint16_t vf_function_id(std::uint16_t vf) {
  return static_cast<std::uint16_t>(vf + 1);
}

/// First VF Offset and VF Stride of a PF.
struct VfRouting {
  std::uint16_t first_offset = 0;
  std::uint16_t stride = 0;

  [[nodiscard]] constexpr std::uint16_t vf_rid(std::uint16_t pf_rid, std::uint16_t vf) const {
    return static_cast<std::uint16_t>(pf_rid + first_offset + stride * vf);
  }
  /// The VF with this routing id; nothing if it is none of the PF's.
  [[nodiscard]] constexpr std::optional<std::uint16_t> vf_of(std::uint16_t pf_rid,
                                                             std::uint16_t rid) const {
    const int distance = rid - pf_rid - first_offset;
    if (distance < 0 || (stride == 0 ? distance != 0 : distance % stride != 0)) {
      return std::nullopt;
    }
    return static_cast<std::uint16_t>(stride == 0 ? 0 : distance / stride);
  }
};

class SriovCapability {
 public:
  explicit SriovCapability(Platform& platform) : platform_(platform) {}
  /// Looks for the capability. ENODEV without one, EIO if its numbers are not usable.
  [[nodiscard]] Result<void> find();
  [[nodiscard]] std::uint16_t total_vfs() const { return total_vfs_; }
  /// Writes NumVFs (VF Enable must be clear) and reads the routing, which may depend on it.
  [[nodiscard]] VfRouting set_num_vfs(std::uint16_t vfs);
  /// Sets or clears VF Enable and VF Memory Space Enable.
  void enable(bool on);

 private:
  Platform& platform_;
  std::uint32_t at_ = 0;
  std::uint16_t total_vfs_ = 0;
};

}  // namespace vfsim::driver
