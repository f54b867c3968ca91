// What a refused command must leave as it was, as numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <xxhash.h>

#include "firmware/core/nic_snapshot.hpp"

namespace vfsim::bench {

inline std::uint64_t hash_bytes(const void* bytes, std::size_t count, std::uint64_t seed = 0) {
  return XXH3_64bits_withSeed(bytes, count, seed);
}

/// Context memory, firmware state, migration state and registers of a function. Not part of it: the
/// entries that the firmware stages for the hardware, and where the command engine looks next.
inline std::uint64_t function_hash(fwtest::MockNic& nic, std::uint32_t fn) {
  const vf_function& context = nic.ctx(fn);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&context);
  constexpr std::size_t kStage = offsetof(vf_function, eqe_stage);
  constexpr std::size_t kBehind = offsetof(vf_function, held_events);
  const fw& firmware = *nic.firmware();
  std::uint64_t hash = hash_bytes(bytes, kStage);
  hash = hash_bytes(bytes + kBehind, sizeof context - kBehind, hash);
  const auto* f = reinterpret_cast<const std::uint8_t*>(&firmware.fn[fn]);
  constexpr std::size_t kSlot = offsetof(fw_function, next_slot);
  hash = hash_bytes(f, kSlot, hash);
  hash = hash_bytes(f + kSlot + 1, sizeof(fw_function) - kSlot - 1, hash);
  hash = hash_bytes(&firmware.vhca[fn], sizeof(fw_vhca), hash);
  hash = hash_bytes(&firmware.port_base[fn], sizeof firmware.port_base[fn], hash);
  std::array<std::uint32_t, 6> registers{};
  std::size_t i = 0;
  for (const std::uint32_t r : {FW_FN_CMD_DB, FW_FN_CMDQ_HI, FW_FN_CMDQ_LO, FW_FN_CTRL,
                                FW_FN_MSIX_PEND, FW_FN_TRACK_CTRL}) {
    registers[i++] = nic.reg(fn, r);
  }
  return hash_bytes(registers.data(), sizeof registers, hash);
}

/// What all functions share: translation entries in use, page trackers.
inline std::uint64_t shared_hash(fwtest::MockNic& nic) {
  const fw& firmware = *nic.firmware();
  std::uint64_t hash = hash_bytes(firmware.mtt_used, sizeof firmware.mtt_used);
  constexpr std::size_t kTrackers = 4;  // the lowest free one is taken
  for (std::size_t i = 0; i < kTrackers; ++i) {
    hash = hash_bytes(&firmware.track[i], offsetof(fw_track, payload), hash);
  }
  return hash;
}

}  // namespace vfsim::bench
