// Accounts for every frame of one direction: what must arrive, what did.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace vfsim::bench {

struct FlowCounts {
  std::uint64_t expected = 0;
  std::uint64_t arrived = 0;   // as expected, in order or not
  std::uint64_t discarded = 0; // expected until they were written off
  std::uint64_t lost = 0;      // expected, not arrived (so far) and not written off
  std::uint64_t duplicated = 0;
  std::uint64_t corrupted = 0; // arrived, but never expected
  std::uint64_t reordered = 0; // arrived after a later one
};

/// Of all bytes of a frame.
using FrameHash = std::uint64_t;
[[nodiscard]] FrameHash frame_hash(const std::uint8_t* bytes, std::size_t length);

/// Frames are told apart by their hash and their position.
class FlowLedger {
 public:
  /// The sender handed this frame over for delivery.
  /// @param t  simulated time, for first_missing()
  void expect(FrameHash frame, std::uint64_t t = 0);
  /// The receiver got a frame. Returns false when it was not the one due next.
  bool arrived(FrameHash frame);
  /// A frame that is due will not come, and that is right: its sender's cable was pulled.
  void write_off(FrameHash frame);
  /// Nothing that is due will come, and that is right: the device was reset. The first `under_way` of it has left the
  /// device before and must come all the same.
  void write_off_all(std::uint64_t under_way);
  /// What is due may come or not: it lies between a device that was reset and its driver.
  void excuse_all();
  /// The same for the frame that was handed over last.
  void excuse_last();
  [[nodiscard]] FlowCounts counts() const;
  /// What has not arrived and was not written off.
  struct Missing {
    std::size_t number = 0;  // of those expected, from 1
    std::uint64_t t = 0;     // ps, when it was handed over
  };
  [[nodiscard]] std::optional<Missing> first_missing() const;
  [[nodiscard]] bool complete() const { return next_ == expected_.size() && skipped_ == 0; }

 private:
  enum class State : std::uint8_t { open, skipped, excused, done };
  struct Entry {
    FrameHash hash;
    State state;
    std::uint64_t t;
  };
  /// First entry at or after `from` with this hash in this state; expected_.size() if none.
  [[nodiscard]] std::size_t find(FrameHash hash, State state) const;
  void settle_open(std::size_t at, State state);
  void advance();

  std::vector<Entry> expected_;
  std::unordered_multimap<std::uint64_t, std::size_t> by_hash_;  // looked up only, never iterated over as a whole
  std::size_t next_ = 0;
  std::uint64_t skipped_ = 0;
  FlowCounts counts_;
};

}  // namespace vfsim::bench
