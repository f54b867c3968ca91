`include "vf_assert.svh"
`default_nettype none

// Round-robin arbiter: one requester per function of the NIC, one grant per cycle.
//
// The search starts behind the requester of the last grant that was taken (after reset: at requester 0). Two levels:
// a group wins, then a requester in it, so the longest path grows with N / Group + Group and not with N.
module rr_arbiter #(
  parameter  int unsigned N      = vf_iface_pkg::VF_MAX_FUNCTIONS,
  parameter  int unsigned Group  = 16,
  localparam int unsigned IndexW = $clog2(N)
) (
  input  wire logic              clk_i,
  input  wire logic              rst_ni,
  input  wire logic [N-1:0]      req_i,
  input  wire logic              taken_i,  // the grant of this cycle is used
  output logic                   valid_o,
  output logic [IndexW-1:0]      index_o
);
  localparam int unsigned Groups = N / Group;
  localparam int unsigned GroupW = $clog2(Group);

  if (Groups * Group != N) $fatal(1, "rr_arbiter: N must be a multiple of Group");
  if (1 << GroupW != Group) $fatal(1, "rr_arbiter: Group must be a power of two");

  // ahead_q[i]: requester i comes before the wrap of the search
  logic [N-1:0] ahead_q, ahead, search;
  assign ahead  = req_i & ahead_q;
  assign search = |ahead ? ahead : req_i;

  logic [Groups-1:0] group_has;
  for (genvar g = 0; g < Groups; g++) begin : gen_group
    assign group_has[g] = |search[g*Group +: Group];
  end

  logic [IndexW-GroupW-1:0] group;
  always_comb begin
    group = '0;
    for (int unsigned g = Groups; g > 0; g--) begin
      if (group_has[g-1]) group = (IndexW-GroupW)'(g - 1);
    end
  end

  logic [Group-1:0]  members;
  logic [GroupW-1:0] member;
  assign members = search[group*Group +: Group];
  always_comb begin
    member = '0;
    for (int unsigned m = Group; m > 0; m--) begin
      if (members[m-1]) member = GroupW'(m - 1);
    end
  end

  assign valid_o = |req_i;
  assign index_o = {group, member};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) ahead_q <= '1;
    else if (valid_o && taken_i) ahead_q <= {N{1'b1}} << index_o << 1;
  end

  `VF_ASSERT(a_grant_was_requested, !valid_o || req_i[index_o])
  `VF_COVER(c_grant_wraps, valid_o && taken_i && !(|ahead))
endmodule

`default_nettype wire
