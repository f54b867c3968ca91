// One guest's line to the calendar (User Mode Linux, time-travel=ext).
#pragma once

#include <cstdint>
#include <string>

#include "testbench/linux_host/descriptor.hpp"

namespace vfsim::bench {

/// What the guest does, as its messages tell.
enum class GuestClock : std::uint8_t {
  absent,   // has not come yet, or has gone
  started,  // waits for start()
  runs,     // simulated time stands still
  waits,    // until run(), at the time that it requested
};

/// Protocol: include/uapi/linux/um_timetravel.h: 16-byte messages, each acknowledged with its
/// sequence number. A kernel that knows the shared page (6.12) writes its requests and reads the
/// time there, and only waits and runs by message, which makes it several times faster. Times are
/// nanoseconds of the guest, each guest has a page of its own; how they relate to the simulation's
/// is the caller's business, who gives `now` in the guest's time.
class TimeTravel {
 public:
  static constexpr std::uint64_t kNoRequest = ~0ULL;

  TimeTravel() = default;
  TimeTravel(const TimeTravel&) = delete;
  TimeTravel& operator=(const TimeTravel&) = delete;
  ~TimeTravel();

  [[nodiscard]] bool listen(const std::string& path);
  [[nodiscard]] int descriptor() const { return peer_.open() ? peer_.get() : listener_.get(); }
  [[nodiscard]] GuestClock state() const { return state_; }
  /// Whether the started guest knows the page.
  [[nodiscard]] bool shared() const;
  /// When the guest wants to run again; kNoRequest: never.
  [[nodiscard]] std::uint64_t request() const;
  /// Takes the connection or one message. False: the guest is gone or talks nonsense; state() is
  /// absent then.
  [[nodiscard]] bool serve(std::uint64_t now);
  /// Answers the guest's START, with the shared page.
  [[nodiscard]] bool start();
  /// Lets it run; `now` must be what it requested.
  [[nodiscard]] bool run(std::uint64_t now);
  /// Nothing more is heard from the guest.
  void hang_up() { gone(); }
  /// The guest may look at the time while it waits (an interrupt comes).
  void show_time(std::uint64_t now);

 private:
  struct Message {
    std::uint32_t op;
    std::uint32_t sequence;
    std::uint64_t time;
  };
  struct Page;
  [[nodiscard]] bool send(const Message& message);
  bool gone();
  void make_page();

  Descriptor listener_;
  Descriptor peer_;
  Descriptor file_;  // of the page, until it is passed on
  Page* page_ = nullptr;
  GuestClock state_ = GuestClock::absent;
  std::uint64_t request_ = kNoRequest;  // of a kernel without the page
  std::uint32_t start_sequence_ = 0;
  std::uint32_t sequence_ = 0;
};

}  // namespace vfsim::bench
