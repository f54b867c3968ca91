#include "testbench/faults/faulty_device.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "firmware/interface/fault_set.hpp"
#include "testbench/sim_platform/forwarding_device.hpp"

namespace vfsim::bench {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;
using driver::MigState;
using driver::MigStream;
using driver::Result;
using Bytes = std::vector<std::uint8_t>;

constexpr vf_fault_set kDeviceFaults = contract::fault_set(
    {VF_FAULT_fd_outlives_session, VF_FAULT_fd_yields_old_session, VF_FAULT_end_in_precopy,
     VF_FAULT_temporary_end_at_end, VF_FAULT_precopy_sizes_too_small, VF_FAULT_initial_bytes_grow,
     VF_FAULT_state_misreported, VF_FAULT_reset_forgotten, VF_FAULT_reset_state_stale});
constexpr std::uint64_t kGrowth = 4096;

/// What a device's streams share.
struct Sessions {
  vf_fault_set faults{};
  Bytes read;      // in the present session
  Bytes old_read;  // in the one before
  [[nodiscard]] bool has(enum vf_fault fault) const { return vf_fault(faults, fault) != 0; }
};

class FaultyStream final : public MigStream {
 public:
  FaultyStream(std::shared_ptr<MigStream> stream, Sessions& sessions)
      : stream_(std::move(stream)), sessions_(sessions) {}

  [[nodiscard]] bool stands_for(const std::shared_ptr<MigStream>& stream) const {
    return stream_ == stream;
  }

  Result<Bytes> read(std::size_t bytes, bool nonblock) override {
    auto got = stream_->read(bytes, nonblock);
    if (!got) {
      return instead_of(got.error(), bytes);
    }
    if (got.value().empty()) {
      return sessions_.has(VF_FAULT_temporary_end_at_end)
                 ? driver::fail(ENOMSG, "no data at present")
                 : std::move(got);
    }
    last_ = got.value();
    yield_old(got.value());
    return got;
  }

  Result<std::size_t> write(const std::uint8_t* data, std::size_t bytes) override {
    return stream_->write(data, bytes);
  }
  Result<std::size_t> seek(std::uint64_t position) override { return stream_->seek(position); }
  std::uint32_t poll() override { return stream_->poll(); }

  Result<driver::PrecopyInfo> precopy_info() override {
    auto info = stream_->precopy_info();
    if (info && sessions_.has(VF_FAULT_precopy_sizes_too_small)) {
      info.value().initial_bytes /= 4;
      info.value().dirty_bytes /= 4;
    }
    if (info && sessions_.has(VF_FAULT_initial_bytes_grow)) {
      info.value().initial_bytes += ++queries_ * kGrowth;
    }
    return info;
  }

 private:
  Result<Bytes> instead_of(const driver::Error& error, std::size_t bytes) {
    if (error.code == ENOMSG && sessions_.has(VF_FAULT_end_in_precopy)) {
      return Bytes();
    }
    if (error.code == ENODEV && sessions_.has(VF_FAULT_fd_outlives_session) && !last_.empty()) {
      last_.resize(std::min(last_.size(), bytes));
      return last_;
    }
    return error;
  }

  /// The bytes of the session before, as far as they go, in the place of these.
  void yield_old(Bytes& bytes) {
    const std::size_t at = sessions_.read.size();
    const Bytes& old = sessions_.old_read;
    sessions_.read.insert(sessions_.read.end(), bytes.begin(), bytes.end());
    if (sessions_.has(VF_FAULT_fd_yields_old_session) && at < old.size()) {
      std::copy_n(old.begin() + static_cast<std::ptrdiff_t>(at),
                  std::min(old.size() - at, bytes.size()), bytes.begin());
    }
  }

  const std::shared_ptr<MigStream> stream_;
  Sessions& sessions_;
  Bytes last_;
  std::uint64_t queries_ = 0;
};

class FaultyDevice final : public ForwardingDevice {
 public:
  FaultyDevice(driver::VfioDevice& device, vf_fault_set faults) : ForwardingDevice(device) {
    sessions_.faults = faults;
  }

  Result<MigState> state() override {
    auto now = inner().state();
    if (now && before_reset_) {
      return *before_reset_;
    }
    if (now && now.value() == MigState::pre_copy_p2p && sessions_.has(VF_FAULT_state_misreported)) {
      return MigState::pre_copy;
    }
    return now;
  }

  Result<std::shared_ptr<MigStream>> set_state(MigState target) override {
    before_reset_.reset();
    auto result = inner().set_state(target);
    if (!result || !result.value()) {
      return result;
    }
    auto stream = last_.lock();
    if (!stream || !stream->stands_for(result.value())) {
      sessions_.old_read = std::exchange(sessions_.read, {});
      stream = std::make_shared<FaultyStream>(result.value(), sessions_);
      last_ = stream;
    }
    return std::shared_ptr<MigStream>(stream);
  }

  Result<void> reset() override {
    if (sessions_.has(VF_FAULT_reset_forgotten)) {
      return success();
    }
    const auto before = inner().state();
    auto done = inner().reset();
    if (done && before && sessions_.has(VF_FAULT_reset_state_stale)) {
      before_reset_ = before.value();
    }
    return done;
  }

 private:
  Sessions sessions_;
  std::weak_ptr<FaultyStream> last_;      // one descriptor lives through several states
  std::optional<MigState> before_reset_;  // what state() goes on saying
};

}  // namespace

std::unique_ptr<driver::VfioDevice> make_faulty_device(driver::VfioDevice& device,
                                                       vf_fault_set faults) {
  return !contract::intersects(faults, kDeviceFaults) ? nullptr
                                                : std::make_unique<FaultyDevice>(device, faults);
}

}  // namespace vfsim::bench
