#include "waves/signal_space.hpp"

#include "firmware/interface/tables.hpp"

namespace vfsim::waves {
namespace {

constexpr std::uint32_t kMigStateBits = 3;

std::vector<std::string> migration_states() {
  std::vector<std::string> names;
  for (std::uint32_t value = 0; value < 1U << kMigStateBits; ++value) {
    names.emplace_back(contract::enum_name("MIG", value));
  }
  return names;
}

}  // namespace

const std::vector<std::string>& value_names(SignalKind kind) {
  static const std::vector<std::string> kNone;
  static const std::vector<std::string> kMigStates = migration_states();
  static const std::vector<std::string> kVcpus = {"STOPPED", "RUN_A", "RUN_B", "NONE"};
  switch (kind) {
    case SignalKind::MIG_STATE:
      return kMigStates;
    case SignalKind::VCPU:
      return kVcpus;
    default:
      return kNone;
  }
}

std::string SignalSpace::unit_name(std::uint32_t unit) const {
  if (scope(unit) == SignalScope::GUEST) {
    return "guest" + std::to_string(unit - guest_unit(0));
  }
  const std::uint32_t fn = unit % functions;
  const std::string host(1, static_cast<char>('A' + unit / functions));
  return host + (fn == 0 ? ".pf" : ".vf" + std::to_string(fn - 1));
}

std::string SignalSpace::name(SignalId id) const {
  return unit_name(unit_of(id)) + "." + info_of(id).name;
}

std::optional<SignalId> SignalSpace::find(std::string_view name) const {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) {
    return std::nullopt;
  }
  for (std::uint32_t unit = 0; unit < units(); ++unit) {
    if (unit_name(unit) != name.substr(0, dot)) {
      continue;
    }
    for (std::uint32_t row = 0; row < kSignalCount; ++row) {
      const SignalId id = unit * kSignalCount + row;
      if (holds(id) && name.substr(dot + 1) == kSignals[row].name) {
        return id;
      }
    }
  }
  return std::nullopt;
}

}  // namespace vfsim::waves
