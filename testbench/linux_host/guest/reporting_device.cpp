#include "testbench/linux_host/guest/reporting_device.hpp"

#include <algorithm>
#include <unistd.h>
#include <utility>

namespace vfsim::guest {

using bench::UserCallKind;
using driver::MigState;
using driver::Result;

namespace {

template <class T>
std::uint64_t code(const Result<T>& result) {
  return result ? 0 : static_cast<std::uint64_t>(result.error().code);
}

}  // namespace

class ReportingDevice::Stream final : public driver::MigStream {
 public:
  Stream(std::shared_ptr<driver::MigStream> stream, const ReportingDevice& device,
         std::uint64_t descriptor)
      : stream_(std::move(stream)), device_(device), descriptor_(descriptor) {}

  Result<std::vector<std::uint8_t>> read(std::size_t bytes, bool nonblock) override {
    auto got = stream_->read(bytes, nonblock);
    if (got) {
      device_.tell_parts(UserCallKind::bytes, Numbers(got.value().begin(), got.value().end()));
    }
    device_.tell(UserCallKind::read, {descriptor_, bytes, code(got)});
    return got;
  }

  Result<std::size_t> write(const std::uint8_t* data, std::size_t bytes) override {
    auto taken = stream_->write(data, bytes);
    device_.tell(UserCallKind::wrote,
                 {descriptor_, bytes, code(taken), taken ? taken.value() : 0});
    return taken;
  }

  Result<std::size_t> seek(std::uint64_t position) override { return stream_->seek(position); }
  std::uint32_t poll() override { return stream_->poll(); }

  Result<driver::PrecopyInfo> precopy_info() override {
    auto info = stream_->precopy_info();
    const driver::PrecopyInfo told = info ? info.value() : driver::PrecopyInfo{};
    device_.tell(UserCallKind::precopy, {descriptor_, code(info), told.reinit ? 1U : 0U,
                                         told.initial_bytes, told.dirty_bytes});
    return info;
  }

 private:
  const std::shared_ptr<driver::MigStream> stream_;
  const ReportingDevice& device_;
  const std::uint64_t descriptor_;
};

ReportingDevice::ReportingDevice(driver::VfioDevice& device, std::string address, Sink sink)
    : ForwardingDevice(device), address_(std::move(address)), sink_(std::move(sink)) {
  tell(UserCallKind::opened, {migration_flags()});
}

void ReportingDevice::tell(UserCallKind kind, Numbers numbers) const {
  sink_(bench::to_text({kind, address_, std::move(numbers)}));
}

void ReportingDevice::tell_parts(UserCallKind kind, const Numbers& numbers) const {
  for (std::size_t at = 0; at < numbers.size(); at += bench::kUserCallNumbers) {
    const auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t count = std::min(bench::kUserCallNumbers, numbers.size() - at);
    tell(kind, Numbers(begin, begin + static_cast<std::ptrdiff_t>(count)));
  }
}

std::uint64_t ReportingDevice::reported_state() {
  const auto now = state();
  return static_cast<std::uint64_t>(now ? now.value() : MigState::error);
}

Result<std::shared_ptr<driver::MigStream>> ReportingDevice::set_state(MigState target) {
  const auto wanted = static_cast<std::uint64_t>(target);
  tell(UserCallKind::setting, {wanted});
  auto result = ForwardingDevice::set_state(target);
  tell(UserCallKind::was_set, {wanted, reported_state(), code(result)});
  if (!result || !result.value()) {
    return result;
  }
  tell(UserCallKind::stream, {++descriptors_, target == MigState::resuming ? 0U : 1U});
  return std::shared_ptr<driver::MigStream>(
      std::make_shared<Stream>(std::move(result).value(), *this, descriptors_));
}

Result<void> ReportingDevice::reset() {
  tell(UserCallKind::resetting, {});
  auto done = ForwardingDevice::reset();
  tell(UserCallKind::was_reset, {reported_state(), code(done)});
  return done;
}

Result<std::uint64_t> ReportingDevice::logging_start(std::uint64_t page_size,
                                                     const std::vector<driver::IovaRange>& ranges) {
  auto page = ForwardingDevice::logging_start(page_size, ranges);
  if (page) {
    tell(UserCallKind::tracking, {1});
  }
  return page;
}

Result<void> ReportingDevice::logging_stop() {
  auto done = ForwardingDevice::logging_stop();
  if (done) {
    tell(UserCallKind::tracking, {0});
  }
  return done;
}

Result<std::vector<std::uint64_t>> ReportingDevice::logging_report(std::uint64_t iova,
                                                                   std::uint64_t length) {
  auto pages = ForwardingDevice::logging_report(iova, length);
  if (pages) {
    tell_parts(UserCallKind::pages, pages.value());
    tell(UserCallKind::reported, {});
  }
  return pages;
}

void tell_console(const std::vector<std::string>& lines) {
  std::string marked;
  for (const std::string& line : lines) {
    marked += std::string(bench::kUserCallMark) + line + "\n";
  }
  (void)!::write(STDERR_FILENO, marked.data(), marked.size());
}

}  // namespace vfsim::guest
