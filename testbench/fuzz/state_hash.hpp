// What a refused command must leave as it was, as numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <xxhash.h>

#include "firmware/core/nic_snapshot.hpp"

namespace vfsim::bench {

inline std::uint64_t hash_bytes(const void* bytes, std::size_t count, std::uint64_t seed = 0) {
  return XXH3_64bits_withSeed(bytes, count, seed);
}

/// Zeroes the entries that are no objects: their bytes are nobody's.
template <class T, std::size_t N>
void clear_invalid(T (&objects)[N]) {
  for (T& object : objects) {
    if (object.valid == 0) {
      std::memset(&object, 0, sizeof object);
    }
  }
}

/// Hash of a function's context memory without what a refused CREATE leaves in an entry that it did
/// not take.
inline std::uint64_t context_hash(const vf_function& context) {
  const auto copy = std::make_unique<vf_function>(context);
  std::memset(&copy->eqe_stage, 0, sizeof copy->eqe_stage);
  std::memset(copy->cqe_stage, 0, sizeof copy->cqe_stage);
  clear_invalid(copy->eq);
  clear_invalid(copy->cq);
  clear_invalid(copy->sq);
  clear_invalid(copy->rq);
  clear_invalid(copy->qp);
  clear_invalid(copy->mkey);
  clear_invalid(copy->tis);
  clear_invalid(copy->tir);
  clear_invalid(copy->rqt);
  clear_invalid(copy->ft);
  clear_invalid(copy->fg);
  clear_invalid(copy->fte);
  clear_invalid(copy->qc);
  return hash_bytes(copy.get(), sizeof *copy);
}

/// Context memory, firmware state, migration state and registers of a function. Not part of it: the
/// entries that the firmware stages for the hardware, and where the command engine looks next.
/// `objects_only`: slower, and without the bytes of entries that are no objects or pages.
inline std::uint64_t function_hash(fwtest::MockNic& nic, std::uint32_t fn,
                                   bool objects_only = false) {
  const vf_function& context = nic.ctx(fn);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&context);
  constexpr std::size_t kStage = offsetof(vf_function, eqe_stage);
  constexpr std::size_t kBehind = offsetof(vf_function, held_events);
  const fw& firmware = *nic.firmware();
  std::uint64_t hash = objects_only ? context_hash(context) : hash_bytes(bytes, kStage);
  if (!objects_only) {
    hash = hash_bytes(bytes + kBehind, sizeof context - kBehind, hash);
  }
  const auto* f = reinterpret_cast<const std::uint8_t*>(&firmware.fn[fn]);
  constexpr std::size_t kPages = offsetof(fw_function, page);
  constexpr std::size_t kBehindPages = kPages + sizeof firmware.fn[fn].page;
  const std::size_t pages =
      (objects_only ? firmware.fn[fn].page_count : std::size_t{VF_FW_PAGES}) * 8;
  hash = hash_bytes(f, kPages, hash);
  hash = hash_bytes(f + kPages, pages, hash);
  hash = hash_bytes(f + kBehindPages, sizeof(fw_function) - kBehindPages, hash);
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
