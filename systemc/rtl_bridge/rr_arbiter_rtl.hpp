// The verilated round-robin arbiter in the place of the SystemC one.
#pragma once

#include <memory>

#include "systemc/nic/tx_arbiter.hpp"

namespace vfsim::model {

/// Same grants as RrArbiter, from rtl_models/rr_arbiter. One clock cycle per pick.
class RrArbiterRtl final : public TxArbiter {
 public:
  RrArbiterRtl();
  ~RrArbiterRtl() override;
  int pick(const std::uint64_t req[2]) override;

 private:
  class Impl;  // the verilated class is not to be seen together with SystemC
  std::unique_ptr<Impl> impl_;
};

}  // namespace vfsim::model
