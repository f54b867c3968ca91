#include "host_driver/vfio/kernel_device.hpp"

#include <cstring>
#include <linux/vfio.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host_driver/migration/vfio_uapi.hpp"
#include "host_driver/platform/pci_registers.hpp"

namespace vfsim::driver {
namespace {

using Abi = VfioAbi;

constexpr std::size_t kCommandBytes = 2;

class SystemCalls final : public VfioCalls {
 public:
  int ioctl(int fd, unsigned long request, void* arg) override { return ::ioctl(fd, request, arg); }
  long read(int fd, void* to, std::size_t bytes) override { return ::read(fd, to, bytes); }
  long write(int fd, const void* from, std::size_t bytes) override {
    return ::write(fd, from, bytes);
  }
  std::uint32_t poll(int fd) override {
    pollfd wait{fd, POLLIN | POLLOUT | POLLRDNORM | POLLRDHUP, 0};
    return ::poll(&wait, 1, 0) < 0 ? std::uint32_t{POLLNVAL}
                                   : static_cast<std::uint32_t>(wait.revents);
  }
  void close(int fd) override { ::close(fd); }
};

Error last_error(const char* what) {
  const int code = errno;
  return fail(code, error_text(what, code));
}

class KernelStream final : public MigStream {
 public:
  KernelStream(int fd, VfioCalls& calls) : fd_(fd), calls_(calls) {}
  ~KernelStream() override { calls_.close(fd_); }
  KernelStream(const KernelStream&) = delete;
  KernelStream& operator=(const KernelStream&) = delete;

  Result<std::vector<std::uint8_t>> read(std::size_t bytes, bool nonblock) override {
    if (nonblock && (poll() & (POLLIN | POLLERR | POLLRDHUP)) == 0) {
      return fail(EAGAIN, error_text("read of the device state", EAGAIN));
    }
    std::vector<std::uint8_t> data(bytes);
    const long got = calls_.read(fd_, data.data(), data.size());
    if (got < 0) {
      return last_error("read of the device state");
    }
    data.resize(static_cast<std::size_t>(got));
    return data;
  }
  Result<std::size_t> write(const std::uint8_t* data, std::size_t bytes) override {
    const long put = calls_.write(fd_, data, bytes);
    if (put < 0) {
      return last_error("write of the device state");
    }
    return static_cast<std::size_t>(put);
  }
  Result<std::size_t> seek(std::uint64_t) override {
    return fail(ESPIPE, "device state has no position");
  }
  std::uint32_t poll() override { return calls_.poll(fd_); }
  Result<PrecopyInfo> precopy_info() override {
    Abi::PrecopyInfo info{};
    info.argsz = sizeof info;
    if (calls_.ioctl(fd_, Abi::kIoctlPrecopyInfo, &info) != 0) {
      return last_error("pre-copy information");
    }
    return PrecopyInfo{(info.flags & Abi::kPrecopyReinit) != 0, info.initial_bytes,
                       info.dirty_bytes};
  }

