// A moment of a run: where the shell stands, stops and goes back to.
#pragma once

#include <cstdint>
#include <tuple>

#include "testbench/shell/link.hpp"

namespace vfsim::bench {

/// Runs are deterministic, so a moment is found again by counting observations.
struct Position {
  enum class Kind : std::uint8_t {
    event,  // observation `count` has just been made, and everybody has heard it
    time,   // all hardware timers of time `t` have run, processes due at that time have not; `count` observations so far
    end,    // the run is over and judged
  };
  std::uint64_t count = 0;
  std::uint64_t t = 0;  // ps
  Kind kind = Kind::time;

  /// A time that a user named: how many observations there are until then shows on the way.
  [[nodiscard]] static Position at_time(std::uint64_t t) { return {kUnknown, t, Kind::time}; }
  [[nodiscard]] bool before(const Position& other) const {
    if (count == kUnknown || other.count == kUnknown) {
      return t < other.t && kind != Kind::end;
    }
    return std::make_tuple(kind == Kind::end, count, kind, t) <
           std::make_tuple(other.kind == Kind::end, other.count, other.kind, other.t);
  }

  static constexpr std::uint64_t kUnknown = ~std::uint64_t{0};
};

inline void to_json(Json& json, const Position& p) { json = Json::array({p.count, p.t, static_cast<int>(p.kind)}); }
inline void from_json(const Json& json, Position& p) {
  p = {json.at(0).get<std::uint64_t>(), json.at(1).get<std::uint64_t>(), static_cast<Position::Kind>(json.at(2).get<int>())};
}

}  // namespace vfsim::bench
