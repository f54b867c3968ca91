// Lets through what lies in the part of a run that a wave file holds.
#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "systemc/common/calendar.hpp"
#include "waves/fst_file.hpp"
#include "waves/wave_span.hpp"

namespace vfsim::waves {

/// Stands before the file: passes on what lies in the span, with the values that signals have at
/// its beginning. With `last` nothing is written before close(), so that recording costs little;
/// memory follows the number of changes in that time.
class WaveWindow {
 public:
  static constexpr model::Ps kBehindMark = 1 * model::kUs;

  WaveWindow(FstFile& file, const WaveSpan& span) : file_(file), span_(span) {}

  /// As FstFile's. Signal 0 is a signal that nobody wants: ignored.
  void time(model::Ps t) { now_ = t > now_ ? t : now_; }
  void set(FstFile::Signal signal, std::uint64_t value);
  void set_bits(FstFile::Signal signal, std::string_view bits);
  void set_text(FstFile::Signal signal, std::string_view text);
  /// Something worth a look happened: with `last`, the wave ends kBehindMark later. The first
  /// counts.
  void mark(model::Ps t);
  /// Writes what is kept, and closes the file. False: as FstFile::close().
  [[nodiscard]] bool close(model::Ps end);
  /// What the file holds if it is closed at `end`.
  [[nodiscard]] model::Ps first(model::Ps end) const;
  [[nodiscard]] model::Ps last(model::Ps end) const { return std::min(end, span_.to); }

 private:
  struct Value {
    FstFile::Signal signal = 0;
    enum class Kind : std::uint8_t { number, bits, text } kind = Kind::number;
    std::uint64_t number = 0;
    std::string text;  // bits, text
  };
  struct Change {
    model::Ps t;
    Value value;
  };

  [[nodiscard]] bool whole() const {
    return span_.from == 0 && span_.to == model::kNever && span_.last == 0;
  }
  void change(Value value);
  void forget(model::Ps before);
  void write(const Value& value);
  void begin(model::Ps t);

  FstFile& file_;
  WaveSpan span_;
  model::Ps now_ = 0;
  bool begun_ = false;
  std::vector<Value> at_begin_;  // by signal: the values where the span begins
  std::deque<Change> kept_;      // with `last`
};

}  // namespace vfsim::waves
