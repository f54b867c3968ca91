#include "testbench/sim_platform/watched_device.hpp"

#include "firmware/interface/layout.h"

namespace vfsim::bench {
namespace {

using driver::MigState;
using driver::Result;
using model::Observer;
using model::Probe;
using model::StreamOp;
using model::StreamView;

template <class T>
int code(const Result<T>& result) {
  return result ? 0 : result.error().code;
}

}  // namespace

class WatchedDevice::Stream final : public driver::MigStream {
 public:
  Stream(std::shared_ptr<driver::MigStream> stream, const StreamView& identity,
         model::Calendar& calendar, const model::ProbeBus& probes)
      : stream_(std::move(stream)), identity_(identity), calendar_(calendar), probes_(probes) {
    tell(identity_);
  }

  [[nodiscard]] bool stands_for(const std::shared_ptr<driver::MigStream>& stream) const {
    return stream_ == stream;
  }

  Result<std::vector<std::uint8_t>> read(std::size_t bytes, bool nonblock) override {
    auto got = stream_->read(bytes, nonblock);
    StreamView view = call(StreamOp::read, code(got), bytes);
    if (got) {
      view.bytes = got.value().data();
      view.count = got.value().size();
    }
    tell(view);
    return got;
  }

  Result<std::size_t> write(const std::uint8_t* data, std::size_t bytes) override {
    auto taken = stream_->write(data, bytes);
    StreamView view = call(StreamOp::write, code(taken), bytes);
    view.bytes = data;
    view.count = taken ? taken.value() : 0;
    tell(view);
    return taken;
  }

  Result<std::size_t> seek(std::uint64_t position) override { return stream_->seek(position); }

  std::uint32_t poll() override {
    StreamView view = call(StreamOp::poll, 0, 0);
    view.events = stream_->poll();
    tell(view);
    return view.events;
  }

  Result<driver::PrecopyInfo> precopy_info() override {
    auto info = stream_->precopy_info();
    model::PrecopyView view;
    view.who = identity_.who;
    view.descriptor = identity_.descriptor;
    view.error = code(info);
    if (info) {
      view.reinit = info.value().reinit;
      view.initial_bytes = info.value().initial_bytes;
      view.dirty_bytes = info.value().dirty_bytes;
    }
    probes_.emit<Probe::driver>(&Observer::precopy_info, calendar_.now(), view);
    return info;
  }

 private:
  [[nodiscard]] StreamView call(StreamOp op, int error, std::uint64_t asked) const {
    StreamView view = identity_;
    view.op = op;
    view.error = error;
    view.asked = asked;
    return view;
  }
  void tell(const StreamView& view) const {
    probes_.emit<Probe::driver>(&Observer::stream, calendar_.now(), view);
  }

  const std::shared_ptr<driver::MigStream> stream_;
  const StreamView identity_;
  model::Calendar& calendar_;
  const model::ProbeBus& probes_;
};

WatchedDevice::WatchedDevice(driver::VfioDevice& device, model::FnRef who,
                             model::Calendar& calendar, const model::ProbeBus& probes)
    : ForwardingDevice(device), who_(who), calendar_(calendar), probes_(probes) {}
WatchedDevice::~WatchedDevice() = default;

Result<std::shared_ptr<driver::MigStream>> WatchedDevice::set_state(MigState target) {
  auto result = ForwardingDevice::set_state(target);
  probes_.emit<Probe::driver>(&Observer::set_state_done, calendar_.now(), who_,
                              static_cast<std::uint32_t>(target), reported_state(), code(result));
  if (!result || !result.value()) {
    return result;
  }
  auto stream = last_.lock();
  if (!stream || !stream->stands_for(result.value())) {
    StreamView identity;
    identity.who = who_;
    identity.descriptor = ++descriptors_;
    identity.saving = target != MigState::resuming;
    stream = std::make_shared<Stream>(result.value(), identity, calendar_, probes_);
    last_ = stream;
  }
  return std::shared_ptr<driver::MigStream>(stream);
}

Result<void> WatchedDevice::reset() {
  auto done = ForwardingDevice::reset();
  probes_.emit<Probe::driver>(&Observer::device_reset, calendar_.now(), who_, reported_state(),
                              code(done));
  return done;
}

std::uint32_t WatchedDevice::reported_state() {
  const auto now = inner().state();
  return static_cast<std::uint32_t>(now ? now.value() : MigState::error);
}

}  // namespace vfsim::bench
