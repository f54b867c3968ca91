// The signals of a wave file as data (signals.def).
#pragma once

#include <cstdint>

namespace vfsim::waves {

enum class SignalScope : std::uint8_t { FUNCTION, GUEST };
enum class SignalKind : std::uint8_t { BITS, MIG_STATE, VCPU, TEXT };

/// Groups that can be left out of a wave file.
enum class SignalGroup : std::uint8_t {
#define GROUP(name, shown, doc) name,
#define SIGNAL(scope, group, name, kind, bits, doc)
#include "waves/signals.def"
#undef SIGNAL
#undef GROUP
};

struct GroupInfo {
  const char* name;
  bool shown;  // unless the user names groups
  const char* doc;
};

inline constexpr GroupInfo kGroups[] = {
#define GROUP(name, shown, doc) {#name, shown, doc},
#define SIGNAL(scope, group, name, kind, bits, doc)
#include "waves/signals.def"
#undef SIGNAL
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
#define SIGNAL(scope, group, name, kind, bits, doc) \
  {SignalScope::scope, SignalGroup::group, #name, SignalKind::kind, bits, doc},
#include "waves/signals.def"
#undef SIGNAL
#undef GROUP
};

/// Index in kSignals.
enum SignalIndex : std::uint32_t {
#define GROUP(name, shown, doc)
#define SIGNAL(scope, group, name, kind, bits, doc) scope##_##name,
#include "waves/signals.def"
#undef SIGNAL
#undef GROUP
  kSignalCount
};

}  // namespace vfsim::waves
