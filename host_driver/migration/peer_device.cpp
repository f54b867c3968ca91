#include "host_driver/migration/peer_device.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "firmware/interface/layout.h"
#include "host_driver/migration/bytes.hpp"
#include "host_driver/migration/fsm.hpp"
#include "host_driver/platform/pci_registers.hpp"

namespace vfsim::driver {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

constexpr std::uint32_t kPeerMagic = 0x31504656;  // "VFP1"
constexpr std::uint32_t kInitiatorStopped = 1, kResponderStopped = 2, kEngine = 4, kDrained = 1;
/// Saved and restored in this order; the control register's engine bit goes first into the image
/// and last back.
constexpr std::uint32_t kRegisters[] = {VF_PEER_REG_DB_PERIOD_NS, VF_PEER_REG_DB_COUNT,
                                        VF_PEER_REG_DB_ADDR_LO,   VF_PEER_REG_DB_ADDR_HI,
                                        VF_PEER_REG_DB_VALUE_HI,  VF_PEER_REG_DB_VALUE_LO,
                                        VF_PEER_REG_DB_STEP};
constexpr std::size_t kFirstRegister = 2;  // word of the image; before it magic and control
constexpr std::size_t kImageBytes =
    4 * (kFirstRegister + std::size(kRegisters) + VF_PEER_MEM_BYTES / 4 + 1);

}  // namespace

/// Both directions: the image that is read, or the bytes that were written.
class PeerVfioDevice::Stream final : public MigStream {
 public:
  Stream(bool saving, std::vector<std::uint8_t> bytes)
      : saving_(saving), bytes_(std::move(bytes)) {}

  Result<std::vector<std::uint8_t>> read(std::size_t bytes, bool) override {
    if (!saving_ || dead_) {
      return dead_ ? fail(ENODEV, "session is over")
                   : fail(EBADF, "a resuming stream is write-only");
    }
    const auto begin = bytes_.begin() + static_cast<std::ptrdiff_t>(position_);
    const std::size_t n = std::min(bytes, bytes_.size() - position_);
    position_ += n;
    return std::vector<std::uint8_t>(begin, begin + static_cast<std::ptrdiff_t>(n));
  }
  Result<std::size_t> write(const std::uint8_t* data, std::size_t bytes) override {
    if (saving_ || dead_) {
      return dead_ ? fail(ENODEV, "session is over") : fail(EBADF, "a saving stream is read-only");
    }
    if (bytes > kImageBytes - bytes_.size()) {
      return fail(ENOMEM, "more bytes than an image of this device has");
    }
    bytes_.insert(bytes_.end(), data, data + bytes);
    return bytes;
  }
  Result<std::size_t> seek(std::uint64_t) override {
    return fail(ESPIPE, "a migration stream has no position");
  }
  std::uint32_t poll() override { return dead_ ? 0x2041 : saving_ ? 0x41 : 0x4; }
  Result<PrecopyInfo> precopy_info() override {
    return fail(EINVAL, "device has no pre-copy state");
  }

  void shut() { dead_ = true; }
  [[nodiscard]] const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  const bool saving_;
  bool dead_ = false;
  std::vector<std::uint8_t> bytes_;
  std::size_t position_ = 0;
};

PeerVfioDevice::PeerVfioDevice(Platform& function, PeerOptions options)
    : function_(function), options_(options) {}
PeerVfioDevice::~PeerVfioDevice() {
  end_stream();
}

std::uint64_t PeerVfioDevice::migration_flags() const {
  return VF_MIG_FLAG_STOP_COPY | VF_MIG_FLAG_P2P;
}

Result<std::shared_ptr<MigStream>> PeerVfioDevice::set_state(MigState target) {
  Result<std::shared_ptr<MigStream>> last = std::shared_ptr<MigStream>();
  const int outcome =
      walk_mig_states(migration_flags(), state_, target, [&](MigState from, MigState to) {
        last = run_arc(from, to);
        const int error = last ? 0 : last.error().code;
        if (last) {
          state_ = to;
        }
        if (options_.observer != nullptr) {
          options_.observer->vfio_arc(options_.ref, static_cast<std::uint32_t>(from),
                                      static_cast<std::uint32_t>(to), error);
        }
        return last.has_value();
      });
  if (outcome == EINVAL) {
    last =
        fail(EINVAL, std::string("no way from ") + to_string(state_) + " to " + to_string(target));
  }
  return last;
}

Result<std::shared_ptr<MigStream>> PeerVfioDevice::run_arc(MigState from, MigState to) {
  Result<void> done = success();
  if (from == MigState::running) {
    done = stop_initiator();
  } else if (to == MigState::running) {
    change_control(kInitiatorStopped, 0);
  } else if (from == MigState::running_p2p) {
    take_image();
    change_control(0, kResponderStopped);
  } else if (to == MigState::running_p2p) {
    change_control(kResponderStopped, 0);
  } else if (to == MigState::stop_copy) {
    stream_ = std::make_shared<Stream>(true, image_);
    return std::shared_ptr<MigStream>(stream_);
  } else if (to == MigState::resuming) {
    change_control(kResponderStopped, 0);  // the window takes writes again, the engine stays quiet
    stream_ = std::make_shared<Stream>(false, std::vector<std::uint8_t>());
    return std::shared_ptr<MigStream>(stream_);
  } else {
    if (from == MigState::resuming) {
      done = load(stream_->bytes());
    }
    if (done) {
      end_stream();
      change_control(0, kResponderStopped);
    }
  }
  if (!done) {
    return done.error();
  }
  return std::shared_ptr<MigStream>();
}

