// Breaks and watches, as the process that runs knows them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "testbench/shell/event_filter.hpp"
#include "testbench/shell/link.hpp"

namespace vfsim::bench {

/// The session owns the list and hands the whole of it over whenever it changes: [{"n": 1, "words": [...]}], the words
/// as they were typed: break on WHAT | tbreak on WHAT | watch EXPR, with `on time T` and `on signal EXPR` among WHAT.
class Breaks {
 public:
  /// False: `error` is one line about the first wrong one; the list is as it was.
  [[nodiscard]] bool set(const Json& list, const NameTable& names, std::string& error);
  [[nodiscard]] bool empty() const { return list_.empty(); }
  /// The earliest time of a `break on time` behind `now`.
  [[nodiscard]] std::optional<model::Ps> next_time(model::Ps now) const;
  /// Values of watches from now on; call it when the run goes on.
  void look();
  /// Number of the first break that stops at this event; 0 for none. `last`: no other call comes for this observation,
  /// so that watches are compared.
  [[nodiscard]] int stops(const Happening& h, bool last, std::string& why);
  [[nodiscard]] int stops_at(model::Ps t, std::string& why) const;

 private:
  struct Break {
    int number = 0;
    std::string text;
    std::optional<EventFilter> filter;
    std::optional<model::Ps> time;
    std::shared_ptr<Expression> watched;
    double value = 0;
  };
  [[nodiscard]] static bool make(const Json& item, const NameTable& names, Break& made, std::string& error);

  std::vector<Break> list_;
};

}  // namespace vfsim::bench
