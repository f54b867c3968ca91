#include "systemc/pcie/peer_device.hpp"

#include <algorithm>

#include "systemc/pcie/completer.hpp"

namespace vfsim::model {

namespace {

ConfigIdentity peer_identity(const PcieParams& pcie) {
  ConfigIdentity id;
  id.vendor = VF_PCI_VENDOR;
  id.device = VF_PCI_DEVICE_PEER;
  id.class_code = 0x058000;  // memory controller, other
  id.bar0_bytes = VF_PEER_BAR_BYTES;
  id.max_payload = pcie.max_payload;
  id.link_generation = pcie.generation;
  id.link_lanes = pcie.lanes;
  return id;
}

std::uint32_t load_le32(const std::uint8_t* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8U |
         static_cast<std::uint32_t>(bytes[2]) << 16U | static_cast<std::uint32_t>(bytes[3]) << 24U;
}

bool in_memory(std::uint64_t offset) {
  return offset >= VF_PEER_MEM && offset - VF_PEER_MEM < VF_PEER_MEM_BYTES;
}

}  // namespace

PeerDevice::PeerDevice(Calendar& calendar, const PcieParams& pcie, Rid rid)
    : calendar_(calendar),
      max_payload_(pcie.max_payload),
      rid_(rid),
      config_(peer_identity(pcie), *this),
      memory_(VF_PEER_MEM_BYTES) {
  answer_.reserve(pcie.max_read_request);
}

void PeerDevice::receive(const Tlp& tlp, const std::uint8_t* payload) {
  switch (tlp.kind) {
    case TlpKind::mem_write:
      write(tlp, payload);
      return;
    case TlpKind::mem_read:
      read(tlp);
      return;
    case TlpKind::cfg_read: {
      std::array<std::uint8_t, 4> bytes{};
      const std::uint32_t value = config_.read(static_cast<std::uint32_t>(tlp.addr), tlp.bytes);
      for (std::uint32_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::uint8_t>(value >> (8 * i));
      }
      port_->send(completion_of(tlp, CplStatus::successful, std::min<std::uint32_t>(tlp.bytes, 4)),
                  bytes.data());
      return;
    }
    case TlpKind::cfg_write: {
      std::array<std::uint8_t, 4> bytes{};
      std::copy_n(payload, std::min<std::uint32_t>(tlp.bytes, 4), bytes.begin());
      config_.write(static_cast<std::uint32_t>(tlp.addr), load_le32(bytes.data()), tlp.bytes);
      complete_empty(*port_, tlp, CplStatus::successful);
      return;
    }
    case TlpKind::completion:
      return;  // it never reads
  }
}

void PeerDevice::flr_requested() {
  config_.reset();
  registers_.fill(0);
  std::fill(memory_.begin(), memory_.end(), std::uint8_t{0});
  calendar_.disarm(timer_);
}

bool PeerDevice::hidden(std::uint64_t offset) const {
  const std::uint64_t word = offset / 4 * 4;
  return (reg(VF_PEER_REG_CTRL) & kStopResponder) != 0 && word != VF_PEER_REG_CTRL &&
         word != VF_PEER_REG_STATUS;
}

void PeerDevice::write(const Tlp& tlp, const std::uint8_t* payload) {
  counters_.p2p_writes += tlp.requester == kCpuRid ? 0 : 1;
  if (hidden(tlp.addr)) {
    ++counters_.stopped_writes;
    return;
  }
  if (in_memory(tlp.addr)) {
    const std::uint64_t begin = tlp.addr - VF_PEER_MEM;
    std::copy_n(payload, std::min<std::uint64_t>(tlp.bytes, memory_.size() - begin),
                memory_.begin() + static_cast<std::ptrdiff_t>(begin));
    return;
  }
  if (tlp.addr % 4 == 0) {
    for (std::uint32_t i = 0; i + 4 <= tlp.bytes; i += 4) {
      write_register(tlp.addr + i, load_le32(payload + i));
    }
  }
}

void PeerDevice::write_register(std::uint64_t offset, std::uint32_t value) {
  if (offset / 4 >= registers_.size() || offset == VF_PEER_REG_STATUS) {
    return;
  }
  registers_[offset / 4] = value;
  schedule();
}

std::uint8_t PeerDevice::byte_at(std::uint64_t offset) const {
  if (hidden(offset)) {
    return 0;
  }
  if (in_memory(offset)) {
    return memory_[offset - VF_PEER_MEM];
  }
  if (offset / 4 >= registers_.size()) {
    return 0;
  }
  const std::uint32_t word =
      offset / 4 * 4 == VF_PEER_REG_STATUS ? (in_flight_ == 0 ? 1 : 0) : registers_[offset / 4];
  return static_cast<std::uint8_t>(word >> (8 * (offset % 4)));
}

void PeerDevice::read(const Tlp& tlp) {
  counters_.p2p_reads += tlp.requester == kCpuRid ? 0 : 1;
  counters_.stopped_reads += hidden(tlp.addr) ? 1 : 0;
  answer_.resize(std::max<std::uint32_t>(tlp.bytes, 1));
  for (std::uint32_t i = 0; i < tlp.bytes; ++i) {
    answer_[i] = byte_at(tlp.addr + i);
  }
  complete_read(*port_, tlp, answer_.data(), max_payload_);
}

void PeerDevice::schedule() {
  const bool wanted =
      (reg(VF_PEER_REG_CTRL) & (kRun | kStopInitiator)) == kRun && reg(VF_PEER_REG_DB_COUNT) != 0;
  if (!wanted) {
    calendar_.disarm(timer_);
  } else if (!timer_.armed()) {
    const Ps period = std::max<Ps>(reg(VF_PEER_REG_DB_PERIOD_NS), 1) * kNs;
    calendar_.arm(timer_, calendar_.now() + period);
  }
}

void PeerDevice::ring() {
  std::array<std::uint8_t, 8> doorbell{};
  if (!port_->can_send(TlpKind::mem_write, doorbell.size())) {
    return;  // credits_returned() goes on
  }
  Tlp tlp;
  tlp.requester = rid_;
  tlp.bytes = doorbell.size();
  tlp.addr =
      static_cast<std::uint64_t>(reg(VF_PEER_REG_DB_ADDR_HI)) << 32U | reg(VF_PEER_REG_DB_ADDR_LO);
  vf_be32_store(doorbell.data(), reg(VF_PEER_REG_DB_VALUE_HI));
  vf_be32_store(doorbell.data() + 4, reg(VF_PEER_REG_DB_VALUE_LO));
  port_->send(tlp, doorbell.data());
  ++in_flight_;
  ++counters_.doorbells;
  registers_[VF_PEER_REG_DB_VALUE_HI / 4] += reg(VF_PEER_REG_DB_STEP);
  --registers_[VF_PEER_REG_DB_COUNT / 4];
  schedule();
}

void PeerDevice::write_landed(const Tlp& tlp, bool ok) {
  (void)tlp;
  --in_flight_;
  counters_.refused += ok ? 0 : 1;
}

void PeerDevice::credits_returned() {
  schedule();
}

}  // namespace vfsim::model
