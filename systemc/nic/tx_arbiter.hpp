// Which function's send queue is served next.
#pragma once

#include <cstdint>

#include "firmware/interface/layout.h"
#include "systemc/nic/in_turn.hpp"

namespace vfsim::model {

/// Round robin over the functions of a NIC.
class TxArbiter {
 public:
  virtual ~TxArbiter() = default;
  /// Function to serve next, or -1 if none requests.
  /// @param req  bit f of word f / 64: function f has work
  /// Order: the search starts behind the function of the last grant; after power-on at function 0.
  virtual int pick(const std::uint64_t req[2]) = 0;
};

/// The SystemC model's arbiter.
class RrArbiter final : public TxArbiter {
 public:
  int pick(const std::uint64_t req[2]) override {
    const int found = first_in_turn(req, first_);
    if (found >= 0) {
      first_ = (static_cast<std::uint32_t>(found) + 1) % VF_MAX_FUNCTIONS;
    }
    return found;
  }

 private:
  std::uint32_t first_ = 0;  // the search starts here
};

}  // namespace vfsim::model
