// Which events a step, a break or a listing means: "command SUSPEND_VHCA INITIATOR vf0 done if time > 105 ms".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "testbench/shell/expression.hpp"
#include "testbench/shell/happening.hpp"
#include "testbench/shell/words.hpp"

namespace vfsim::bench {

/// GROUP [FUNCTION] [DETAIL]... [if EXPR]. GROUP is `event` (all of them) or a row of HAPPENING_GROUP; cmd stands for
/// command, arc for state arc, read and write for tlp MRd sent and tlp MWr sent. FUNCTION without host means both hosts.
class EventFilter {
 public:
  /// Takes words [from, end). False: `error` is one line.
  [[nodiscard]] bool parse(const Words& words, std::size_t from, const NameTable& names, std::string& error);
  /// The expression is evaluated last.
  [[nodiscard]] bool matches(const Happening& h) const;

 private:
  enum class Test : std::uint8_t { kind, tlp_class, opcode, half, good, state, name, vector };
  struct Condition {
    Test test;
    std::uint64_t value = 0;
    std::string text;
  };
  [[nodiscard]] bool group(const std::string& word, std::string& error);
  [[nodiscard]] bool function(std::string_view word);
  [[nodiscard]] bool detail(const std::string& word, std::string& error);
  [[nodiscard]] std::optional<Condition> condition(const std::string& word) const;
  [[nodiscard]] std::string details() const;
  [[nodiscard]] static bool holds(const Condition& c, const Happening& h);

  HappeningGroup group_ = HappeningGroup::count_;  // count_: any
  std::optional<std::uint8_t> fn_;
  std::optional<std::uint8_t> host_;
  std::vector<Condition> conditions_;
  std::shared_ptr<Expression> expression_;
};

/// What `help events` prints.
[[nodiscard]] std::string events_help();

}  // namespace vfsim::bench
