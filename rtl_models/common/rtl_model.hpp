// A verilated block, clocked by hand. Not to be included together with SystemC.
#pragma once

#include <string>
#include <verilated.h>

#include "rtl_models/common/rtl_session.hpp"

namespace vfsim::rtl {

/// Dut: a class of Verilator's with clk_i and rst_ni. Set inputs, look at combinational outputs
/// behind eval(), then cycle(). After construction the block is out of reset; its other inputs are
/// 0.
template <class Dut>
class RtlModel {
 public:
  /// @param name  of the instance: "A.cmd_doorbell"
  RtlModel(RtlSession& session, const std::string& name)
      : session_(session), dut_(&session.context(), name.c_str()) {
    session.adopt(name);
    if (session.watching() != nullptr) {
      dut_.trace(&session.watching()->vcd(), kWaveLevels);
    }
    dut_.rst_ni = 0;
    eval();
    edges();
    dut_.rst_ni = 1;
  }
  ~RtlModel() {
    // The run-time library unregisters a model from the thread's newest context, which may be
    // another session's, or gone.
    Verilated::threadContextp(&session_.context());
    dut_.final();
  }
  RtlModel(const RtlModel&) = delete;
  RtlModel& operator=(const RtlModel&) = delete;

  Dut* operator->() { return &dut_; }
  Dut& operator*() { return dut_; }
  /// The clock falls if it has not yet: one evaluation for that and for the inputs.
  void eval() {
    dut_.clk_i = 0;
    dut_.eval();
  }
  void cycle() {
    edges();
    session_.count_cycle();
    if (LiveWave* live = session_.live_wave(); live != nullptr && live->wanted()) {
      live->dump_now();
    }
  }
  /// With a rising edge at `ps`, for $time and waves; later than the last one.
  void cycle_at(std::uint64_t ps) {
    session_.context().time(ps);
    edges();
    session_.count_cycle();
    if (RtlWave* wave = session_.watching(); wave != nullptr && wave->wanted()) {
      wave->dump(ps, false);
      eval();
      wave->dump(ps + kHigh, true);
    }
  }

 private:
  static constexpr int kWaveLevels = 99;
  static constexpr std::uint64_t kHigh = 50;  // ps: how waves show the clock

  /// Inputs that changed behind the falling edge settle before the rising one does anything.
  void edges() {
    if (dut_.clk_i != 0) {
      eval();
    }
    dut_.clk_i = 1;
    dut_.eval();
  }

  RtlSession& session_;
  Dut dut_;
};

}  // namespace vfsim::rtl
