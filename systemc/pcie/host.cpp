#include "systemc/pcie/host.hpp"

#include <array>
#include <utility>
#include <vector>

#include "systemc/pcie/root_complex.hpp"

namespace vfsim::model {

namespace {

constexpr std::uint64_t ones(std::uint32_t bytes) {
  return bytes >= 8 ? ~0ULL : (1ULL << 8 * bytes) - 1;
}

}  // namespace

class Host::Impl {
 public:
  Impl(Calendar& calendar, ProbeBus& probes, const HostParams& params, const PcieParams& pcie,
       std::uint8_t index, std::uint64_t seed)
      : calendar_(calendar),
        probes_(probes),
        pcie_(pcie),
        host_(index),
        seed_(seed),
        root_(calendar, probes, params, pcie, index) {}

  PciePort& attach(PcieEndpoint& device, Rid first, std::uint32_t count) {
    links_.push_back(std::make_unique<PcieLink>(calendar_, probes_, pcie_, root_.payloads(), device,
                                                root_, host_, seed_));
    root_.add_link(*links_.back(), first, count);
    return *links_.back();
  }

  void cpu_write(std::uint64_t phys, std::uint64_t value, std::uint32_t bytes) {
    const std::array<std::uint8_t, 8> payload = little_endian(value);
    if (root_.memory().write(phys, payload.data(), bytes)) {
      return;
    }
    Packet packet;
    PcieLink* link = window_packet(packet, TlpKind::mem_write, phys, bytes);
    if (link == nullptr) {
      return;
    }
    attach_payload(packet, payload);
    observe(packet, packet.local_addr, {CplStatus::successful, value});
    link->request_down(packet);
  }

  CpuRead cpu_read(std::uint64_t phys, std::uint32_t bytes) {
    std::array<std::uint8_t, 8> memory{};
    if (root_.memory().read(phys, memory.data(), bytes)) {
      return {CplStatus::successful, from_little_endian(memory)};
    }
    Packet packet;
    PcieLink* link = window_packet(packet, TlpKind::mem_read, phys, bytes);
    if (link == nullptr) {
      return {CplStatus::unsupported_request, ones(bytes)};
    }
    return request(*link, packet, packet.local_addr);
  }

  CpuRead config(Rid rid, TlpKind kind, std::uint32_t reg, std::uint32_t value,
                 std::uint32_t bytes) {
    PcieLink* link = root_.link_of(rid);
    if (link == nullptr) {
      return {CplStatus::unsupported_request, ones(bytes)};
    }
    Packet packet;
    packet.tlp.kind = kind;
    packet.tlp.completer = rid;
    packet.tlp.bytes = bytes;
    packet.tlp.addr = reg;
    if (kind == TlpKind::cfg_write) {
      attach_payload(packet, little_endian(value));
      observe(packet, reg, {CplStatus::successful, value});
    }
    return request(*link, packet, reg);
  }

  RootComplex& root() { return root_; }

 private:
  static std::array<std::uint8_t, 8> little_endian(std::uint64_t value) {
    std::array<std::uint8_t, 8> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
    return bytes;
  }

  static std::uint64_t from_little_endian(const std::array<std::uint8_t, 8>& bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      value |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
    }
    return value;
  }

  /// Addresses the packet to the device window at `phys`; nullptr when there is none.
  PcieLink* window_packet(Packet& packet, TlpKind kind, std::uint64_t phys, std::uint32_t bytes) {
    const Window* window = root_.windows().find(phys, bytes);
    if (window == nullptr) {
      return nullptr;
    }
    packet.tlp.kind = kind;
    packet.tlp.completer = window->rid;
    packet.tlp.bytes = bytes;
    packet.tlp.addr = phys;
    packet.tlp.phys = phys;
    packet.local_addr = window->bar_offset + (phys - window->phys);
    return root_.link_of(window->rid);
  }

