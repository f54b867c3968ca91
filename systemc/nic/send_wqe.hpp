// Decoding of send work queue entries, and the frames they stand for.
#pragma once

#include <array>
#include <cstdint>

namespace vfsim::model {

inline constexpr std::uint32_t kSendBlock = 64;              // basic block of a send queue, bytes
inline constexpr std::uint32_t kMaxWqeBlocks = 16;           // 63 units of 16 bytes
inline constexpr std::uint32_t kMaxSendBytes = 65536 + 256;  // of one WQE: LSO payload and headers

/// Error codes of completion entries. Source: the stock Ethernet driver's data path.
enum class CqeSyndrome : std::uint8_t {
  none = 0,
  local_length = 0x01,
  local_operation = 0x02,
  local_protection = 0x04,
  flushed = 0x05,
};

/// One piece of payload in host memory.
struct GatherPiece {
  std::uint64_t addr = 0;
  std::uint32_t lkey = 0;
  std::uint32_t bytes = 0;
  std::uint32_t offset = 0;  // in the frame buffer
};

/// What a WQE asks for.
struct SendWork {
  std::uint8_t opcode = 0;
  std::uint8_t pieces = 0;
  bool completion = false;  // a CQE is wanted on success, too
  bool solicited = false;
  bool l3_checksum = false;
  bool l4_checksum = false;
  CqeSyndrome syndrome = CqeSyndrome::none;
  std::uint16_t mss = 0;     // LSO: payload of a segment
  std::uint32_t header = 0;  // inline header bytes
  std::uint32_t bytes = 0;   // whole frame buffer
  std::array<GatherPiece, 63> piece;
};

/// Decodes a WQE of `units` 16-byte units. Inline bytes go straight into `frame` (kMaxSendBytes);
/// what lies in host memory is listed. Anything malformed gives work.syndrome.
void decode_send_wqe(const std::uint8_t* wqe, std::uint32_t units, std::uint8_t* frame,
                     SendWork& work);

/// Frames that the gathered buffer makes: 1, or the segments of an LSO; 0 for a NOP.
[[nodiscard]] std::uint32_t frame_count(const SendWork& work);
/// Writes frame `index` with headers and checksums as wanted.
/// @param out  room for `header + max(mss, bytes)` bytes
/// @return its length, bytes
std::uint32_t build_frame(const SendWork& work, const std::uint8_t* frame, std::uint32_t index,
                          std::uint8_t* out);

}  // namespace vfsim::model
