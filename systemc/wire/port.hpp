// The Ethernet wire between NICs and traffic peer.
#pragma once

#include <cstdint>

#include "systemc/common/calendar.hpp"

namespace vfsim::model {

/// Why a frame that reached a NIC was not taken.
enum class FrameDrop : std::uint8_t {
  none,
  no_owner,
  suspended,
  no_buffer,
  not_ready,
  too_long,
  link_down
};

/// Implemented by what hangs on the wire (NIC port, traffic peer).
class WireEndpoint {
 public:
  virtual ~WireEndpoint() = default;
  /// A whole frame (without FCS) has arrived. Returns none when the endpoint takes responsibility
  /// for it, otherwise why not. Bytes are valid during the call only.
  virtual FrameDrop frame_arrived(const std::uint8_t* bytes, std::uint32_t length) = 0;
  /// Whether the endpoint would own a frame to this destination MAC (exact match, ready to receive
  /// it).
  [[nodiscard]] virtual bool owns_mac(const std::uint8_t* mac) const = 0;
};

/// Told to a sender what became of each of its frames (traffic peers send again what was dropped).
class FrameFate {
 public:
  virtual ~FrameFate() = default;
  /// The frame reached nobody. Bytes are valid during the call only; the call may send.
  virtual void dropped(const std::uint8_t* bytes, std::uint32_t length) = 0;
  /// An endpoint took the frame. The same holds.
  virtual void taken(const std::uint8_t* bytes, std::uint32_t length) = 0;
  /// False: who only counts what was dropped.
  [[nodiscard]] virtual bool sends_again() const { return true; }
};

/// The sending side given to an endpoint.
class WirePort {
 public:
  virtual ~WirePort() = default;
  /// Sends one frame; it leaves when the line is free. Copies the bytes.
  virtual void send(const std::uint8_t* bytes, std::uint32_t length) = 0;
  /// When the line is free for the next frame (now() or later).
  [[nodiscard]] virtual Ps tx_free_at() const = 0;
};

}  // namespace vfsim::model