  void attach_payload(Packet& packet, const std::array<std::uint8_t, 8>& bytes) {
    packet.slot = root_.payloads().take();
    std::copy(bytes.begin(), bytes.end(), root_.payloads().data(packet.slot));
  }

  /// Sends a non-posted request and blocks for its answer. Writes were observed when they were
  /// issued.
  CpuRead request(PcieLink& link, Packet& packet, std::uint64_t offset) {
    packet.tlp.tag = root_.cpu().open();
    link.request_down(packet);
    CpuRead result = root_.cpu().wait(packet.tlp.tag);
    result.value &= ones(packet.tlp.bytes);
    if (packet.tlp.kind != TlpKind::cfg_write) {
      observe(packet, offset, result);
    }
    return result;
  }

  void observe(const Packet& packet, std::uint64_t offset, const CpuRead& result) {
    AccessView view;
    if (!root_.function_of(packet.tlp.completer, view.who)) {
      return;
    }
    view.write = packet.tlp.kind == TlpKind::mem_write || packet.tlp.kind == TlpKind::cfg_write;
    view.config = packet.tlp.kind == TlpKind::cfg_read || packet.tlp.kind == TlpKind::cfg_write;
    view.bytes = static_cast<std::uint8_t>(packet.tlp.bytes);
    view.status = result.status;
    view.offset = offset;
    view.value = result.value;
    probes_.emit<Probe::access>(&Observer::access, calendar_.now(), view);
  }

  Calendar& calendar_;
  ProbeBus& probes_;
  const PcieParams pcie_;
  const std::uint8_t host_;
  const std::uint64_t seed_;
  RootComplex root_;
  std::vector<std::unique_ptr<PcieLink>> links_;
};

Host::Host(Calendar& calendar, ProbeBus& probes, const HostParams& params, const PcieParams& pcie,
           std::uint8_t index, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(calendar, probes, params, pcie, index, seed)) {}
Host::~Host() = default;

PciePort& Host::attach(PcieEndpoint& device, Rid first, std::uint32_t count) {
  return impl_->attach(device, first, count);
}

bool Host::map_window(std::uint64_t phys, std::uint64_t bytes, Rid rid, std::uint64_t bar_offset) {
  return impl_->root().windows().add({phys, bytes, rid, bar_offset});
}

void Host::unmap_window(std::uint64_t phys) {
  impl_->root().windows().remove(phys);
}
HostMemory& Host::memory() {
  return impl_->root().memory();
}
Iommu& Host::iommu() {
  return impl_->root().iommu();
}

void Host::cpu_write(std::uint64_t phys, std::uint64_t value, std::uint32_t bytes) {
  impl_->cpu_write(phys, value, bytes);
}

CpuRead Host::cpu_read(std::uint64_t phys, std::uint32_t bytes) {
  return impl_->cpu_read(phys, bytes);
}

CpuRead Host::config_read(Rid rid, std::uint32_t reg, std::uint32_t bytes) {
  return impl_->config(rid, TlpKind::cfg_read, reg, 0, bytes);
}

CplStatus Host::config_write(Rid rid, std::uint32_t reg, std::uint32_t value, std::uint32_t bytes) {
  return impl_->config(rid, TlpKind::cfg_write, reg, value, bytes).status;
}

void Host::route_interrupt(Rid rid, std::uint32_t data, std::function<void()> handler) {
  impl_->root().interrupts().add(rid, data, std::move(handler));
}

void Host::unroute_interrupts(Rid rid) {
  impl_->root().interrupts().remove_all(rid);
}

void Host::stall_link(Rid device, Ps duration) {
  if (PcieLink* link = impl_->root().link_of(device)) {
    link->stall(duration);
  }
}

void Host::drop_next_completion(Rid requester) {
  impl_->root().drop_next_completion(requester);
}

void Host::drop_next_write(Rid requester) {
  impl_->root().drop_next_write(requester);
}

}  // namespace vfsim::model
