// Transaction layer packets as the models exchange them.
#pragma once

#include <cstdint>

namespace vfsim::model {

/// Requester / completer id: bus 15:8, device and function 7:0.
using Rid = std::uint16_t;
/// The CPU, seen as a requester. No device has it.
inline constexpr Rid kCpuRid = 0;

enum class TlpKind : std::uint8_t {
  mem_write,   // posted
  mem_read,    // non-posted
  completion,  // of a mem_read (data) or cfg access
  cfg_read,    // non-posted, routed by id
  cfg_write,   // non-posted, routed by id
};

enum class CplStatus : std::uint8_t { successful, unsupported_request, completer_abort };

/// Fixed header of a TLP. The payload travels beside it.
struct Tlp {
  TlpKind kind = TlpKind::mem_write;
  CplStatus status = CplStatus::successful;  // completion
  bool relaxed = false;                      // relaxed ordering attribute
  bool last = false;                         // completion: no more completions for this tag
  bool interrupt = false;                    // mem_write to the interrupt window (MSI / MSI-X)
  Rid requester = 0;
  Rid completer = 0;         // cfg: target; completion: sender
  std::uint16_t tag = 0;     // non-posted and completion
  std::uint32_t bytes = 0;   // mem_write, completion: payload; mem_read: bytes asked for
  std::uint32_t offset = 0;  // completion: position of its payload in the read
  std::uint64_t addr = 0;    // bus address as the requester sees it (IOVA); cfg: register
  std::uint64_t phys = 0;    // filled by the root complex after translation
  std::uint32_t cookie = 0;  // sender's own; given back when a posted write has landed
};

/// Memory writes to this window are interrupts (x86 MSI address range).
inline constexpr std::uint64_t kMsiWindow = 0xfee00000;
inline constexpr std::uint64_t kMsiWindowBytes = 0x00100000;
/// Header, framing, sequence number and LCRC of a TLP on the link, bytes (4 DW header).
inline constexpr std::uint32_t kTlpOverhead = 24;

}  // namespace vfsim::model
