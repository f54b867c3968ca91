#include "systemc/rtl_bridge/rr_arbiter_rtl.hpp"

#include "Vrr_arbiter.h"

namespace vfsim::model {

class RrArbiterRtl::Impl {
 public:
  Impl() {
    dut_.rst_ni = 0;
    cycle();
    dut_.rst_ni = 1;
    dut_.taken_i = 1;
  }
  ~Impl() {
    // The run-time library unregisters a model from the thread's newest context, which may be gone
    // already.
    Verilated::threadContextp(&context_);
    dut_.final();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  int pick(const std::uint64_t req[2]) {
    if ((req[0] | req[1]) == 0) {
      return -1;
    }
    for (std::size_t word = 0; word < 4; ++word) {
      dut_.req_i[word] = static_cast<std::uint32_t>(req[word / 2] >> word % 2 * 32);
    }
    dut_.eval();
    const int granted = dut_.index_o;
    cycle();
    return granted;
  }

 private:
  void cycle() {
    dut_.clk_i = 0;
    dut_.eval();
    dut_.clk_i = 1;
    dut_.eval();
    context_.timeInc(1);
  }

  VerilatedContext context_;
  Vrr_arbiter dut_{&context_};
};

RrArbiterRtl::RrArbiterRtl() : impl_(std::make_unique<Impl>()) {}
RrArbiterRtl::~RrArbiterRtl() = default;
int RrArbiterRtl::pick(const std::uint64_t req[2]) {
  return impl_->pick(req);
}

}  // namespace vfsim::model
