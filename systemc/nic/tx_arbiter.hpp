// Which function's send queue is served next.
#pragma once

#include <cstdint>

#include "firmware/interface/layout.h"

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
    const int from = (last_ + 1) % VF_MAX_FUNCTIONS;
    int found = first_at_or_after(req, from);
    if (found < 0) {
      found = first_at_or_after(req, 0);
    }
    last_ = found < 0 ? last_ : found;
    return found;
  }

 private:
  static int first_at_or_after(const std::uint64_t req[2], int from) {
    for (int word = from / 64; word < 2; ++word) {
      const std::uint64_t above =
          word == from / 64 ? req[word] >> (from % 64) << (from % 64) : req[word];
      if (above != 0) {
        return word * 64 + __builtin_ctzll(above);
      }
    }
    return -1;
  }

  int last_ = VF_MAX_FUNCTIONS - 1;
};

}  // namespace vfsim::model
