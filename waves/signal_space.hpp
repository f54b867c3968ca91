// Names and numbers of all signals of a machine: the rows of signals.def for every function and
// guest.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "waves/signal_table.hpp"

namespace vfsim::waves {

/// Number of a signal: its unit (a function, a guest) times kSignalCount, plus its row in kSignals.
using SignalId = std::uint32_t;

constexpr SignalId id_of(std::uint32_t unit, SignalIndex row) {
  return unit * kSignalCount + row;
}
constexpr std::uint32_t unit_of(SignalId id) {
  return id / kSignalCount;
}
constexpr std::uint32_t row_of(SignalId id) {
  return id % kSignalCount;
}
constexpr const SignalInfo& info_of(SignalId id) {
  return kSignals[row_of(id)];
}

/// How large the machine is; needs no run. Units are the functions of host A, those of host B, then
/// the guests, and one for the rules.
struct SignalSpace {
  static constexpr std::uint32_t kHosts = 2;

  std::uint32_t functions = 2;  // PF + VFs of each host
  std::uint32_t guests = 1;

  [[nodiscard]] std::uint32_t units() const { return kHosts * functions + guests + 1; }
  [[nodiscard]] std::uint32_t function_unit(std::uint32_t host, std::uint32_t fn) const {
    return host * functions + fn;
  }
  [[nodiscard]] std::uint32_t guest_unit(std::uint32_t guest) const {
    return kHosts * functions + guest;
  }
  [[nodiscard]] std::uint32_t rules_unit() const { return kHosts * functions + guests; }
  [[nodiscard]] SignalScope scope(std::uint32_t unit) const {
    return unit < guest_unit(0)  ? SignalScope::FUNCTION
           : unit < rules_unit() ? SignalScope::GUEST
                                 : SignalScope::RULES;
  }
  /// The unit has such a signal.
  [[nodiscard]] bool holds(SignalId id) const {
    return unit_of(id) < units() && info_of(id).scope == scope(unit_of(id));
  }

  /// "A.vf0", "guest0", "rules".
  [[nodiscard]] std::string unit_name(std::uint32_t unit) const;
  /// "A.vf0.outstanding_reads", "guest0.phase".
  [[nodiscard]] std::string name(SignalId id) const;
  /// The signal of that name, if this machine has it.
  [[nodiscard]] std::optional<SignalId> find(std::string_view name) const;
};

}  // namespace vfsim::waves
