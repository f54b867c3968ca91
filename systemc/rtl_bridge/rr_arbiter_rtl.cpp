#include "systemc/rtl_bridge/rr_arbiter_rtl.hpp"

#include "Vrr_arbiter.h"
#include "rtl_models/common/rtl_model.hpp"

namespace vfsim::model {

class RrArbiterRtl::Impl {
 public:
  Impl(rtl::RtlSession& session, const std::string& name) : dut_(session, name) {
    dut_->taken_i = 1;
  }

  int pick(const std::uint64_t req[2]) {
    if ((req[0] | req[1]) == 0) {
      return -1;
    }
    for (std::size_t word = 0; word < 4; ++word) {
      dut_->req_i[word] = static_cast<std::uint32_t>(req[word / 2] >> word % 2 * 32);
    }
    dut_.eval();
    const int granted = dut_->index_o;
    dut_.cycle();
    return granted;
  }

 private:
  rtl::RtlModel<Vrr_arbiter> dut_;
};

RrArbiterRtl::RrArbiterRtl(rtl::RtlSession& session, const std::string& name)
    : impl_(std::make_unique<Impl>(session, name)) {}
RrArbiterRtl::~RrArbiterRtl() = default;
int RrArbiterRtl::pick(const std::uint64_t req[2]) {
  return impl_->pick(req);
}

}  // namespace vfsim::model