 private:
  int fd_;
  VfioCalls& calls_;
};

}  // namespace

VfioCalls& system_calls() {
  static SystemCalls calls;  // it has no state
  return calls;
}

KernelDevice::KernelDevice(int device_fd, const VfioRegion& config, VfioCalls& calls)
    : fd_(device_fd), config_(config), calls_(calls) {}

Result<void> KernelDevice::feature_raw(std::vector<std::uint8_t>& raw, std::uint32_t flags,
                                       const char* what) const {
  const Abi::Header header{static_cast<std::uint32_t>(raw.size()), flags};
  std::memcpy(raw.data(), &header, sizeof header);
  if (calls_.ioctl(fd_, Abi::kIoctlDeviceFeature, raw.data()) != 0) {
    return last_error(what);
  }
  return ok();
}

/// The kernel's answer is in `data` also when the call fails: some features say more that way.
template <class Data>
Result<void> KernelDevice::feature(std::uint32_t flags, Data& data, const char* what) const {
  std::vector<std::uint8_t> raw(sizeof(Abi::Header) + sizeof data);
  std::memcpy(raw.data() + sizeof(Abi::Header), &data, sizeof data);
  auto done = feature_raw(raw, flags, what);
  std::memcpy(&data, raw.data() + sizeof(Abi::Header), sizeof data);
  return done;
}

Result<void> KernelDevice::feature(std::uint32_t flags, const char* what) const {
  std::vector<std::uint8_t> raw(sizeof(Abi::Header));
  return feature_raw(raw, flags, what);
}

std::uint64_t KernelDevice::migration_flags() const {
  std::uint64_t flags = 0;
  return feature(Abi::kMigration | Abi::kGet, flags, "migration features") ? flags : 0;
}

Result<MigState> KernelDevice::state() {
  Abi::DeviceState value{};
  BOOST_OUTCOME_TRYV(feature(Abi::kDeviceState | Abi::kGet, value, "device state"));
  return static_cast<MigState>(value.state);
}

Result<std::shared_ptr<MigStream>> KernelDevice::set_state(MigState target) {
  Abi::DeviceState value{static_cast<std::uint32_t>(target), -1};
  BOOST_OUTCOME_TRYV(feature(Abi::kDeviceState | Abi::kSet, value, to_string(target)));
  std::shared_ptr<MigStream> stream;
  if (value.data_fd >= 0) {
    stream = std::make_shared<KernelStream>(value.data_fd, calls_);
  }
  return stream;
}

Result<void> KernelDevice::reset() {
  if (calls_.ioctl(fd_, VFIO_DEVICE_RESET, nullptr) != 0) {
    return last_error("reset of the function");
  }
  return ok();
}

Result<std::uint64_t> KernelDevice::data_size() {
  std::uint64_t bytes = 0;
  BOOST_OUTCOME_TRYV(feature(Abi::kDataSize | Abi::kGet, bytes, "size of the device state"));
  return bytes;
}

void KernelDevice::opt_in_precopy_reinit() {
  (void)!feature(Abi::kPrecopyInfoV2 | Abi::kSet, "pre-copy information, version 2");
}

bool KernelDevice::logging_supported() const {
  return static_cast<bool>(
      feature(Abi::kLoggingStart | Abi::kProbe | Abi::kSet, "dirty page logging"));
}

Result<std::uint64_t> KernelDevice::logging_start(std::uint64_t page_size,
                                                  const std::vector<IovaRange>& ranges) {
  std::vector<Abi::LoggingRange> list;
  for (const IovaRange& range : ranges) {
    list.push_back({range.iova, range.length});
  }
  Abi::LoggingControl control{page_size, static_cast<std::uint32_t>(list.size()), 0,
                              reinterpret_cast<std::uintptr_t>(list.data())};
  BOOST_OUTCOME_TRYV(
      feature(Abi::kLoggingStart | Abi::kSet, control, "start of dirty page logging"));
  return tracked_page_ = control.page_size;
}

Result<void> KernelDevice::logging_stop() {
  return feature(Abi::kLoggingStop | Abi::kSet, "stop of dirty page logging");
}

Result<std::vector<std::uint64_t>> KernelDevice::logging_report(std::uint64_t iova,
                                                                std::uint64_t length) {
  constexpr std::uint64_t kBits = 64;
  const std::uint64_t pages = (length + tracked_page_ - 1) / tracked_page_;
  std::vector<std::uint64_t> bitmap((pages + kBits - 1) / kBits);
  Abi::LoggingReport report{iova, length, tracked_page_,
                            reinterpret_cast<std::uintptr_t>(bitmap.data())};
  BOOST_OUTCOME_TRYV(feature(Abi::kLoggingReport | Abi::kGet, report, "dirty page report"));
  std::vector<std::uint64_t> dirty;
  for (std::uint64_t page = 0; page < pages; ++page) {
    if ((bitmap[page / kBits] >> (page % kBits) & 1) != 0) {
      dirty.push_back(iova + page * tracked_page_);
    }
  }
  return dirty;
}

Result<std::vector<std::uint8_t>> KernelDevice::save_config() {
  std::vector<std::uint8_t> bytes(kCommandBytes);
  const auto at = static_cast<off_t>(config_.offset + pci::kCommand);
  if (::pread(fd_, bytes.data(), bytes.size(), at) != static_cast<ssize_t>(bytes.size())) {
    return last_error("read of the configuration space");
  }
  return bytes;
}

Result<void> KernelDevice::restore_config(const std::vector<std::uint8_t>& bytes) {
  if (bytes.size() != kCommandBytes) {
    return fail(EINVAL, "not a saved configuration space");
  }
  const auto at = static_cast<off_t>(config_.offset + pci::kCommand);
  if (::pwrite(fd_, bytes.data(), bytes.size(), at) != static_cast<ssize_t>(bytes.size())) {
    return last_error("write of the configuration space");
  }
  return ok();
}

}  // namespace vfsim::driver
