#include "systemc/pcie/root_complex.hpp"

#include <algorithm>

namespace vfsim::model {

namespace {

constexpr std::uint64_t kMib = 1ULL << 20U;

std::uint32_t little_endian(const std::uint8_t* bytes, std::uint32_t count) {
  std::uint32_t value = 0;
  for (std::uint32_t i = 0; i < std::min<std::uint32_t>(count, 4); ++i) {
    value |= static_cast<std::uint32_t>(bytes[i]) << (8 * i);
  }
  return value;
}

bool in_msi_window(std::uint64_t addr) {
  return addr >= kMsiWindow && addr - kMsiWindow < kMsiWindowBytes;
}

}  // namespace

RootComplex::RootComplex(Calendar& calendar, ProbeBus& probes, const HostParams& params,
                         const PcieParams& pcie, std::uint8_t host)
    : calendar_(calendar),
      probes_(probes),
      host_(host),
      max_payload_(pcie.max_payload),
      read_boundary_(pcie.read_boundary),
      memory_(params.memory_mib * kMib),
      payloads_(std::max<std::size_t>(pcie.max_payload, 64)),
      interrupts_(calendar, params.irq_latency_ns * kNs),
      cpu_(calendar) {}

void RootComplex::add_link(PcieLink& link, Rid first, std::uint32_t count) {
  links_.resize(std::max<std::size_t>(links_.size(), static_cast<std::size_t>(first) + count));
  std::fill_n(links_.begin() + first, count, &link);
}

bool RootComplex::function_of(Rid rid, FnRef& who) const {
  if (rid < Host::kNicRid || link_of(rid) == nullptr || link_of(rid) != link_of(Host::kNicRid)) {
    return false;
  }
  who = {host_, static_cast<std::uint8_t>(rid - Host::kNicRid)};
  return true;
}

void RootComplex::arrived(PcieLink& link, Packet& packet) {
  switch (packet.tlp.kind) {
    case TlpKind::mem_write:
      write(link, packet);
      return;
    case TlpKind::mem_read:
      read(link, packet);
      return;
    case TlpKind::completion:
      completion(packet);
      return;
    case TlpKind::cfg_read:
    case TlpKind::cfg_write:
      break;  // PcieLink sends none up
  }
}

bool RootComplex::translate(Tlp& tlp, bool write) {
  const auto phys = iommu_.translate(tlp.requester, tlp.addr, tlp.bytes, write);
  if (!phys.has_value()) {
    probes_.emit<Probe::iommu_fault>(&Observer::iommu_fault, calendar_.now(), host_, tlp.requester,
                                     tlp.addr, write);
    return false;
  }
  tlp.phys = *phys;
  return true;
}

PcieLink* RootComplex::peer(Packet& packet) {
  const Window* window = windows_.find(packet.tlp.phys, packet.tlp.bytes);
  PcieLink* target = window == nullptr ? nullptr : link_of(window->rid);
  if (target != nullptr) {
    packet.tlp.completer = window->rid;
    packet.local_addr = window->bar_offset + (packet.tlp.phys - window->phys);
  }
  return target;
}

void RootComplex::finish_write(PcieLink& link, const Packet& packet, bool ok) {
  probes_.emit<Probe::tlp_landed>(&Observer::tlp_landed, calendar_.now(), host_, packet.tlp,
                                  payloads_.data(packet.slot), ok);
  payloads_.release(packet.slot);
  link.landed(packet.tlp, ok);
}

void RootComplex::write(PcieLink& link, Packet& packet) {
  Tlp& tlp = packet.tlp;
  if (in_msi_window(tlp.addr)) {
    interrupt(link, packet);
    return;
  }
  if (!write_drops_.empty() && dropped(write_drops_, tlp.requester)) {
    payloads_.release(packet.slot);
    link.landed(tlp, true);
    return;
  }
  bool ok = translate(tlp, true);
  if (ok && !memory_.write(tlp.phys, payloads_.data(packet.slot), tlp.bytes)) {
    if (PcieLink* target = peer(packet)) {
      packet.origin = &link;
      packet.sequence = link.landing_later(tlp);
      target->request_down(packet);
      return;
    }
    ok = false;
  }
  finish_write(link, packet, ok);
}

void RootComplex::interrupt(PcieLink& link, const Packet& packet) {
  const Tlp& tlp = packet.tlp;
  const std::uint32_t data = little_endian(payloads_.data(packet.slot), tlp.bytes);
  const bool ok = interrupts_.deliver(tlp.requester, data);
  finish_write(link, packet, ok);
  FnRef who;
  if (function_of(tlp.requester, who)) {
    probes_.emit<Probe::msi>(&Observer::msi, calendar_.now(), who, data,
                             ok ? MsiAction::delivered : MsiAction::refused);
  }
}

void RootComplex::read(PcieLink& link, Packet& packet) {
  Tlp& tlp = packet.tlp;
  link.return_nonposted();
  if (!drops_.empty() && dropped(drops_, tlp.requester)) {
    return;
  }
  const bool mapped = translate(tlp, false);
  if (mapped && memory_.view(tlp.phys, tlp.bytes) != nullptr) {
    probes_.emit<Probe::tlp_landed>(&Observer::tlp_landed, calendar_.now(), host_, tlp, nullptr,
                                    true);
    read_memory(link, tlp);
    return;
  }
  if (PcieLink* target = mapped ? peer(packet) : nullptr) {
    target->request_down(packet);
    return;
  }
  probes_.emit<Probe::tlp_landed>(&Observer::tlp_landed, calendar_.now(), host_, tlp, nullptr,
                                  false);
  refuse_read(link, tlp);
}

void RootComplex::read_memory(PcieLink& link, const Tlp& request) {
  CompletionPart part;
  std::uint32_t done = 0;
  do {
    const std::uint64_t phys = request.phys + done;
    // A completion may end early only at a read completion boundary of the address.
    const auto room = static_cast<std::uint32_t>(max_payload_ - phys % read_boundary_);
    part.offset = done;
    part.bytes = std::min(request.bytes - done, room);
    done += part.bytes;
    part.last = done == request.bytes;
    if (part.bytes != 0) {
      part.slot = payloads_.take();
      memory_.read(phys, payloads_.data(part.slot), part.bytes);
    }
    link.answer_down(request, part);
  } while (done < request.bytes);
}

void RootComplex::refuse_read(PcieLink& link, const Tlp& request) {
  CompletionPart refusal;
  refusal.status = CplStatus::unsupported_request;
  link.answer_down(request, refusal);
}

void RootComplex::completion(const Packet& packet) {
  const Tlp& tlp = packet.tlp;
  if (tlp.requester == kCpuRid) {
    cpu_.complete(tlp, payloads_.data(packet.slot));
  } else if (PcieLink* link = link_of(tlp.requester)) {
    link->completion_down(packet);  // takes the payload along
    return;
  }
  payloads_.release(packet.slot);
}

bool RootComplex::dropped(std::vector<Rid>& drops, Rid requester) {
  const auto drop = std::find(drops.begin(), drops.end(), requester);
  if (drop == drops.end()) {
    return false;
  }
  drops.erase(drop);
  return true;
}

}  // namespace vfsim::model
