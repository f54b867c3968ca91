// S5: a data descriptor is dead once its session ends, and yields only what its session saved.
#include <algorithm>
#include <cerrno>
#include <deque>
#include <fmt/format.h>
#include <map>

#include "host_driver/migration/record.hpp"
#include "host_driver/migration/vfio_device.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using driver::MigState;
using driver::RecordHeader;
using model::FnRef;
using model::Ps;
using model::StreamOp;

constexpr std::uint32_t kPollDead = 0x1 | 0x40 | 0x2000;  // POLLIN, POLLRDNORM, POLLRDHUP

/// States of a session with a descriptor; ERROR ends one as well.
bool has_session(MigState state) {
  return state == MigState::pre_copy || state == MigState::pre_copy_p2p ||
         state == MigState::stop_copy || state == MigState::resuming;
}

/// Reads a saving stream along and finds its bytes in the images of the session, in their order.
class StreamReader {
 public:
  explicit StreamReader(bool records) : records_(records) {}

  void add(const ImageView& image) { images_.emplace_back(image.bytes, image.bytes + image.count); }
  /// "" or what does not fit. After that nothing more is said of this stream.
  std::string take(const std::uint8_t* bytes, std::size_t count) {
    while (count != 0 && !lost_) {
      const std::size_t part = in_image() ? take_image(bytes, count) : take_head(bytes, count);
      bytes += part;
      count -= part;
    }
    return std::exchange(what_, {});
  }

 private:
  [[nodiscard]] bool in_image() const { return !records_ || left_ != 0; }

  std::size_t take_head(const std::uint8_t* bytes, std::size_t count) {
    const std::size_t wanted =
        RecordHeader::kBytes + (small_ ? driver::kStopCopySizePayload : 0) - head_.size();
    const std::size_t part = std::min(count, wanted);
    head_.insert(head_.end(), bytes, bytes + part);
    if (part == wanted) {
      end_head();
    }
    position_ += part;
    return part;
  }

  void end_head() {
    const auto length = driver::le_load<std::uint64_t>(head_.data());
    const auto tag = driver::le_load<std::uint32_t>(head_.data() + 12);
    if (small_) {
      small_ = false;
      head_.clear();
    } else if (tag == RecordHeader::kStopCopySize && length == driver::kStopCopySizePayload) {
      small_ = true;  // its payload is collected behind it
    } else if (tag != RecordHeader::kFwData || length == 0) {
      lose(fmt::format("a record with tag {} and {} bytes at {}", tag, length, position_));
    } else if (images_.empty() || images_.front().size() != length) {
      lose(
          fmt::format("an image record of {} bytes at {}, while the next image of the session "
                      "has {}",
                      length, position_, images_.empty() ? 0 : images_.front().size()));
    } else {
      left_ = length;
      head_.clear();
    }
  }

  std::size_t take_image(const std::uint8_t* bytes, std::size_t count) {
    if (images_.empty()) {
      lose(fmt::format("{} bytes at {}, which no image of the session has", count, position_));
      return count;
    }
    const std::vector<std::uint8_t>& image = images_.front();
    const std::size_t part = std::min(count, image.size() - at_);
    const auto from = image.begin() + static_cast<std::ptrdiff_t>(at_);
    const auto differs = std::mismatch(bytes, bytes + part, from).first - bytes;
    if (static_cast<std::size_t>(differs) != part) {
      lose(fmt::format("another byte at {} than the image has at {}",
                       position_ + static_cast<std::uint64_t>(differs),
                       at_ + static_cast<std::size_t>(differs)));
    }
    at_ += part;
    position_ += part;
    left_ -= records_ ? part : 0;
    if (at_ == image.size()) {
      images_.pop_front();
      at_ = 0;
    }
    return part;
  }

  void lose(std::string what) {
    lost_ = true;
    what_ = std::move(what);
  }

  bool records_;
  std::deque<std::vector<std::uint8_t>> images_;  // saved and not read to their end
  std::size_t at_ = 0;                            // in the first of them
  std::vector<std::uint8_t> head_;
  bool small_ = false;      // in the payload of a size record
  std::uint64_t left_ = 0;  // of the image record
  std::uint64_t position_ = 0;
  bool lost_ = false;
  std::string what_;
};

