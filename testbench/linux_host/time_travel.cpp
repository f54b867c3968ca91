#include "testbench/linux_host/time_travel.hpp"

#include <array>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace vfsim::bench {
namespace {

enum Op : std::uint32_t {
  kAck = 0,
  kStart = 1,
  kRequest = 2,
  kWait = 3,
  kGet = 4,
  kUpdate = 5,
  kRun = 6,
  kGetTimeOfDay = 8,
  kBroadcast = 9,
};

constexpr std::uint64_t kTimeOfDay = 1'767'225'600'000'000'000;  // 2026-01-01: the same in every run
constexpr std::uint32_t kPageVersion = 2;
constexpr std::uint16_t kGuest = 1;          // its number in its page
constexpr std::uint32_t kKnowsPage = 1;      // capabilities
constexpr std::uint32_t kRequestValid = 1;   // flags

}  // namespace

/// struct um_timetravel_schedshm, with room for one guest.
struct TimeTravel::Page {
  std::uint32_t version;
  std::uint32_t bytes;
  std::uint64_t free_until;
  std::uint64_t current_time;
  std::uint16_t running;
  std::uint16_t most_clients;
  std::array<std::uint8_t, 4096 - 28> rest;
  struct Client {
    std::uint32_t capabilities;
    std::uint32_t flags;
    std::uint64_t request;
    std::uint64_t name;
    std::array<std::uint8_t, 128 - 24> rest;
  } clients[kGuest + 1];
};

TimeTravel::~TimeTravel() {
  if (page_ != nullptr) {
    munmap(page_, sizeof(Page));
  }
}

bool TimeTravel::listen(const std::string& path) {
  listener_ = listen_at(path);
  return listener_.open();
}

bool TimeTravel::gone() {
  peer_.close();
  state_ = GuestClock::absent;
  request_ = kNoRequest;
  return false;
}

bool TimeTravel::shared() const {
  return page_ != nullptr && (page_->clients[kGuest].capabilities & kKnowsPage) != 0;
}

std::uint64_t TimeTravel::request() const {
  if (!shared()) {
    return request_;
  }
  const Page::Client& guest = page_->clients[kGuest];
  return (guest.flags & kRequestValid) != 0 ? guest.request : kNoRequest;
}

bool TimeTravel::send(const Message& message) {
  return write_all(peer_, &message, sizeof(message)) || gone();
}

bool TimeTravel::serve(std::uint64_t now) {
  if (!peer_.open()) {
    peer_ = accept_from(listener_);
    listener_.close();
    return peer_.open();
  }
  Message message{};
  if (!read_all(peer_, &message, sizeof(message))) {
    return gone();
  }
  switch (message.op) {
    case kAck:
      return true;  // of a RUN
    case kStart:
      start_sequence_ = message.sequence;
      state_ = GuestClock::started;
      return true;
    case kRequest:
      request_ = message.time;
      return send({kAck, message.sequence, 0});
    case kWait:
      state_ = GuestClock::waits;
      return shared() || send({kAck, message.sequence, 0});
    case kGet:
      return send({kAck, message.sequence, now});
    case kGetTimeOfDay:
      return send({kAck, message.sequence, kTimeOfDay});
    case kUpdate:
    case kBroadcast:
      return send({kAck, message.sequence, 0});
    default:
      return gone();
  }
}

void TimeTravel::make_page() {
  file_ = Descriptor(memfd_create("calendar", MFD_CLOEXEC));
  if (ftruncate(file_.get(), sizeof(Page)) != 0) {
    return;
  }
  void* at = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
  if (at == MAP_FAILED) {
    return;
  }
  page_ = static_cast<Page*>(at);
  page_->version = kPageVersion;
  page_->bytes = sizeof(Page);
  page_->running = kGuest;
  page_->most_clients = kGuest + 1;
}

bool TimeTravel::start() {
  make_page();
  state_ = GuestClock::runs;
  const Message ack{kAck, start_sequence_, kGuest};
  const Descriptor log(open("/dev/null", O_WRONLY | O_CLOEXEC));
  const std::array<int, 2> files{file_.get(), log.get()};
  const bool sent = page_ != nullptr
                        ? write_with_descriptors(peer_, &ack, sizeof(ack), files.data(), files.size())
                        : write_all(peer_, &ack, sizeof(ack));
  file_.close();
  return sent || gone();
}

void TimeTravel::show_time(std::uint64_t now) {
  if (shared()) {
    page_->current_time = now;
  }
}

bool TimeTravel::run(std::uint64_t now) {
  state_ = GuestClock::runs;
  request_ = kNoRequest;
  show_time(now);
  return send({kRun, ++sequence_, now});
}

}  // namespace vfsim::bench
