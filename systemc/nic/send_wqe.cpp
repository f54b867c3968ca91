#include "systemc/nic/send_wqe.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/interface/layout.h"
#include "systemc/nic/packet_view.hpp"

namespace vfsim::model {

namespace {
constexpr std::uint32_t kUnit = 16;
constexpr std::uint32_t kInlineStart = 30;       // first inline header byte of the WQE
constexpr std::uint32_t kInlineInEth = 2;        // inline header bytes inside the Ethernet segment
constexpr std::uint32_t kInlineFlag = 1U << 31;  // data segment that carries its bytes itself
constexpr std::uint32_t kCeOnSuccess = 2;
constexpr std::uint8_t kTcpFin = 0x01, kTcpPsh = 0x08, kTcpCwr = 0x80;

bool take(SendWork& work, std::uint8_t* frame, const std::uint8_t* from, std::uint32_t bytes) {
  if (bytes > kMaxSendBytes - work.bytes) {
    work.syndrome = CqeSyndrome::local_length;
    return false;
  }
  std::memcpy(frame + work.bytes, from, bytes);
  work.bytes += bytes;
  return true;
}

/// Returns the size of the segment in bytes, 0 on error.
std::uint32_t decode_segment(const std::uint8_t* seg, std::uint32_t room, std::uint8_t* frame,
                             SendWork& work) {
  const std::uint32_t dword = vf_be32_load(seg);
  const std::uint32_t bytes = dword & ~kInlineFlag;
  if ((dword & kInlineFlag) != 0) {
    if (bytes > room - 4) {
      work.syndrome = CqeSyndrome::local_operation;
      return 0;
    }
    return take(work, frame, seg + 4, bytes) ? (bytes + 4 + kUnit - 1) / kUnit * kUnit : 0;
  }
  if (bytes > kMaxSendBytes - work.bytes) {
    work.syndrome = CqeSyndrome::local_length;
    return 0;
  }
  if (bytes != 0) {
    work.piece[work.pieces++] = {VF_GET(wqe_data, seg, addr),
                                 static_cast<std::uint32_t>(VF_GET(wqe_data, seg, lkey)), bytes,
                                 work.bytes};
    work.bytes += bytes;
  }
  return kUnit;
}

void decode_eth(const std::uint8_t* wqe, std::uint32_t bytes, std::uint8_t* frame, SendWork& work) {
  const std::uint8_t* eth = wqe + kUnit;
  work.l3_checksum = VF_GET(wqe_eth, eth, l3_csum) != 0;
  work.l4_checksum = VF_GET(wqe_eth, eth, l4_csum) != 0;
  work.mss = static_cast<std::uint16_t>(VF_GET(wqe_eth, eth, mss));
  work.header = static_cast<std::uint32_t>(VF_GET(wqe_eth, eth, inline_hdr_size));
  const std::uint32_t behind = work.header > kInlineInEth ? work.header - kInlineInEth : 0;
  std::uint32_t pos = 2 * kUnit + (behind + kUnit - 1) / kUnit * kUnit;
  if (pos > bytes) {
    work.syndrome = CqeSyndrome::local_operation;
    return;
  }
  take(work, frame, wqe + kInlineStart, work.header);
  while (pos < bytes) {
    const std::uint32_t used = decode_segment(wqe + pos, bytes - pos, frame, work);
    if (used == 0) {
      return;
    }
    pos += used;
  }
}

void patch_segment_headers(const SendWork& work, std::uint32_t index, bool last,
                           std::uint32_t length, std::uint8_t* out) {
  const PacketView view = parse_packet(out, length);
  std::uint8_t* ip = out + view.l3_offset;
  if (view.l3 == L3::ipv4) {
    be16_store(ip + 2, length - view.l3_offset);
    be16_store(ip + 4, be16_load(ip + 4) + index);
  } else if (view.l3 == L3::ipv6) {
    be16_store(ip + 4, length - view.l4_offset);
  }
  std::uint8_t* tcp = out + view.l4_offset;
  vf_be32_store(tcp + 4, vf_be32_load(tcp + 4) + index * work.mss);
  if (!last) {
    tcp[13] = static_cast<std::uint8_t>(tcp[13] & ~(kTcpFin | kTcpPsh));
  }
  if (index != 0) {
    tcp[13] = static_cast<std::uint8_t>(tcp[13] & ~kTcpCwr);
  }
}

// LSO needs a TCP header that ends where the inline header ends, and something to cut.
bool lso_possible(const SendWork& work, const std::uint8_t* frame) {
  if (work.mss == 0 || work.header < kEthHeader || work.bytes <= work.header) {
    return false;
  }
  const PacketView view = parse_packet(frame, work.header);
  return view.l4 == L4::tcp && view.payload_offset == work.header;
}
}  // namespace

void decode_send_wqe(const std::uint8_t* wqe, std::uint32_t units, std::uint8_t* frame,
                     SendWork& work) {
  work.opcode = static_cast<std::uint8_t>(VF_GET(wqe_ctrl, wqe, opcode));
  work.completion = (VF_GET(wqe_ctrl, wqe, ce) & kCeOnSuccess) != 0;
  work.solicited = VF_GET(wqe_ctrl, wqe, se) != 0;
  work.syndrome = CqeSyndrome::none;
  work.pieces = 0;
  work.bytes = 0;
  work.header = 0;
  work.mss = 0;
  if (work.opcode == VF_WQE_NOP) {
    return;
  }
  if ((work.opcode != VF_WQE_SEND && work.opcode != VF_WQE_LSO) || units < 2) {
    work.syndrome = CqeSyndrome::local_operation;
    return;
  }
  decode_eth(wqe, units * kUnit, frame, work);
  if (work.syndrome == CqeSyndrome::none && work.bytes < kEthHeader) {
    work.syndrome = CqeSyndrome::local_length;
  }
  if (work.syndrome == CqeSyndrome::none && work.opcode == VF_WQE_LSO &&
      !lso_possible(work, frame)) {
    work.syndrome = CqeSyndrome::local_operation;
  }
}

std::uint32_t frame_count(const SendWork& work) {
  if (work.opcode == VF_WQE_NOP || work.syndrome != CqeSyndrome::none) {
    return 0;
  }
  return work.opcode == VF_WQE_LSO ? (work.bytes - work.header + work.mss - 1) / work.mss : 1;
}

std::uint32_t build_frame(const SendWork& work, const std::uint8_t* frame, std::uint32_t index,
                          std::uint8_t* out) {
  std::uint32_t length = work.bytes;
  if (work.opcode == VF_WQE_LSO) {
    const std::uint32_t start = work.header + index * work.mss;
    const std::uint32_t payload = std::min<std::uint32_t>(work.mss, work.bytes - start);
    std::memcpy(out, frame, work.header);
    std::memcpy(out + work.header, frame + start, payload);
    length = work.header + payload;
    patch_segment_headers(work, index, start + payload == work.bytes, length, out);
  } else {
    std::memcpy(out, frame, length);
  }
  if (work.l3_checksum || work.l4_checksum) {
    const PacketView view = parse_packet(out, length);
    if (work.l3_checksum) {
      insert_l3_checksum(out, view);
    }
    if (work.l4_checksum) {
      insert_l4_checksum(out, view);
    }
  }
  return length;
}

}  // namespace vfsim::model
