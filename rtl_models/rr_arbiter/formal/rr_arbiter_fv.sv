`include "vf_assert.svh"
`default_nettype none

// Proof: whoever requests without a break is granted after at most N - 1 taken grants of others, and grants are of
// requesters only. Seeded bugs: BUG_STUCK (the search never moves on), BUG_SKIP (one requester is never seen).
module rr_arbiter_fv (
  input wire logic       clk_i,
  input wire logic       rst_ni,
  input wire logic [7:0] req_i,
  input wire logic       taken_i
);
  localparam int unsigned N = 8;
  logic       valid;
  logic [2:0] index;
  logic [7:0] seen;
  logic       moves;
`ifdef BUG_SKIP
  assign seen = req_i & 8'hdf;
`else
  assign seen = req_i;
`endif
`ifdef BUG_STUCK
  assign moves = taken_i && index != 3'd2;
`else
  assign moves = taken_i;
`endif
  rr_arbiter #(.N(N), .Group(4)) u_dut (.clk_i, .rst_ni, .req_i(seen), .taken_i(moves), .valid_o(valid), .index_o(index));

  // one requester stands for all
  (* anyconst *) logic [2:0] who;
  logic granted;
  assign granted = valid && taken_i && index == who;
  logic [3:0] passed_q; // taken grants of others since `who` began to request
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) passed_q <= '0;
    else if (!req_i[who] || granted) passed_q <= '0;
    else if (valid && taken_i) passed_q <= passed_q + 4'd1;
  end

  // reset: the first cycle, then never again
  logic started_q = 1'b0;
  always @(posedge clk_i) started_q <= 1'b1;
  always_comb assume (rst_ni == started_q);

  `VF_ASSERT(a_grant_in_turn, passed_q < 4'(N))
  `VF_ASSERT(a_work_conserving, valid || req_i == '0)
  `VF_ASSERT(a_requested, !valid || req_i[index])
endmodule

`default_nettype wire
