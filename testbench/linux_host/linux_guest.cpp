#include "testbench/linux_host/linux_guest.hpp"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <poll.h>
#include <utility>

namespace vfsim::bench {
namespace {

constexpr int kLookMs = 100;        // wall clock: how often the stop flag is looked at
constexpr std::size_t kLongestFolder = 90;  // a socket's path has at most 107 characters
constexpr double kLongestSilence = 1;  // seconds of processor time from a command to the driver's wait for it
constexpr int kPatienceMs = 60000;  // for a guest that runs and says nothing

}  // namespace

LinuxGuest::LinuxGuest(model::Calendar& calendar, std::string name, GuestRam& ram,
                       GuestListener& listener, const volatile std::sig_atomic_t& stop)
    : name_(std::move(name)), ram_(ram), listener_(listener), stop_(stop), cpu_(calendar, name_) {
  cpu_.on_idle([this] {
    if (stopped_by_ != nullptr) {
      listener_.guest_wakes();
    }
  });
}

PciSlot& LinuxGuest::add_slot(const FunctionPlace& place) {
  slots_.push_back(std::make_unique<PciSlot>(ram_, cpu_, static_cast<PciSlot::Owner&>(*this), place));
  return *slots_.back();
}

bool LinuxGuest::launch(const std::string& folder, KernelCommand command) {
  const std::string clock = name_ + ".clock";
  command.arguments.push_back("time-travel=ext:" + clock);
  bool listening = clock_.listen(folder + "/" + clock);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const std::string path = fmt::format("{}.slot{}", name_, i);
    // 1234: the virtio device id that the kernel is configured to take for its PCI transport.
    command.arguments.push_back("virtio_uml.device=" + path + ":1234");
    listening = slots_[i]->link().listen(folder + "/" + path) && listening;
  }
  if (!listening) {
    error_ = fmt::format("{}: sockets cannot be made there{}", folder,
                         folder.size() > kLongestFolder ? ": the path is too long; set TMPDIR to a shorter one" : "");
  } else if (!process_.start(command)) {
    error_ = process_.error();
  }
  return error_.empty();
}

bool LinuxGuest::await_start() {
  while (error_.empty() && clock_.state() != GuestClock::started) {
    serve_once(0);
  }
  return error_.empty();
}

void LinuxGuest::start(SimNs now) {
  offset_ = now;
  if (clock_.start()) {
    serve(now);
  }
}

bool LinuxGuest::ready(SimNs now) const {
  if (!alive() || frozen_at_ != kNeverNs) {
    return false;
  }
  if (stopped_by_ != nullptr) {
    return released_;
  }
  return clock_.state() == GuestClock::waits && (deliver_ || due() <= now);
}

SimNs LinuxGuest::due() const {
  const bool waits = clock_.state() == GuestClock::waits && frozen_at_ == kNeverNs;
  return waits && clock_.request() != TimeTravel::kNoRequest ? clock_.request() + offset_
                                                             : kNeverNs;
}

// Each access that the guest tells of costs two changes of process. One slot can do without: what it
// brings is found when the guest waits, or tells of something on another slot, which keeps the order.
void LinuxGuest::prepare() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slots_[i]->prepare(i == 0 && listener_.guest_will_wait(*slots_[i]));
  }
}

void LinuxGuest::step(SimNs now) {
  prepare();
  if (stopped_by_ != nullptr) {
    offset_ += now - stopped_at_;
    std::exchange(stopped_by_, nullptr)->link().answer_kick();
    serve(now);
  } else if (std::exchange(deliver_, false)) {
    deliver(now);
  } else if (clock_.run(clock_.request())) {
    serve(now);
  }
}

void LinuxGuest::type(const std::string& bytes) {
  process_.type(bytes);
  typed_ = deliver_ = true;
}

void LinuxGuest::stop() {
  take_output();
  process_.kill();
  clock_.hang_up();
}

void LinuxGuest::freeze(SimNs now) {
  if (frozen_at_ == kNeverNs) {
    frozen_at_ = now;
  }
}

void LinuxGuest::thaw(SimNs now) {
  if (frozen_at_ != kNeverNs) {
    offset_ += now - std::exchange(frozen_at_, kNeverNs);
  }
}

bool LinuxGuest::memory(int file, std::uint64_t offset, std::uint64_t start, std::uint64_t bytes) {
  if (ram_.bytes != 0) {  // each of its devices tells the same
    return ram_.start == start && ram_.bytes == bytes;
  }
  return listener_.guest_memory(file, offset, start, bytes);
}

