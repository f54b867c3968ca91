// The VFIO migration state machine: which state comes next on the way from one state to another.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "firmware/interface/layout.h"
#include "host_driver/migration/vfio_device.hpp"

namespace vfsim::driver {

inline constexpr std::size_t kMigStates = 8;

namespace detail {
inline constexpr MigState kX = MigState::error, kS = MigState::stop, kR = MigState::running,
                          kC = MigState::stop_copy, kL = MigState::resuming,
                          kP = MigState::running_p2p, kPre = MigState::pre_copy,
                          kPreP = MigState::pre_copy_p2p;

/// Next state of a device with all three capabilities; row = current, column = target, in the order
/// of MigState.
inline constexpr std::array<std::array<MigState, kMigStates>, kMigStates> kNextFull = {{
    {kX, kX, kX, kX, kX, kX, kX, kX},          // error
    {kX, kS, kP, kC, kL, kP, kP, kP},          // stop
    {kX, kP, kR, kP, kP, kP, kPre, kP},        // running
    {kX, kS, kS, kC, kS, kS, kX, kX},          // stop_copy
    {kX, kS, kS, kS, kL, kS, kS, kS},          // resuming
    {kX, kS, kR, kS, kS, kP, kR, kPreP},       // running_p2p
    {kX, kR, kR, kPreP, kR, kR, kPre, kPreP},  // pre_copy
    {kX, kP, kP, kC, kP, kP, kPre, kPreP},     // pre_copy_p2p
}};

/// VF_MIG_FLAG_* bits that a device needs to have the state; the error state is never valid.
inline constexpr std::array<std::uint64_t, kMigStates> kStateNeeds = {
    ~std::uint64_t{0},
    VF_MIG_FLAG_STOP_COPY,
    VF_MIG_FLAG_STOP_COPY,
    VF_MIG_FLAG_STOP_COPY,
    VF_MIG_FLAG_STOP_COPY,
    VF_MIG_FLAG_STOP_COPY | VF_MIG_FLAG_P2P,
    VF_MIG_FLAG_STOP_COPY | VF_MIG_FLAG_PRE_COPY,
    VF_MIG_FLAG_STOP_COPY | VF_MIG_FLAG_P2P | VF_MIG_FLAG_PRE_COPY,
};
}  // namespace detail

/// Whether a device with these VF_MIG_FLAG_* bits has the state.
[[nodiscard]] constexpr bool mig_state_valid(std::uint64_t flags, MigState state) {
  const auto index = static_cast<std::size_t>(state);
  return index < kMigStates && (flags & detail::kStateNeeds[index]) == detail::kStateNeeds[index];
}

/// The state after `current` on the shortest permitted path to `target`; MigState::error where
/// there is none (EINVAL). Source: VFIO uapi; mlx5 device interface section 7;
/// facts/vfio_v2_next_state.csv.
[[nodiscard]] constexpr MigState mig_next_state(std::uint64_t flags, MigState current,
                                                MigState target) {
  if (!mig_state_valid(flags, current) || !mig_state_valid(flags, target)) {
    return MigState::error;
  }
  const auto column = static_cast<std::size_t>(target);
  MigState next = detail::kNextFull[static_cast<std::size_t>(current)][column];
  while (next != MigState::error && !mig_state_valid(flags, next)) {
    next = detail::kNextFull[static_cast<std::size_t>(next)][column];
  }
  return next;
}

/// SET_STATE: runs `arc(from, to)` for each step until `state` is `target`; arc commits by
/// returning true after it has changed `state`. Returns 0, EINVAL when there is no way, or -1 when
/// an arc returned false.
template <class Arc>
[[nodiscard]] int walk_mig_states(std::uint64_t flags, const MigState& state, MigState target,
                                  Arc&& arc) {
  for (;;) {
    const MigState next = mig_next_state(flags, state, target);
    if (next == MigState::error) {
      return EINVAL;
    }
    if (next == state) {
      return 0;
    }
    if (!arc(state, next)) {
      return -1;
    }
    if (state == target) {
      return 0;
    }
  }
}

}  // namespace vfsim::driver
