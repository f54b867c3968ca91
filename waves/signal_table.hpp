// The signals that can be watched, as data (signals.def).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vfsim::waves {

enum class SignalScope : std::uint8_t { FUNCTION, GUEST, RULES };
enum class SignalKind : std::uint8_t {
  BITS,
  COUNT,
  TEXT,
  MOMENT,
  MIG_STATE,
  VCPU,
  RUN_STATE,
  count_
};

constexpr bool is_text(SignalKind kind) {
  return kind == SignalKind::TEXT || kind == SignalKind::MOMENT;
}

/// Groups that can be left out of a wave file.
enum class SignalGroup : std::uint8_t {
#define GROUP(name, shown, doc) name,
#define VALUE(kind, name, value, doc)
#define SIGNAL(scope, group, name, kind, bits, doc)
#include "waves/signals.def"
#undef SIGNAL
#undef VALUE
#undef GROUP
};

struct GroupInfo {
  const char* name;
  bool shown;  // unless the user names groups
  const char* doc;
};

inline constexpr GroupInfo kGroups[] = {
#define GROUP(name, shown, doc) {#name, shown, doc},
#define VALUE(kind, name, value, doc)
#define SIGNAL(scope, group, name, kind, bits, doc)
#include "waves/signals.def"
#undef SIGNAL
#undef VALUE
#undef GROUP
};

/// One bit per group.
using GroupMask = std::uint32_t;
constexpr GroupMask mask_of(SignalGroup group) {
  return GroupMask{1} << static_cast<unsigned>(group);
}
constexpr GroupMask shown_groups() {
  GroupMask mask = 0;
  for (unsigned i = 0; i < sizeof kGroups / sizeof *kGroups; ++i) {
    mask |= kGroups[i].shown ? GroupMask{1} << i : 0;
  }
  return mask;
}

struct SignalInfo {
  SignalScope scope;
  SignalGroup group;
  const char* name;
  SignalKind kind;
  std::uint32_t bits;
  const char* doc;
};

inline constexpr SignalInfo kSignals[] = {
#define GROUP(name, shown, doc)
#define VALUE(kind, name, value, doc)
#define SIGNAL(scope, group, name, kind, bits, doc) \
  {SignalScope::scope, SignalGroup::group, #name, SignalKind::kind, bits, doc},
#include "waves/signals.def"
#undef SIGNAL
#undef VALUE
#undef GROUP
};

/// Index in kSignals.
enum SignalIndex : std::uint32_t {
#define GROUP(name, shown, doc)
#define VALUE(kind, name, value, doc)
#define SIGNAL(scope, group, name, kind, bits, doc) scope##_##name,
#include "waves/signals.def"
#undef SIGNAL
#undef VALUE
#undef GROUP
  kSignalCount
};

struct ValueInfo {
  SignalKind kind;
  const char* name;
  std::uint32_t value;
  const char* doc;
};

inline constexpr ValueInfo kValues[] = {
#define GROUP(name, shown, doc)
#define VALUE(kind, name, value, doc) {SignalKind::kind, #name, value, doc},
#define SIGNAL(scope, group, name, kind, bits, doc)
#include "waves/signals.def"
#undef SIGNAL
#undef VALUE
#undef GROUP
};

/// VCPU_RUN_A and so on.
enum SignalValue : std::uint32_t {
#define GROUP(name, shown, doc)
#define VALUE(kind, name, value, doc) kind##_##name = value,
#define SIGNAL(scope, group, name, kind, bits, doc)
#include "waves/signals.def"
#undef SIGNAL
#undef VALUE
#undef GROUP
};

/// One bit per signal of kSignals.
using RowMask = std::uint64_t;
static_assert(kSignalCount <= 64, "a RowMask has a bit for every signal");
constexpr RowMask row_bit(std::uint32_t row) {
  return RowMask{1} << row;
}
inline constexpr RowMask kAllRows = ~RowMask{0};
/// The signals of these groups.
constexpr RowMask rows_of(GroupMask groups) {
  RowMask rows = 0;
  for (std::uint32_t row = 0; row < kSignalCount; ++row) {
    rows |= (groups & mask_of(kSignals[row].group)) != 0 ? row_bit(row) : 0;
  }
  return rows;
}

/// Names of the values 0, 1, ... of a kind; empty for numbers and texts. Source: signals.def, and
/// firmware/interface/enums.def.
[[nodiscard]] const std::vector<std::string>& value_names(SignalKind kind);
/// Name of a kind's table of names in files: "mig_state"; "" if it has none.
[[nodiscard]] const char* table_name(SignalKind kind);
/// Bits of a named value of that kind.
[[nodiscard]] std::uint32_t value_bits(SignalKind kind);

}  // namespace vfsim::waves
