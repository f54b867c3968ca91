#include "host_driver/vfio/vfio_function.hpp"

#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <linux/vfio.h>
#include <string_view>
#include <sys/ioctl.h>

namespace vfsim::driver {
namespace {

constexpr const char* kDevices = "/sys/bus/pci/devices/";

Result<int> call(int fd, unsigned long request, const void* arg, const char* what) {
  const int result = ::ioctl(fd, request, arg);
  if (result < 0) {
    return fail(errno, error_text(what, errno));
  }
  return result;
}

Result<File> open_file(const std::string& path) {
  File file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.is_open()) {
    return fail(errno, error_text(path, errno));
  }
  return file;
}

/// "/dev/vfio/3", or "/dev/vfio/noiommu-3" of a group without an IOMMU.
Result<std::string> group_path(const std::string& address) {
  namespace fs = std::filesystem;
  std::error_code none;
  const fs::path link = fs::read_symlink(kDevices + address + "/iommu_group", none);
  if (none) {
    const bool exists = fs::exists(kDevices + address, none);
    return fail(ENODEV,
                address + (exists ? ": not bound to a driver of VFIO" : ": no such function"));
  }
  const std::string group = link.filename().string();
  std::string name;
  std::ifstream(kDevices + address + "/iommu_group/name") >> name;
  return (name == "vfio-noiommu" ? "/dev/vfio/noiommu-" : "/dev/vfio/") + group;
}

Result<VfioRegion> region(int fd, std::uint32_t index) {
  vfio_region_info info{};
  info.argsz = sizeof info;
  info.index = index;
  BOOST_OUTCOME_TRYV(call(fd, VFIO_DEVICE_GET_REGION_INFO, &info, "VFIO region"));
  return VfioRegion{info.offset, info.size};
}

}  // namespace

std::string errno_name(int code) {
  const char* const name = ::strerrorname_np(code);
  return name != nullptr ? name : std::to_string(code);
}

std::string error_text(const std::string& what, int code) {
  return what + ": " + std::strerror(code) + " (" + errno_name(code) + ")";
}

Result<std::unique_ptr<VfioFunction>> VfioFunction::open(const std::string& address) {
  BOOST_OUTCOME_TRY(path, group_path(address));
  const bool no_iommu = path.find("noiommu") != std::string::npos;
  Files files;
  BOOST_OUTCOME_TRY(container, open_file("/dev/vfio/vfio"));
  files.container = std::move(container);
  BOOST_OUTCOME_TRY(group, open_file(path));
  files.group = std::move(group);
  const int container_fd = files.container.fd();
  BOOST_OUTCOME_TRYV(
      call(files.group.fd(), VFIO_GROUP_SET_CONTAINER, &container_fd, "VFIO container"));
  const auto kind = static_cast<std::uintptr_t>(no_iommu ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1v2_IOMMU);
  BOOST_OUTCOME_TRYV(call(container_fd, VFIO_SET_IOMMU, reinterpret_cast<const void*>(kind),
                          no_iommu ? "VFIO no-IOMMU mode" : "VFIO type 1 IOMMU"));
  BOOST_OUTCOME_TRY(
      device, call(files.group.fd(), VFIO_GROUP_GET_DEVICE_FD, address.c_str(), "VFIO device"));
  files.device = File(device);
  return adopt(std::move(files));
}

Result<std::unique_ptr<VfioFunction>> VfioFunction::adopt(Files files) {
  auto function = std::make_unique<VfioFunction>();
  const int fd = files.device.fd();
  vfio_device_info info{};
  info.argsz = sizeof info;
  BOOST_OUTCOME_TRYV(call(fd, VFIO_DEVICE_GET_INFO, &info, "VFIO device"));
  if ((info.flags & VFIO_DEVICE_FLAGS_PCI) == 0) {
    return fail(EINVAL, "not a PCI function");
  }
  BOOST_OUTCOME_TRY(bar0, region(fd, VFIO_PCI_BAR0_REGION_INDEX));
  BOOST_OUTCOME_TRY(config, region(fd, VFIO_PCI_CONFIG_REGION_INDEX));
  vfio_irq_info irq{};
  irq.argsz = sizeof irq;
  irq.index = VFIO_PCI_MSIX_IRQ_INDEX;
  BOOST_OUTCOME_TRYV(call(fd, VFIO_DEVICE_GET_IRQ_INFO, &irq, "VFIO interrupts"));
  function->files_ = std::move(files);
  function->bar0_ = bar0;
  function->config_ = config;
  function->vectors_ = irq.count;
  return function;
}

Result<void> VfioFunction::set_interrupts(const std::vector<int>& event_fds) {
  std::vector<std::uint8_t> raw(sizeof(vfio_irq_set) + event_fds.size() * sizeof(int));
  vfio_irq_set set{};
  set.argsz = static_cast<std::uint32_t>(raw.size());
  set.flags = VFIO_IRQ_SET_ACTION_TRIGGER |
              (event_fds.empty() ? VFIO_IRQ_SET_DATA_NONE : VFIO_IRQ_SET_DATA_EVENTFD);
  set.index = VFIO_PCI_MSIX_IRQ_INDEX;
  set.count = static_cast<std::uint32_t>(event_fds.size());
  std::memcpy(raw.data(), &set, sizeof set);
  if (!event_fds.empty()) {
    std::memcpy(raw.data() + sizeof set, event_fds.data(), event_fds.size() * sizeof(int));
  }
  BOOST_OUTCOME_TRYV(call(device_fd(), VFIO_DEVICE_SET_IRQS, raw.data(),
                          event_fds.empty() ? "VFIO interrupts off" : "VFIO interrupts on"));
  return ok();
}

}  // namespace vfsim::driver
