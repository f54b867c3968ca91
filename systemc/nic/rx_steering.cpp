#include "systemc/nic/rx_steering.hpp"

#include <algorithm>
#include <cstring>

namespace vfsim::model {

namespace {
constexpr std::uint8_t kHashToeplitz = 2;
// Field selector of a TIR.
constexpr std::uint32_t kSelectSrcIp = 1, kSelectDstIp = 2, kSelectSrcPort = 4, kSelectDstPort = 8;
constexpr std::uint8_t kHashTypeIp = 0x0c, kHashTypePorts = 0xc0;
using Match = std::array<std::uint8_t, 64>;

Match match_value(const std::uint8_t* frame, const PacketView& view) {
  Match m{};
  std::memcpy(VF_PTR(match_l2_l4, m.data(), smac_47_16), frame + kMacBytes, kMacBytes);
  std::memcpy(VF_PTR(match_l2_l4, m.data(), dmac_47_16), frame, kMacBytes);
  VF_SET(match_l2_l4, m.data(), ethertype, view.ethertype);
  VF_SET(match_l2_l4, m.data(), first_vid, view.vlan_tag & 0xfff);
  VF_SET(match_l2_l4, m.data(), cvlan_tag, view.vlan);
  VF_SET(match_l2_l4, m.data(), ip_protocol, view.protocol);
  VF_SET(match_l2_l4, m.data(), frag, view.fragment);
  VF_SET(match_l2_l4, m.data(), ip_version, view.l3 == L3::ipv4 ? 4 : view.l3 == L3::ipv6 ? 6 : 0);
  if (view.l4 != L4::other) {
    const std::uint8_t* ports = frame + view.l4_offset;
    std::memcpy(m.data() + (view.l4 == L4::tcp ? VF_OFF(match_l2_l4, tcp_sport)
                                               : VF_OFF(match_l2_l4, udp_sport)) /
                               8,
                ports, 4);
  }
  return m;
}

/// Number of mask bits, or -1 if the frame does not match.
int matches(const Match& frame, const std::uint8_t* value, const std::uint8_t* mask) {
  int bits = 0;
  for (std::size_t i = 0; i < frame.size(); i += 8) {
    std::uint64_t f;
    std::uint64_t v;
    std::uint64_t m;
    std::memcpy(&f, frame.data() + i, 8);
    std::memcpy(&v, value + i, 8);
    std::memcpy(&m, mask + i, 8);
    if (((f ^ v) & m) != 0) {
      return -1;
    }
    bits += __builtin_popcountll(m);
  }
  return bits;
}

std::uint32_t toeplitz(const vf_tir& tir, const std::uint8_t* input, std::uint32_t bytes) {
  std::uint32_t hash = 0;
  std::uint32_t window = tir.toeplitz[0];
  for (std::uint32_t bit = 0; bit < bytes * 8; ++bit) {
    hash ^= (input[bit / 8] >> (7 - bit % 8) & 1U) != 0 ? window : 0;
    const std::uint32_t next = bit + 32;
    window = window << 1 | (tir.toeplitz[next / 32 % 10] >> (31 - next % 32) & 1U);
  }
  return hash;
}

struct HashInput {
  std::array<std::uint8_t, 36> bytes;
  std::uint32_t count = 0;
  void add(const std::uint8_t* from, std::uint32_t n) {
    std::memcpy(bytes.data() + count, from, n);
    count += n;
  }
};

void hash_frame(const vf_tir& tir, const std::uint8_t* frame, const PacketView& view,
                RxTarget& target) {
  if (tir.hash_fn != kHashToeplitz || view.l3 == L3::other) {
    return;
  }
  const std::uint32_t width = view.l3 == L3::ipv4 ? 4 : 16;
  const std::uint8_t* addresses = frame + view.l3_offset + (view.l3 == L3::ipv4 ? 12 : 8);
  HashInput input;
  if ((tir.hash_fields & kSelectSrcIp) != 0) {
    input.add(addresses, width);
  }
  if ((tir.hash_fields & kSelectDstIp) != 0) {
    input.add(addresses + width, width);
  }
  target.hash_type = input.count != 0 ? kHashTypeIp : 0;
  if (view.l4 != L4::other && (tir.hash_fields & (kSelectSrcPort | kSelectDstPort)) != 0) {
    target.hash_type |= kHashTypePorts;
    if ((tir.hash_fields & kSelectSrcPort) != 0) {
      input.add(frame + view.l4_offset, 2);
    }
    if ((tir.hash_fields & kSelectDstPort) != 0) {
      input.add(frame + view.l4_offset + 2, 2);
    }
  }
  target.hash = toeplitz(tir, input.bytes.data(), input.count);
}

int rq_index(const vf_function& context, std::uint32_t number) {
  const std::uint32_t index = number - VF_RQ_BASE;
  const bool ready =
      index < VF_RQ_COUNT && context.rq[index].valid != 0 && context.rq[index].state == VF_WQ_RDY;
  return ready ? static_cast<int>(index) : -1;
}
}  // namespace

std::uint64_t RxSteering::key(const std::uint8_t* mac) {
  return static_cast<std::uint64_t>(be16_load(mac)) << 32 | vf_be32_load(mac + 2);
}

void RxSteering::update(std::uint32_t fn) {
  const vf_function& context = core_.context(fn);
  const auto gone = [fn](const Entry& e) { return e.fn == fn; };
  macs_.erase(std::remove_if(macs_.begin(), macs_.end(), gone), macs_.end());
  for (std::uint32_t i = 0; i < context.mac_count && i < VF_UC_MACS; ++i) {
    macs_.push_back({key(context.mac[i]), static_cast<std::uint8_t>(fn)});
  }
  std::sort(macs_.begin(), macs_.end(), [](const Entry& a, const Entry& b) {
    return a.mac != b.mac ? a.mac < b.mac : a.fn < b.fn;
  });
  promiscuous_[fn] = context.promiscuous != 0;
}

// The same address may be in several lists (a function that is prepared to take over): one that is
// able wins.
int RxSteering::exact_owner(const std::uint8_t* mac) const {
  const std::uint64_t wanted = key(mac);
  auto at = std::lower_bound(macs_.begin(), macs_.end(), wanted,
                             [](const Entry& e, std::uint64_t value) { return e.mac < value; });
  int found = -1;
  for (; at != macs_.end() && at->mac == wanted; ++at) {
    const bool there = core_.run[at->fn].present && core_.ram->fn[at->fn].enabled != 0;
    if (there && (found < 0 || (core_.may_start(at->fn) &&
                                !core_.may_start(static_cast<std::uint32_t>(found))))) {
      found = at->fn;
    }
  }
  return found;
}

int RxSteering::owner(const std::uint8_t* mac) const {
  const int exact = exact_owner(mac);
  for (std::uint32_t fn = 0; exact < 0 && fn < core_.functions(); ++fn) {
    if (promiscuous_[fn] && core_.may_start(fn) && core_.ram->fn[fn].enabled != 0) {
      return static_cast<int>(fn);
    }
  }
  return exact;
}

bool RxSteering::lists(std::uint32_t fn, const std::uint8_t* mac) const {
  return std::any_of(macs_.begin(), macs_.end(), [fn, wanted = key(mac)](const Entry& e) {
    return e.mac == wanted && e.fn == fn;
  });
}

const vf_tir* RxSteering::pick_tir(const vf_function& context, const std::uint8_t* frame,
                                   const PacketView& view) const {
  const Match value = match_value(frame, view);
  const vf_tir* best = nullptr;
  int best_bits = -1;
  for (const vf_flow_entry& entry : context.fte) {
    if (entry.valid == 0 || entry.dest_type != VF_FLOW_DEST_TIR) {
      continue;
    }
    const std::uint32_t group = entry.group - VF_FG_BASE;
    const std::uint32_t tir = entry.dest_id - VF_TIR_BASE;
    if (group >= VF_FG_COUNT || tir >= VF_TIR_COUNT || context.tir[tir].valid == 0) {
      continue;
    }
    const int bits = matches(value, entry.value, context.fg[group].mask);
    if (bits > best_bits) {
      best_bits = bits;
      best = &context.tir[tir];
    }
  }
  for (std::uint32_t i = 0; best == nullptr && i < VF_TIR_COUNT; ++i) {
    best = context.tir[i].valid != 0 ? &context.tir[i] : nullptr;
  }
  return best;
}

RxTarget RxSteering::resolve(const vf_function& context, const vf_tir& tir,
                             const std::uint8_t* frame, const PacketView& view) {
  RxTarget target;
  if (tir.disp_type == VF_TIR_DISP_DIRECT) {
    target.rq = rq_index(context, tir.inline_rqn);
    return target;
  }
  const std::uint32_t table = tir.rqtn - VF_RQT_BASE;
  if (table >= VF_RQT_COUNT || context.rqt[table].valid == 0) {
    return target;
  }
  const vf_rqt& rqt = context.rqt[table];
  const std::uint32_t entries = std::min<std::uint32_t>(rqt.actual, VF_RQT_ENTRIES);
  if (entries != 0) {
    hash_frame(tir, frame, view, target);
    target.rq = rq_index(context, rqt.rqn[target.hash % entries]);
  }
  return target;
}

RxTarget RxSteering::target(std::uint32_t fn, const std::uint8_t* frame,
                            const PacketView& view) const {
  const vf_function& context = core_.ram->fn[fn];
  const vf_tir* tir = pick_tir(context, frame, view);
  return tir == nullptr ? RxTarget{} : resolve(context, *tir, frame, view);
}

}  // namespace vfsim::model
