#include "waves/signal_space.hpp"

#include <algorithm>
#include <array>

#include "firmware/interface/tables.hpp"

namespace vfsim::waves {
namespace {

using Names = std::array<std::vector<std::string>, static_cast<std::size_t>(SignalKind::count_)>;

Names all_names() {
  Names names;
  for (const ValueInfo& info : kValues) {
    std::vector<std::string>& list = names[static_cast<std::size_t>(info.kind)];
    list.resize(std::max<std::size_t>(list.size(), info.value + 1));
    list[info.value] = info.name;
  }
  auto& states = names[static_cast<std::size_t>(SignalKind::MIG_STATE)];
  for (std::uint32_t value = 0; value < 1U << value_bits(SignalKind::MIG_STATE); ++value) {
    states.emplace_back(contract::enum_name("MIG", value));
  }
  return names;
}

}  // namespace

const std::vector<std::string>& value_names(SignalKind kind) {
  static const Names names = all_names();
  return names[static_cast<std::size_t>(kind)];
}

const char* table_name(SignalKind kind) {
  switch (kind) {
    case SignalKind::MIG_STATE:
      return "mig_state";
    case SignalKind::VCPU:
      return "vcpu";
    case SignalKind::RUN_STATE:
      return "run_state";
    default:
      return "";
  }
}

std::uint32_t value_bits(SignalKind kind) {
  for (const SignalInfo& info : kSignals) {
    if (info.kind == kind) {
      return info.bits;
    }
  }
  return 0;
}

std::string SignalSpace::unit_name(std::uint32_t unit) const {
  if (scope(unit) == SignalScope::RULES) {
    return "rules";
  }
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
  const std::size_t dot = name.rfind('.');  // no signal has a dot in its own name
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
