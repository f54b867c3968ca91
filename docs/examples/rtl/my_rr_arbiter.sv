`default_nettype none

// An arbiter of one's own in the place of rtl_models/rr_arbiter: the same ports, another inside. One priority search over
// the requests written twice in a row; simple, and its longest path grows with N.
module rr_arbiter #(
  parameter  int unsigned N      = vf_iface_pkg::VF_MAX_FUNCTIONS,
  parameter  int unsigned Group  = 16, // of the one it replaces; not used
  localparam int unsigned IndexW = $clog2(N)
) (
  input  wire logic              clk_i,
  input  wire logic              rst_ni,
  input  wire logic [N-1:0]      req_i,
  input  wire logic              taken_i,
  output logic                   valid_o,
  output logic [IndexW-1:0]      index_o
);
  if (Group == 0) $fatal(1, "rr_arbiter: Group must not be 0");

  logic [IndexW-1:0] first_q; // where the search starts
  logic [2*N-1:0]    twice;
  assign twice = {req_i, req_i} & ({2*N{1'b1}} << first_q);

  always_comb begin
    index_o = '0;
    for (int unsigned i = 2 * N; i > 0; i--) begin
      if (twice[i-1]) index_o = IndexW'(i - 1);
    end
  end
  assign valid_o = |req_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) first_q <= '0;
    else if (valid_o && taken_i) first_q <= index_o + IndexW'(1);
  end
endmodule

`default_nettype wire
