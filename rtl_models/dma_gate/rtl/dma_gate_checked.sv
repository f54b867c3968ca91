`default_nettype none

// dma_gate with its checker beside it: what simulations instantiate. The same ports.
module dma_gate_checked #(
  parameter  int unsigned Functions = vf_iface_pkg::VF_MAX_FUNCTIONS,
  parameter  int unsigned Tags      = 256,
  parameter  int unsigned AgeW      = 7,
  parameter  int unsigned PostedW   = 12,
  parameter  int unsigned Group     = 16,
  localparam int unsigned FnW       = $clog2(Functions),
  localparam int unsigned TagW      = $clog2(Tags)
) (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,

  input  wire logic [TagW:0]        cfg_own_i,
  input  wire logic [TagW:0]        cfg_tags_i,
  input  wire logic                 tick_i,

  input  wire logic [Functions-1:0] quiesce_req_i,
  input  wire logic [Functions-1:0] busy_i,
  output logic [Functions-1:0]      quiesce_ack_o,
  output logic [Functions-1:0]      drained_o,

  input  wire logic [Functions-1:0] req_rd_i,
  input  wire logic [Functions-1:0] req_wr_i,
  input  wire logic [Functions-1:0] req_msi_i,
  input  wire logic                 rd_ready_i,
  input  wire logic                 wr_ready_i,
  output logic [FnW-1:0]            slot_fn_o,
  output logic                      rd_valid_o,
  output logic [FnW-1:0]            rd_fn_o,
  output logic [TagW-1:0]           rd_tag_o,
  output logic                      wr_valid_o,
  output logic [FnW-1:0]            wr_fn_o,
  output logic                      wr_msi_o,

  input  wire logic                 cpl_valid_i,
  input  wire logic [TagW-1:0]      cpl_tag_i,
  output logic                      unexpected_cpl_o,
  input  wire logic                 wr_done_valid_i,
  input  wire logic [FnW-1:0]       wr_done_fn_i,

  input  wire logic                 flr_valid_i,
  input  wire logic [FnW-1:0]       flr_fn_i,
  output logic                      expired_valid_o,
  output logic [TagW-1:0]           expired_tag_o,
  output logic [Functions-1:0]      cpl_timeout_o,
  output logic                      sweep_o,

  input  wire logic [FnW-1:0]       sel_fn_i,
  output dma_gate_pkg::state_e      state_o,
  output logic [TagW:0]             outst_o,
  output logic [PostedW-1:0]        posted_o
);
`ifdef VF_INDUCTION
  logic [Tags-1:0]               used, live, dead, due;
  logic [Tags*FnW-1:0]           fn;
  logic [Tags*AgeW-1:0]          age;
  logic [Functions*(TagW+1)-1:0] all_outst;
  logic [Functions*PostedW-1:0]  all_posted;
  logic [Functions-1:0]          drain;
`endif
  dma_gate #(.Functions(Functions), .Tags(Tags), .AgeW(AgeW), .PostedW(PostedW), .Group(Group)) u_gate (
    .clk_i, .rst_ni, .cfg_own_i, .cfg_tags_i, .tick_i, .quiesce_req_i, .busy_i, .quiesce_ack_o, .drained_o,
    .req_rd_i, .req_wr_i, .req_msi_i, .rd_ready_i, .wr_ready_i, .slot_fn_o, .rd_valid_o, .rd_fn_o, .rd_tag_o,
    .wr_valid_o, .wr_fn_o, .wr_msi_o, .cpl_valid_i, .cpl_tag_i, .unexpected_cpl_o, .wr_done_valid_i,
    .wr_done_fn_i, .flr_valid_i, .flr_fn_i, .expired_valid_o, .expired_tag_o, .cpl_timeout_o, .sweep_o,
    .sel_fn_i, .state_o, .outst_o, .posted_o
`ifdef VF_INDUCTION
    , .used_o(used), .live_o(live), .dead_o(dead), .due_o(due), .fn_o(fn), .age_o(age), .all_outst_o(all_outst), .all_posted_o(all_posted), .drain_o(drain)
`endif
  );
  dma_gate_chk #(.Functions(Functions), .Tags(Tags), .AgeW(AgeW), .PostedW(PostedW)) u_chk (
    .clk_i, .rst_ni, .cfg_own_i, .cfg_tags_i, .tick_i, .quiesce_req_i, .busy_i, .quiesce_ack_i(quiesce_ack_o),
    .drained_i(drained_o), .req_rd_i, .req_wr_i, .req_msi_i, .rd_ready_i, .wr_ready_i, .slot_fn_i(slot_fn_o),
    .rd_valid_i(rd_valid_o), .rd_fn_i(rd_fn_o), .rd_tag_i(rd_tag_o), .wr_valid_i(wr_valid_o),
    .wr_fn_i(wr_fn_o), .wr_msi_i(wr_msi_o), .cpl_valid_i, .cpl_tag_i, .unexpected_cpl_i(unexpected_cpl_o),
    .wr_done_valid_i, .wr_done_fn_i, .flr_valid_i, .flr_fn_i, .expired_valid_i(expired_valid_o),
    .expired_tag_i(expired_tag_o), .cpl_timeout_i(cpl_timeout_o), .sweep_i(sweep_o), .sel_fn_i,
    .state_i(state_o), .outst_i(outst_o), .posted_i(posted_o)
`ifdef VF_INDUCTION
    , .used_i(used), .live_i(live), .dead_i(dead), .due_i(due), .fn_i(fn), .age_i(age), .all_outst_i(all_outst), .all_posted_i(all_posted), .drain_i(drain)
`endif
  );
endmodule

`default_nettype wire
