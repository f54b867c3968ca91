// The signals of a wave file as data (signals.def).
#pragma once

#include <cstdint>

namespace vfsim::waves {

enum class SignalScope : std::uint8_t { FUNCTION, GUEST };
enum class SignalKind : std::uint8_t { BITS, MIG_STATE, VCPU, TEXT };

struct SignalInfo {
  SignalScope scope;
  const char* name;
  SignalKind kind;
  std::uint32_t bits;
  const char* doc;
};

inline constexpr SignalInfo kSignals[] = {
#define SIGNAL(scope, name, kind, bits, doc) \
  {SignalScope::scope, #name, SignalKind::kind, bits, doc},
#include "waves/signals.def"
#undef SIGNAL
};

/// Index in kSignals.
enum SignalIndex : std::uint32_t {
#define SIGNAL(scope, name, kind, bits, doc) scope##_##name,
#include "waves/signals.def"
#undef SIGNAL
  kSignalCount
};

}  // namespace vfsim::waves