void PeerVfioDevice::change_control(std::uint32_t clear, std::uint32_t set) {
  const std::uint32_t value = read_le32(function_, VF_PEER_REG_CTRL);
  write_le32(function_, VF_PEER_REG_CTRL, (value & ~clear) | set);
}

Result<void> PeerVfioDevice::stop_initiator() {
  constexpr int kPolls = 100'000;  // 0.1 s
  change_control(0, kInitiatorStopped);
  for (int i = 0; i < kPolls; ++i) {
    if ((read_le32(function_, VF_PEER_REG_STATUS) & kDrained) != 0) {
      return success();
    }
    function_.os().sleep(std::chrono::microseconds(1));
  }
  change_control(kInitiatorStopped, 0);
  return fail(ETIMEDOUT, "peer device does not drain");
}

void PeerVfioDevice::take_image() {
  image_.clear();
  le_append<std::uint32_t>(image_, kPeerMagic);
  le_append<std::uint32_t>(image_, read_le32(function_, VF_PEER_REG_CTRL) & kEngine);
  for (const std::uint32_t reg : kRegisters) {
    le_append<std::uint32_t>(image_, read_le32(function_, reg));
  }
  for (std::uint32_t at = 0; at < VF_PEER_MEM_BYTES; at += 4) {
    le_append<std::uint32_t>(image_, read_le32(function_, VF_PEER_MEM + std::uint64_t{at}));
  }
  le_append<std::uint32_t>(image_, crc32c(image_.data(), image_.size()));
}

Result<void> PeerVfioDevice::load(const std::vector<std::uint8_t>& image) {
  const auto word = [&](std::size_t i) { return le_load<std::uint32_t>(image.data() + 4 * i); };
  if (image.size() != kImageBytes || word(0) != kPeerMagic ||
      word(kImageBytes / 4 - 1) != crc32c(image.data(), kImageBytes - 4)) {
    return fail(EINVAL, "not an image of the peer device");
  }
  std::size_t at = kFirstRegister;
  for (const std::uint32_t reg : kRegisters) {
    write_le32(function_, reg, word(at++));
  }
  for (std::uint32_t offset = 0; offset < VF_PEER_MEM_BYTES; offset += 4) {
    write_le32(function_, VF_PEER_MEM + std::uint64_t{offset}, word(at++));
  }
  change_control(kEngine, word(1));
  image_ = image;
  return success();
}

void PeerVfioDevice::end_stream() {
  if (const auto stream = std::exchange(stream_, nullptr)) {
    stream->shut();
  }
}

Result<void> PeerVfioDevice::reset() {
  end_stream();
  write_le32(function_, VF_PEER_REG_DB_COUNT, 0);
  write_le32(function_, VF_PEER_REG_CTRL, 0);
  state_ = MigState::running;
  return success();
}

Result<std::uint64_t> PeerVfioDevice::data_size() {
  return std::uint64_t{kImageBytes};
}

Result<std::uint64_t> PeerVfioDevice::logging_start(std::uint64_t page_size,
                                                    const std::vector<IovaRange>& ranges) {
  if (page_size_ != 0 || ranges.empty()) {
    return fail(EINVAL, ranges.empty() ? "no range to track" : "dirty logging is active");
  }
  page_size_ = std::max<std::uint64_t>(page_size, VF_PAGE_BYTES);
  return page_size_;
}

Result<void> PeerVfioDevice::logging_stop() {
  page_size_ = 0;
  return success();
}

/// A stopped responder hides its registers: then the image that was taken before knows.
std::uint64_t PeerVfioDevice::doorbell_target() {
  const bool stopped = state_ == MigState::stop || state_ == MigState::stop_copy;
  const auto half = [&](std::uint32_t reg) {
    const auto index = static_cast<std::size_t>(
        std::find(std::begin(kRegisters), std::end(kRegisters), reg) - std::begin(kRegisters));
    return stopped ? le_load<std::uint32_t>(image_.data() + 4 * (kFirstRegister + index))
                   : read_le32(function_, reg);
  };
  return std::uint64_t{half(VF_PEER_REG_DB_ADDR_HI)} << 32 | half(VF_PEER_REG_DB_ADDR_LO);
}

Result<std::vector<std::uint64_t>> PeerVfioDevice::logging_report(std::uint64_t iova,
                                                                  std::uint64_t length) {
  if (page_size_ == 0) {
    return fail(EINVAL, "dirty logging is not active");
  }
  const std::uint64_t target = doorbell_target();
  const std::uint64_t page = target & ~(page_size_ - 1);
  std::vector<std::uint64_t> pages;
  if (target >= iova && target - iova < length) {
    pages.push_back(page);
  }
  return pages;
}

Result<std::vector<std::uint8_t>> PeerVfioDevice::save_config() {
  std::vector<std::uint8_t> bytes;
  le_append<std::uint32_t>(bytes, kPeerMagic);
  le_append<std::uint32_t>(bytes, function_.config_read(pci::kCommand, 2));
  return bytes;
}

Result<void> PeerVfioDevice::restore_config(const std::vector<std::uint8_t>& bytes) {
  if (bytes.size() != 8 || le_load<std::uint32_t>(bytes.data()) != kPeerMagic) {
    return fail(EINVAL, "not a configuration space of the peer device");
  }
  function_.config_write(pci::kCommand, le_load<std::uint32_t>(bytes.data() + 4), 2);
  return success();
}

}  // namespace vfsim::driver