/// A session ends with the arc out of its states, with VFIO_DEVICE_RESET, and when another
/// descriptor is opened. Until then a descriptor may fail as it likes. Judged at the return of each
/// call: a read of a saving and a write of a resuming descriptor fail with ENODEV, the wrong
/// direction fails somehow, poll of a saving one tells POLLRDHUP. (The kernel's driver has no poll
/// for the resuming one.) What is read before must be the session's images byte for byte, in order,
/// behind their record headers; of a device that is not the NIC only the first half is judged.
class S5 final : public Rule {
 public:
  explicit S5(const RuleInputs& inputs) : context_(inputs.context) {}

  void subscribe(model::ProbeBus& bus) override { bus.subscribe(*this, {model::Probe::driver}); }

  void vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to, int error) override {
    (void)t;
    if (error != 0) {
      return;
    }
    Device& device = device_of(who);
    const bool before = has_session(static_cast<MigState>(from));
    device.session = has_session(static_cast<MigState>(to));
    if (!before || !device.session) {
      device.alive = 0;
      device.reader = StreamReader(context_.stream_records);
    }
    device.precopy = static_cast<MigState>(to) == MigState::pre_copy ||
                     static_cast<MigState>(to) == MigState::pre_copy_p2p;
  }

  void device_reset(Ps t, FnRef who, std::uint32_t now, int error) override {
    (void)t, (void)now;
    if (error == 0) {
      device_of(who) = Device(context_.stream_records);
    }
  }

  void image_saved(Ps t, FnRef who, const ImageView& image) override {
    (void)t;
    Device& device = device_of(who);
    if (device.session && (image.set_track || !device.precopy)) {  // the one that ends tracking is
      device.reader.add(image);                                    // thrown away
    }
  }

  void stream(Ps t, const model::StreamView& view) override {
    Device& device = device_of(view.who);
    if (view.op == StreamOp::opened) {
      device.alive = device.session ? view.descriptor : 0;
      return;
    }
    evaluated();
    if (view.descriptor != device.alive) {
      judge_dead(t, view);
    } else if (view.op == StreamOp::read && view.count != 0 && is_nic(context_, view.who)) {
      const std::string wrong = device.reader.take(view.bytes, view.count);
      if (!wrong.empty()) {
        violate(t, view.who, "a descriptor yields the images of its session, in order",
                fmt::format("descriptor {}: {}", view.descriptor, wrong));
      }
    }
  }

 private:
  struct Device {
    explicit Device(bool records) : reader(records) {}
    bool session = false;
    bool precopy = false;
    std::uint32_t alive = 0;  // descriptor of the session
    StreamReader reader;
  };

  Device& device_of(FnRef who) {
    return devices_.try_emplace({who.host, who.fn}, context_.stream_records).first->second;
  }

  void judge_dead(Ps t, const model::StreamView& view) {
    if (view.op == StreamOp::poll) {
      if (view.saving && (view.events & kPollDead) != kPollDead) {
        violate(t, view.who, "poll of a descriptor whose session is over tells the hang-up, 0x2041",
                fmt::format("descriptor {}: {:#x}", view.descriptor, view.events));
      }
      return;
    }
    const bool right_way = (view.op == StreamOp::read) == view.saving;
    if (right_way ? view.error != ENODEV : view.error == 0) {
      violate(t, view.who,
              fmt::format("a {} of a descriptor whose session is over fails with ENODEV ({})",
                          view.op == StreamOp::read ? "read" : "write", ENODEV),
              view.error != 0
                  ? fmt::format("descriptor {}: errno {}", view.descriptor, view.error)
                  : fmt::format("descriptor {}: {} bytes", view.descriptor, view.count));
    }
  }

  const CheckContext& context_;
  std::map<std::pair<std::uint8_t, std::uint8_t>, Device> devices_;  // others than the NIC's too
};

}  // namespace

std::unique_ptr<Rule> make_rule_S5(const RuleInputs& inputs) {
  return std::make_unique<S5>(inputs);
}

}  // namespace vfsim::bench
