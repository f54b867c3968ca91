#include "testbench/linux_host/guest/frame_report.hpp"

#include <algorithm>
#include <utility>

namespace vfsim::guest {

using bench::UserCallKind;

namespace {

constexpr std::size_t kFrames = bench::kUserCallNumbers - 1;  // in a line, behind the guest's number

}  // namespace

FrameReport::FrameReport(std::uint32_t guest, Sink sink) : guest_(guest), sink_(std::move(sink)) {}

void FrameReport::add(UserCallKind kind, Numbers numbers) {
  numbers.insert(numbers.begin(), guest_);
  lines_.push_back(bench::to_text({kind, address_, std::move(numbers)}));
}

void FrameReport::add_frames(UserCallKind kind, Numbers& frames) {
  for (std::size_t at = 0; at < frames.size(); at += kFrames) {
    const auto begin = frames.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t count = std::min(kFrames, frames.size() - at);
    add(kind, Numbers(begin, begin + static_cast<std::ptrdiff_t>(count)));
  }
  frames.clear();
}

void FrameReport::send() {
  if (!lines_.empty()) {
    sink_(lines_);
    lines_.clear();
  }
}

void FrameReport::uses(const std::string& address) {
  address_ = address;
  add(UserCallKind::uses, {});
  send();
}

void FrameReport::delivered(bench::FrameHash frame) {
  delivered_.push_back(frame);
  if (delivered_.size() == kFrames) {
    tell(completed_);
  }
}

void FrameReport::tell(std::uint64_t completed) {
  add_frames(UserCallKind::delivered, delivered_);
  if (std::exchange(completed_, completed) != completed) {
    add(UserCallKind::completed, {completed});
  }
  add_frames(UserCallKind::posted, posted_);
  send();
}

void FrameReport::abandoned(std::uint64_t completed) {
  tell(completed);
  add(UserCallKind::abandoned, {completed});
  send();
}

void FrameReport::waits(std::uint64_t interrupts) {
  add(UserCallKind::waits, {interrupts});
  send();
}

void FrameReport::down(std::uint64_t completed) {
  tell(completed);
  add(UserCallKind::down, {completed});
  send();
}

}  // namespace vfsim::guest