void LinuxGuest::command_rung(PciSlot& slot) {
  stopped_by_ = &slot;
  released_ = false;
}

void LinuxGuest::interrupted() {
  deliver_ = true;
  listener_.guest_wakes();
}

void LinuxGuest::serve(SimNs now) {
  while (error_.empty() && stopped_by_ == nullptr && clock_.state() == GuestClock::runs) {
    serve_once(now);
  }
  for (const auto& slot : slots_) {
    slot->look();
  }
  stopped_at_ = now;
}

// A driver that was expected to wait for events may poll all the same. Processor time tells it from a guest that has not
// got a processor: what is done about it must not depend on the clock on the wall.
bool LinuxGuest::polls_for_command(bool begins) {
  if (begins) {
    silent_from_ = process_.cpu_seconds();
  }
  return process_.cpu_seconds() - silent_from_ > kLongestSilence &&
         std::any_of(slots_.begin(), slots_.end(), [](const auto& slot) { return slot->find_command(); });
}

bool LinuxGuest::serve_once(SimNs now) {
  std::vector<pollfd> ready{{process_.output().get(), POLLIN, 0}, {clock_.descriptor(), POLLIN, 0}};
  for (const auto& slot : slots_) {
    ready.push_back({slot->link().descriptor(), POLLIN, 0});
  }
  int events = 0;
  for (int waited = 0; events <= 0; waited += kLookMs) {
    if (stop_ != 0 || (waited >= kPatienceMs && !process_.debugged())) {
      end(stop_ != 0 ? "interrupted" : "the kernel runs on without a word for a minute");
      return false;
    }
    events = poll(ready.data(), ready.size(), kLookMs);
    if (events == 0 && polls_for_command(waited == 0)) {
      return true;
    }
  }
  if (ready[0].revents != 0) {
    take_output();  // before whatever it did next
  }
  if ((ready[1].revents != 0 && !clock_.serve(time_at(now))) ||
      (ready[0].revents == POLLHUP && clock_.state() == GuestClock::absent)) {
    take_output();
    end(clock_.state() == GuestClock::absent && !begun_ ? "the kernel ended before it began" : "");
    return false;
  }
  begun_ = begun_ || clock_.state() != GuestClock::absent;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (i != 0 && ready[i + 2].revents != 0) {
      slots_[0]->look();
    }
    if (ready[i + 2].revents != 0 && !slots_[i]->link().serve()) {
      end(slots_[i]->link().error());
      return false;
    }
  }
  return true;
}

void LinuxGuest::deliver(SimNs now) {
  clock_.show_time(time_at(now));
  for (const auto& slot : slots_) {
    std::uint32_t calls = slot->deliver();
    if (std::exchange(typed_, false)) {  // its console's signal waits until it runs
      calls |= 1U << PciSlot::kInterrupts;
    }
    for (std::uint32_t queue = 0; queue < VhostUser::kQueues; ++queue) {
      if ((calls >> queue & 1U) != 0 && !call(*slot, queue, now)) {
        return;
      }
    }
  }
}

bool LinuxGuest::call(PciSlot& slot, std::uint32_t queue, SimNs now) {
  if (!slot.link().call(queue)) {
    return true;  // the driver has not come so far, or no longer wants to know
  }
  for (int waited = 0; error_.empty(); waited += kLookMs) {
    pollfd ready[] = {{clock_.descriptor(), POLLIN, 0}, {slot.link().call_descriptor(), POLLIN, 0}};
    if (stop_ != 0 || (waited >= kPatienceMs && !process_.debugged())) {
      end(stop_ != 0 ? "interrupted" : "the kernel does not take an interrupt");
      return false;
    }
    if (poll(ready, 2, kLookMs) <= 0) {
      continue;
    }
    waited = 0;
    if (ready[1].revents != 0) {
      return slot.link().call_answered();
    }
    if (!clock_.serve(time_at(now))) {
      take_output();
      return false;
    }
  }
  return false;
}

void LinuxGuest::take_output() {
  process_.drain(output_);
  std::size_t from = 0;
  for (std::size_t end = output_.find('\n'); end != std::string::npos;
       end = output_.find('\n', from)) {
    std::string line = output_.substr(from, end - from);
    from = end + 1;
    while (!line.empty() && line.back() == '\r') {
      line.pop_back();
    }
    listener_.guest_line(line);
  }
  output_.erase(0, from);
  if (!output_.empty()) {
    listener_.guest_prompt(output_);
  }
}

void LinuxGuest::end(const std::string& why) {
  take_output();
  if (error_.empty()) {
    error_ = why;
  }
  process_.kill();
}

}  // namespace vfsim::bench
