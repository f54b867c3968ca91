#include "host_driver/pf/sriov.hpp"

#include <string>

namespace vfsim::driver {
namespace {

constexpr std::uint32_t kExtendedSpace = 0x100;
constexpr std::uint32_t kExtCapSriov = 0x0010;
// Offsets in the capability, PCI Express.
constexpr std::uint32_t kControl = 0x08;
constexpr std::uint32_t kInitialVfs = 0x0c;
constexpr std::uint32_t kTotalVfs = 0x0e;
constexpr std::uint32_t kNumVfs = 0x10;
constexpr std::uint32_t kFirstOffset = 0x14;
constexpr std::uint32_t kStride = 0x16;
constexpr std::uint32_t kSupportedPages = 0x1c;
constexpr std::uint32_t kSystemPage = 0x20;
constexpr std::uint32_t kVfEnable = 1U << 0;
constexpr std::uint32_t kVfMemory = 1U << 3;

}  // namespace

Result<void> SriovCapability::find() {
  std::uint32_t at = kExtendedSpace;
  for (int hops = 0; at >= kExtendedSpace && hops < 64; ++hops) {
    const std::uint32_t header = platform_.config_read(at, 4);
    if (header == 0 || header == ~0U) {
      break;
    }
    if ((header & 0xffff) == kExtCapSriov) {
      at_ = at;
      total_vfs_ = static_cast<std::uint16_t>(platform_.config_read(at + kTotalVfs, 2));
      const std::uint32_t initial = platform_.config_read(at + kInitialVfs, 2);
      if (total_vfs_ == 0) {
        return fail(ENODEV, "SR-IOV capability with TotalVFs 0");
      }
      if (initial != total_vfs_) {
        return fail(EIO, "SR-IOV: InitialVFs " + std::to_string(initial) + ", TotalVFs " +
                             std::to_string(total_vfs_));
      }
      return ok();
    }
    at = header >> 20;
  }
  return fail(ENODEV, "no SR-IOV capability");
}

VfRouting SriovCapability::set_num_vfs(std::uint16_t vfs) {
  const std::uint32_t supported = platform_.config_read(at_ + kSupportedPages, 4);
  platform_.config_write(at_ + kSystemPage, supported & (~supported + 1),
                         4);  // the smallest: 4096 bytes
  platform_.config_write(at_ + kNumVfs, vfs, 2);
  return {static_cast<std::uint16_t>(platform_.config_read(at_ + kFirstOffset, 2)),
          static_cast<std::uint16_t>(platform_.config_read(at_ + kStride, 2))};
}

void SriovCapability::enable(bool on) {
  const std::uint32_t control = platform_.config_read(at_ + kControl, 2);
  const std::uint32_t bits = kVfEnable | kVfMemory;
  platform_.config_write(at_ + kControl, on ? control | bits : control & ~bits, 2);
}

}  // namespace vfsim::driver
