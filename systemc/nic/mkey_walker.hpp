// Address translation of the NIC: memory keys to bus addresses.
#pragma once

#include <cstdint>

#include "firmware/interface/layout.h"

namespace vfsim::model {

inline constexpr std::uint32_t kAnyPd = ~0U;
inline constexpr std::uint64_t kWholeRun = ~0ULL;

/// One translation. The first one of a transfer checks the whole range; the next ones (resume) only
/// that the key is still the same, and find the page of `addr`.
struct WalkRequest {
  std::uint64_t addr = 0;  // in the key
  std::uint32_t mkey = 0;  // number and key byte
  std::uint32_t pd = kAnyPd;
  std::uint32_t bytes = 0;
  std::uint16_t gen = 0;  // resume: of the key when the transfer started
  std::uint8_t fn = 0;    // only its own keys count
  bool write = false;
  bool resume = false;
};

struct WalkAnswer {
  std::uint64_t addr = 0;  // bus address of the first byte
  std::uint64_t run =
      0;  // contiguous bytes from there on; kWholeRun: all. 0 bytes may have no page
  std::uint8_t result = VF_WALK_OK;  // VF_WALK_*; all else is 0 unless OK
  std::uint16_t gen = 0;
  bool relaxed = false;  // the key allows relaxed ordering in this direction
};

class WalkClient {
 public:
  virtual ~WalkClient() = default;
  virtual void walked(std::uint32_t cookie, const WalkAnswer& answer) = 0;
};

/// Checks and walks memory keys. A key is usable by its own function only, with its key byte,
/// inside its protection domain, bounds and rights.
///
/// An answer comes in the call or some time later; each request is answered once, in the order of
/// requests. No answer rests on what context memory held before a change that was announced.
/// Source: mlx5 device interface section 4.4; docs/decisions/0010.
class MkeyWalker {
 public:
  virtual ~MkeyWalker() = default;
  /// Before the first walk(); outlives them.
  virtual void set_client(WalkClient& client) = 0;
  /// @return true: `answer` is the answer. False: walked(cookie, ...) comes later
  [[nodiscard]] virtual bool walk(const WalkRequest& request, std::uint32_t cookie,
                                  WalkAnswer& answer) = 0;
  /// Firmware has created, changed or destroyed keys of the function.
  /// @param first  index in vf_function::mkey
  virtual void keys_changed(std::uint32_t fn, std::uint32_t first, std::uint32_t count) = 0;
  /// Firmware has overwritten translation entries.
  /// @param first  index in vf_context_ram::mtt
  virtual void entries_changed(std::uint32_t first, std::uint32_t count) = 0;
};

}  // namespace vfsim::model
