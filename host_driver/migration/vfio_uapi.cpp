#include "host_driver/migration/vfio_uapi.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "host_driver/migration/fsm.hpp"

namespace vfsim::driver {
namespace {

using Abi = VfioAbi;

template <class T>
T load(const std::uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void store(std::uint8_t* to, const T& value) {
  std::memcpy(to, &value, sizeof value);
}

template <class T>
T* pointer(std::uint64_t address) {
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}

bool power_of_two(std::uint64_t value) {
  return value != 0 && (value & (value - 1)) == 0;
}

/// 0, or the negative errno of a list of ranges.
int check_ranges(std::vector<IovaRange> ranges, std::uint64_t page_size) {
  for (const IovaRange& range : ranges) {
    if (range.length == 0 || ((range.iova | range.length) & (page_size - 1)) != 0) {
      return -EINVAL;
    }
    if (range.iova + range.length < range.iova) {
      return -EOVERFLOW;
    }
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const IovaRange& a, const IovaRange& b) { return a.iova < b.iova; });
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i - 1].iova + ranges[i - 1].length > ranges[i].iova) {
      return -EINVAL;
    }
  }
  return 0;
}

/// Sets the bits of `bitmap` (page `unit` each, from `base`) that the dirty piece [begin, begin +
/// length) touches.
void set_bits(std::uint64_t* bitmap, const Abi::LoggingReport& report, std::uint64_t begin,
              std::uint64_t length) {
  const std::uint64_t last_wanted = report.iova + report.length - 1;
  const std::uint64_t last = std::min(begin + length - 1, last_wanted);
  if (last < report.iova || begin > last_wanted) {
    return;
  }
  const std::uint64_t first_bit = (std::max(begin, report.iova) - report.iova) / report.page_size;
  const std::uint64_t last_bit = (last - report.iova) / report.page_size;
  for (std::uint64_t bit = first_bit; bit <= last_bit; ++bit) {
    bitmap[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
}

}  // namespace

struct VfioUapi::Feature {
  std::uint32_t index;
  std::uint32_t operations;  // Abi::kGet | Abi::kSet
  std::size_t data_bytes;
  bool logging;  // needs the tracker, not the migration protocol
  int (VfioUapi::*run)(std::uint8_t* data, std::uint32_t flags);
};

const VfioUapi::Feature VfioUapi::kFeatures[] = {
    {Abi::kMigration, Abi::kGet, 8, false, &VfioUapi::migration},
    {Abi::kDeviceState, Abi::kGet | Abi::kSet, sizeof(Abi::DeviceState), false,
     &VfioUapi::device_state},
    {Abi::kLoggingStart, Abi::kSet, sizeof(Abi::LoggingControl), true, &VfioUapi::logging_start},
    {Abi::kLoggingStop, Abi::kSet, 0, true, &VfioUapi::logging_stop},
    {Abi::kLoggingReport, Abi::kGet, sizeof(Abi::LoggingReport), true, &VfioUapi::logging_report},
    {Abi::kDataSize, Abi::kGet, 8, false, &VfioUapi::data_size},
    {Abi::kPrecopyInfoV2, Abi::kSet, 0, false, &VfioUapi::precopy_v2},
};

int VfioUapi::check(const Feature& feature, std::uint32_t flags, std::size_t data_bytes) const {
  if (feature.logging ? !device_.logging_supported() : device_.migration_flags() == 0) {
    return -ENOTTY;
  }
  if (feature.index == Abi::kPrecopyInfoV2 &&
      (device_.migration_flags() & VF_MIG_FLAG_PRE_COPY) == 0) {
    return -EINVAL;
  }
  const std::uint32_t operation = flags & (Abi::kGet | Abi::kSet);
  if ((operation & ~feature.operations) != 0) {
    return -EINVAL;
  }
  if ((flags & Abi::kProbe) != 0) {
    return 0;
  }
  return operation == 0 || data_bytes < feature.data_bytes ? -EINVAL : 0;
}

int VfioUapi::device_feature(void* arg, std::size_t bytes) {
  if (arg == nullptr || bytes < sizeof(Abi::Header)) {
    return -EFAULT;
  }
  auto* base = static_cast<std::uint8_t*>(arg);
  const auto header = load<Abi::Header>(base);
  const bool both = (header.flags & (Abi::kGet | Abi::kSet)) == (Abi::kGet | Abi::kSet);
  const bool probe = (header.flags & Abi::kProbe) != 0;
  if (header.argsz < sizeof header || (both && !probe) ||
      (header.flags & ~(Abi::kFeatureMask | Abi::kGet | Abi::kSet | Abi::kProbe)) != 0) {
    return -EINVAL;
  }
  const Feature* feature =
      std::find_if(std::begin(kFeatures), std::end(kFeatures),
                   [&](const Feature& f) { return f.index == (header.flags & Abi::kFeatureMask); });
  if (feature == std::end(kFeatures)) {
    return -ENOTTY;
  }
  const int bad = check(*feature, header.flags, header.argsz - sizeof header);
  if (bad != 0 || probe) {
    return bad;
  }
  if (bytes < sizeof header + feature->data_bytes) {
    return -EFAULT;
  }
  return (this->*feature->run)(base + sizeof header, header.flags);
}

int VfioUapi::migration(std::uint8_t* data, std::uint32_t) {
  store(data, device_.migration_flags());
  return 0;
}

int VfioUapi::device_state(std::uint8_t* data, std::uint32_t flags) {
  auto value = load<Abi::DeviceState>(data);
  int error = 0;
  if ((flags & Abi::kGet) != 0) {
    auto now = device_.state();
    value.state = now ? static_cast<std::uint32_t>(now.value()) : value.state;
    value.data_fd = -1;
    error = now ? 0 : -now.error().code;
  } else {
    auto stream = value.state < kMigStates
                      ? device_.set_state(static_cast<MigState>(value.state))
                      : Result<std::shared_ptr<MigStream>>(fail(EINVAL, "no such device state"));
    error = stream ? 0 : -stream.error().code;
    value.data_fd = stream && stream.value() ? fds_.open(stream.value()) : -1;
  }
  if (error == 0 || (flags & Abi::kSet) != 0) {
    store(data, value);
  }
  return error;
}

int VfioUapi::logging_start(std::uint8_t* data, std::uint32_t) {
  auto control = load<Abi::LoggingControl>(data);
  if (control.num_ranges == 0) {
    return -EINVAL;
  }
  if (control.num_ranges > Abi::kMaxRanges) {
    return -E2BIG;
  }
  if (!power_of_two(control.page_size)) {
    return -EINVAL;
  }
  if (control.ranges == 0) {
    return -EFAULT;
  }
  std::vector<IovaRange> ranges;
  for (std::uint32_t i = 0; i < control.num_ranges; ++i) {
    const auto range = load<Abi::LoggingRange>(pointer<const std::uint8_t>(control.ranges) +
                                               i * sizeof(Abi::LoggingRange));
    ranges.push_back({range.iova, range.length});
  }
  if (const int bad = check_ranges(ranges, control.page_size)) {
    return bad;
  }
  auto granted = device_.logging_start(control.page_size, ranges);
  if (!granted) {
    return -granted.error().code;
  }
  control.page_size = tracked_page_ = granted.value();
  store(data, control);
  return 0;
}

int VfioUapi::logging_stop(std::uint8_t*, std::uint32_t) {
  auto done = device_.logging_stop();
  return done ? 0 : -done.error().code;
}

int VfioUapi::logging_report(std::uint8_t* data, std::uint32_t) {
  const auto report = load<Abi::LoggingReport>(data);
  if (report.page_size < 4096 || !power_of_two(report.page_size)) {
    return -EINVAL;
  }
  if (report.length == 0) {
    return -EINVAL;
  }
  if (report.iova + report.length - 1 < report.iova) {
    return -EOVERFLOW;
  }
  if (report.bitmap == 0) {
    return -EFAULT;
  }
  auto pages = device_.logging_report(report.iova, report.length);
  if (!pages) {
    return -pages.error().code;
  }
  for (const std::uint64_t page : pages.value()) {
    set_bits(pointer<std::uint64_t>(report.bitmap), report, page, tracked_page_);
  }
  return 0;
}

int VfioUapi::data_size(std::uint8_t* data, std::uint32_t) {
  auto size = device_.data_size();
  if (!size) {
    return -size.error().code;
  }
  store(data, size.value());
  return 0;
}

int VfioUapi::precopy_v2(std::uint8_t*, std::uint32_t) {
  precopy_v2_ = true;
  device_.opt_in_precopy_reinit();
  return 0;
}

int VfioUapi::mig_ioctl(int fd, unsigned long command, void* arg, std::size_t bytes) {
  const auto stream = fds_.get(fd);
  if (!stream) {
    return -EBADF;
  }
  if (command != Abi::kIoctlPrecopyInfo) {
    return -ENOTTY;
  }
  if (arg == nullptr || bytes < sizeof(std::uint32_t)) {
    return -EFAULT;
  }
  auto* base = static_cast<std::uint8_t*>(arg);
  if (load<std::uint32_t>(base) < sizeof(Abi::PrecopyInfo)) {
    return -EINVAL;
  }
  if (bytes < sizeof(Abi::PrecopyInfo)) {
    return -EFAULT;
  }
  auto info = stream->precopy_info();
  if (!info) {
    return -info.error().code;
  }
  auto out = load<Abi::PrecopyInfo>(base);
  out.flags = precopy_v2_ && info.value().reinit ? Abi::kPrecopyReinit : 0;
  out.initial_bytes = info.value().initial_bytes;
  out.dirty_bytes = info.value().dirty_bytes;
  store(base, out);
  return 0;
}

long VfioUapi::read(int fd, void* to, std::size_t bytes, bool nonblock) {
  const auto stream = fds_.get(fd);
  if (!stream) {
    return -EBADF;
  }
  auto got = stream->read(bytes, nonblock);
  if (!got) {
    return -got.error().code;
  }
  std::copy(got.value().begin(), got.value().end(), static_cast<std::uint8_t*>(to));
  return static_cast<long>(got.value().size());
}

long VfioUapi::write(int fd, const void* from, std::size_t bytes) {
  const auto stream = fds_.get(fd);
  if (!stream) {
    return -EBADF;
  }
  auto put = stream->write(static_cast<const std::uint8_t*>(from), bytes);
  return put ? static_cast<long>(put.value()) : -put.error().code;
}

long VfioUapi::pread(int fd, void*, std::size_t, std::uint64_t position) {
  const auto stream = fds_.get(fd);
  if (!stream) {
    return -EBADF;
  }
  auto moved = stream->seek(position);
  return moved ? 0 : -moved.error().code;
}

long VfioUapi::pwrite(int fd, const void*, std::size_t, std::uint64_t position) {
  return pread(fd, nullptr, 0, position);
}

std::uint32_t VfioUapi::poll(int fd) {
  const auto stream = fds_.get(fd);
  constexpr std::uint32_t kInvalid = 0x20;
  return stream ? stream->poll() : kInvalid;
}

int VfioUapi::close(int fd) {
  return fds_.close(fd) ? 0 : -EBADF;
}

}  // namespace vfsim::driver
