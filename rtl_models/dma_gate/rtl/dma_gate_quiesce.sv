`default_nettype none

// The gates: Run -> Drain -> Quiet -> Run, one bit of each vector per function.
module dma_gate_quiesce #(
  parameter  int unsigned Functions,
  localparam int unsigned FnW = $clog2(Functions)
) (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,
  input  wire logic [Functions-1:0] quiesce_req_i,
  input  wire logic [Functions-1:0] drained_i,
  input  wire logic [Functions-1:0] resets_i,
  input  wire logic                 expired_valid_i,
  input  wire logic [FnW-1:0]       expired_fn_i,
  output logic [Functions-1:0]      quiet_o,
  output logic [Functions-1:0]      cpl_timeout_o,
  input  wire logic [FnW-1:0]       sel_fn_i,
  output dma_gate_pkg::state_e      state_o
`ifdef VF_INDUCTION
  ,
  output logic [Functions-1:0]      drain_o
`endif
);
  logic [Functions-1:0] drain_q, quiet_q, timeout_q, asked, closing;
`ifdef BUG_QUIESCE_CLOSES_ALL
  assign asked   = {Functions{quiesce_req_i != '0}} & ~resets_i;
`else
  assign asked   = quiesce_req_i & ~resets_i;
`endif
  assign closing = asked & ~(drain_q | quiet_q);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      drain_q   <= '0;
      quiet_q   <= '0;
      timeout_q <= '0;
    end else begin
      drain_q   <= asked & ~quiet_q & ~(drain_q & drained_i);
      quiet_q   <= asked & (quiet_q | (drain_q & drained_i));
      timeout_q <= timeout_q & ~closing & ~resets_i;
      if (expired_valid_i && asked[expired_fn_i]) timeout_q[expired_fn_i] <= 1'b1;
    end
  end

  assign quiet_o       = quiet_q;
  assign cpl_timeout_o = timeout_q;
`ifdef VF_INDUCTION
  assign drain_o = drain_q;
`endif
  always_comb begin
    state_o = dma_gate_pkg::StRun;
    if (drain_q[sel_fn_i]) state_o = dma_gate_pkg::StDrain;
    if (quiet_q[sel_fn_i]) state_o = dma_gate_pkg::StQuiet;
  end
endmodule

`default_nettype wire
