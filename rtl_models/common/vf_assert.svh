// One source of properties for proof (yosys) and simulation (Verilator).
//
//   `VF_ASSERT(a_name, expression)   must hold at every clock edge outside reset
//   `VF_ASSUME(a_name, expression)   proof: what the environment does; simulation: its duty, checked like an assertion
//   `VF_DUTY(m_name, expression)     a duty that the proofs of this top do without: checked in simulation only
//   `VF_LEMMA(h_name, expression)    helps a proof of further assertions; left out where a seeded bug is to break those
//   `VF_COVER(c_name, expression)    a situation that simulations are expected to reach (user coverage)
//
// They use clk_i and rst_ni of the module around them. An implication is !(a) || (b), history is a register: yosys 0.23
// reads neither |-> nor sequences. A failure in simulation calls vf_rtl_failed (rtl_session.cpp) and the run goes on.
`ifndef VF_ASSERT_SVH
`define VF_ASSERT_SVH
`ifdef YOSYS
  `define VF_ASSERT(NAME, EXPR) always @(posedge clk_i) if (rst_ni) assert (EXPR);
  `define VF_ASSUME(NAME, EXPR) always @(posedge clk_i) if (rst_ni) assume (EXPR);
  `define VF_DUTY(NAME, EXPR)
  `define VF_COVER(NAME, EXPR)  always @(posedge clk_i) if (rst_ni) cover (EXPR);
`else
  import "DPI-C" context function void vf_rtl_failed(input string assertion);
  `define VF_ASSERT(NAME, EXPR) always @(posedge clk_i) if (rst_ni) begin : NAME \
    assert (EXPR) else vf_rtl_failed($sformatf("%m")); end
  `define VF_ASSUME(NAME, EXPR) `VF_ASSERT(NAME, EXPR)
  `define VF_DUTY(NAME, EXPR)   `VF_ASSERT(NAME, EXPR)
  `define VF_COVER(NAME, EXPR)  always @(posedge clk_i) if (rst_ni) begin : NAME cover (EXPR); end
`endif
`ifdef VF_SEEDED_BUG
  `define VF_LEMMA(NAME, EXPR)
`else
  `define VF_LEMMA(NAME, EXPR) `VF_ASSERT(NAME, EXPR)
`endif
`endif
