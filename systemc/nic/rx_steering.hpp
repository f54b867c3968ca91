// Which function and which receive queue a frame is for.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "systemc/nic/nic_core.hpp"
#include "systemc/nic/packet_view.hpp"

namespace vfsim::model {

/// Where a frame goes inside its function.
struct RxTarget {
  int rq = -1;                 // index; -1: none by rule
  std::uint32_t hash = 0;      // as reported in the CQE
  std::uint8_t hash_type = 0;  // CQE: 0x0c IP addresses, 0xc0 ports
};

/// MAC table of the port and the receive rules of each function.
///
/// Inside a function, flow entries that end in a TIR are matched against the outer headers; the
/// entry with the most mask bits wins, then the first. Without one, the first TIR is used. An
/// indirect TIR picks an entry of its table by hash (Toeplitz) over the fields it selects. Source:
/// the stock Ethernet driver's objects.
class RxSteering {
 public:
  explicit RxSteering(NicCore& core) : core_(core) {}

  /// The function's MAC list or promiscuous flag has changed.
  void update(std::uint32_t fn);
  /// Function that owns the unicast address, or -1; promiscuous ones get what nobody owns.
  [[nodiscard]] int owner(const std::uint8_t* mac) const;
  /// As owner(), without promiscuous functions.
  [[nodiscard]] int exact_owner(const std::uint8_t* mac) const;
  /// Whether the address is in the function's list.
  [[nodiscard]] bool lists(std::uint32_t fn, const std::uint8_t* mac) const;
  [[nodiscard]] RxTarget target(std::uint32_t fn, const std::uint8_t* frame,
                                const PacketView& view) const;

 private:
  struct Entry {
    std::uint64_t mac;
    std::uint8_t fn;
  };
  static std::uint64_t key(const std::uint8_t* mac);
  [[nodiscard]] const vf_tir* pick_tir(const vf_function& context, const std::uint8_t* frame,
                                       const PacketView& view) const;
  static RxTarget resolve(const vf_function& context, const vf_tir& tir, const std::uint8_t* frame,
                          const PacketView& view);

  NicCore& core_;
  std::vector<Entry> macs_;  // by address, then function
  std::array<bool, kNicFunctions> promiscuous_{};
};

}  // namespace vfsim::model
