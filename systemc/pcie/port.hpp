// What a device sees of the PCIe fabric, and what the fabric needs of a device.
#pragma once

#include "systemc/common/calendar.hpp"
#include "systemc/pcie/tlp.hpp"

namespace vfsim::model {

/// Implemented by devices (NIC, peer device). Calls arrive in calendar time; payload pointers are
/// valid during the call only.
class PcieEndpoint {
 public:
  virtual ~PcieEndpoint() = default;
  /// mem_write, mem_read, cfg_read, cfg_write addressed to the device, or a completion of one of
  /// its reads. For mem_read, cfg_read, cfg_write the device answers with
  /// PciePort::send(completion), now or later.
  virtual void receive(const Tlp& tlp, const std::uint8_t* payload) = 0;
  /// A posted write of this device is globally visible at its target and its credits are back (one
  /// call per TLP, in the order in which they came to the root complex). `ok` is false when the host refused it (IOMMU fault, no
  /// target): no byte was changed.
  virtual void write_landed(const Tlp& tlp, bool ok) = 0;
  /// Credits of some class came back after can_send() had said no.
  virtual void credits_returned() = 0;
};

/// A device's link towards the switch. FIFO per direction; a class that lacks credits holds back
/// only itself (posted writes may pass stalled reads; nothing passes posted writes).
class PciePort {
 public:
  virtual ~PciePort() = default;
  /// Whether credits for one TLP of this kind and payload are there. False: credits_returned() will
  /// come.
  [[nodiscard]] virtual bool can_send(TlpKind kind, std::uint32_t payload_bytes) = 0;
  /// Puts the TLP on the link (serialisation from generation and width, then latency). Requires
  /// can_send(). Copies the payload. Effects at the target happen when the TLP arrives there.
  virtual void send(const Tlp& tlp, const std::uint8_t* payload) = 0;
  /// When the serialiser is free for the next TLP (now() or later): for pacing.
  [[nodiscard]] virtual Ps tx_free_at() const = 0;
};

}  // namespace vfsim::model
