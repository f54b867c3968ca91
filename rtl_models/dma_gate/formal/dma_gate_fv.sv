`default_nettype none

// Proof top: the block and its checker, all inputs free within the checker's duties, any configuration of tags.
module dma_gate_fv #(
`ifdef VF_SEEDED_BUG  // a short counterexample
  parameter  int unsigned Functions = 2,
  parameter  int unsigned AgeW      = 1,
`else
  parameter  int unsigned Functions = 4,
  parameter  int unsigned AgeW      = 2,
`endif
  parameter  int unsigned Tags      = 4,
  parameter  int unsigned PostedW   = 2,
  localparam int unsigned FnW       = $clog2(Functions),
  localparam int unsigned TagW      = $clog2(Tags)
) (
  input wire logic                 clk_i,
  input wire logic                 rst_ni,
  input wire logic                 tick_i,
  input wire logic [Functions-1:0] quiesce_req_i,
  input wire logic [Functions-1:0] busy_i,
  input wire logic [Functions-1:0] req_rd_i,
  input wire logic [Functions-1:0] req_wr_i,
  input wire logic [Functions-1:0] req_msi_i,
  input wire logic                 rd_ready_i,
  input wire logic                 wr_ready_i,
  input wire logic                 cpl_valid_i,
  input wire logic [TagW-1:0]      cpl_tag_i,
  input wire logic                 wr_done_valid_i,
  input wire logic [FnW-1:0]       wr_done_fn_i,
  input wire logic                 flr_valid_i,
  input wire logic [FnW-1:0]       flr_fn_i,
  input wire logic [FnW-1:0]       sel_fn_i
);
  (* anyconst *) logic [TagW:0] cfg_own_i;
  (* anyconst *) logic [TagW:0] cfg_tags_i;

  logic [Functions-1:0] quiesce_ack_o, drained_o, cpl_timeout_o;
  logic                 rd_valid_o, wr_valid_o, wr_msi_o, unexpected_cpl_o, expired_valid_o, sweep_o;
  logic [FnW-1:0]       slot_fn_o, rd_fn_o, wr_fn_o;
  logic [TagW-1:0]      rd_tag_o, expired_tag_o;
  dma_gate_pkg::state_e state_o;
  logic [TagW:0]        outst_o;
  logic [PostedW-1:0]   posted_o;

  dma_gate_checked #(.Functions(Functions), .Tags(Tags), .AgeW(AgeW), .PostedW(PostedW), .Group(2)) u_dut (.*);

  // One cycle of reset, then never again.
  logic started_q = 1'b0;
  always @(posedge clk_i) started_q <= 1'b1;
  always_comb assume (rst_ni == started_q);
endmodule

`default_nettype wire
