// The verilated round-robin arbiter in the place of the SystemC one.
#pragma once

#include <memory>
#include <string>

#include "rtl_models/common/rtl_session.hpp"
#include "systemc/nic/tx_arbiter.hpp"

namespace vfsim::model {

/// Same grants as RrArbiter, from rtl_models/rr_arbiter. One clock cycle per pick.
class RrArbiterRtl final : public TxArbiter {
 public:
  /// @param name  of the instance in assertions: "A.tx_arbiter"
  RrArbiterRtl(rtl::RtlSession& session, const std::string& name);
  ~RrArbiterRtl() override;
  int pick(const std::uint64_t req[2]) override;

 private:
  class Impl;  // the verilated class is not to be seen together with SystemC
  std::unique_ptr<Impl> impl_;
};

}  // namespace vfsim::model
