`include "vf_assert.svh"
`default_nettype none

// Every memory request of the NIC passes here: arbitration over functions, tags, counts, quiesce. See README.md.
//
// One cycle: grants follow from the requests of the same cycle, counts and states change with the clock edge.
module dma_gate #(
  parameter  int unsigned Functions = vf_iface_pkg::VF_MAX_FUNCTIONS,
  parameter  int unsigned Tags      = 256,
  parameter  int unsigned AgeW      = 7,   // a read times out after 2^AgeW - 1 ticks
  parameter  int unsigned PostedW   = 12,  // a function has at most 2^PostedW - 1 posted requests in flight
  parameter  int unsigned Group     = 16,  // of the round robin, see rr_arbiter
  localparam int unsigned FnW       = $clog2(Functions),
  localparam int unsigned TagW      = $clog2(Tags)
) (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,

  input  wire logic [TagW:0]        cfg_own_i,   // tags below are owned: tag f by function f
  input  wire logic [TagW:0]        cfg_tags_i,  // tags below are in use, those from cfg_own_i on by all
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
`ifdef VF_INDUCTION
  ,
  output logic [Tags-1:0]               used_o,
  output logic [Tags-1:0]               live_o,
  output logic [Tags-1:0]               dead_o,
  output logic [Tags-1:0]               due_o,
  output logic [Tags*FnW-1:0]           fn_o,
  output logic [Tags*AgeW-1:0]          age_o,
  output logic [Functions*(TagW+1)-1:0] all_outst_o,
  output logic [Functions*PostedW-1:0]  all_posted_o,
  output logic [Functions-1:0]          drain_o
`endif
);
  if (1 << FnW != Functions) $fatal(1, "dma_gate: Functions must be a power of two");
  if (1 << TagW != Tags) $fatal(1, "dma_gate: Tags must be a power of two");
  if (TagW < FnW) $fatal(1, "dma_gate: there must be a tag number for each function");

  logic [Functions-1:0] may_rd, may_wr, closed, resets, none_outst, none_posted, unused_full, full_posted;
  assign resets = flr_valid_i ? Functions'(1) << flr_fn_i : '0;
`ifdef BUG_READ_WHEN_QUIET
  assign may_rd = req_rd_i & ~resets;
`else
  assign may_rd = req_rd_i & ~closed & ~resets;
`endif
`ifdef BUG_WRITE_WHEN_QUIET
  assign may_wr = (req_wr_i | req_msi_i) & ~full_posted & ~resets;
`else
  assign may_wr = (req_wr_i & ~closed | req_msi_i) & ~full_posted & ~resets;
`endif

  // Whose turn it is, whoever else asks.
  logic [FnW-1:0] slot_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) slot_q <= '0;
    else slot_q <= slot_q + FnW'(1);
  end
  assign slot_fn_o = slot_q;

  // reads
  logic rd_asked, rd_in_slot, rd_own, own_free, pool_valid;
  logic [TagW-1:0] pool_tag;
  dma_gate_arbiter #(.Functions(Functions), .Group(Group)) u_reads (
    .clk_i, .rst_ni, .req_i(may_rd), .slot_fn_i(slot_q), .taken_i(rd_valid_o),
    .valid_o(rd_asked), .in_slot_o(rd_in_slot), .fn_o(rd_fn_o)
  );
`ifdef BUG_OWN_TAG_FOR_ALL
  assign rd_own     = own_free;
`else
  assign rd_own     = rd_in_slot && own_free;
`endif
  assign rd_valid_o = rd_ready_i && rd_asked && (rd_own || pool_valid);
  assign rd_tag_o   = rd_own ? TagW'(slot_q) : pool_tag;

  logic cpl_live, expired;
  logic [FnW-1:0] cpl_fn, expired_fn;
  dma_gate_tags #(.Functions(Functions), .Tags(Tags), .AgeW(AgeW)) u_tags (
    .clk_i, .rst_ni, .cfg_own_i, .cfg_tags_i, .tick_i,
    .own_fn_i(slot_q), .own_free_o(own_free), .pool_valid_o(pool_valid), .pool_tag_o(pool_tag),
    .take_i(rd_valid_o), .take_own_i(rd_own), .take_tag_i(rd_tag_o), .take_fn_i(rd_fn_o),
    .cpl_valid_i, .cpl_tag_i, .cpl_live_o(cpl_live), .cpl_fn_o(cpl_fn), .unexpected_cpl_o,
    .flr_valid_i, .flr_fn_i,
    .expired_valid_o(expired), .expired_tag_o, .expired_fn_o(expired_fn), .sweep_o
`ifdef VF_INDUCTION
    , .used_o, .live_o, .dead_o, .due_o, .fn_o, .age_o
`endif
  );
  assign expired_valid_o = expired;

  dma_gate_counts #(.Functions(Functions), .Width(TagW + 1)) u_outstanding (
    .clk_i, .rst_ni,
    .up_valid_i(rd_valid_o), .up_fn_i(rd_fn_o),
    .down_valid_i(cpl_live), .down_fn_i(cpl_fn),
    .late_valid_i(expired), .late_fn_i(expired_fn),
    .clear_valid_i(flr_valid_i), .clear_fn_i(flr_fn_i),
    .sel_fn_i, .count_o(outst_o), .none_o(none_outst), .full_o(unused_full)
`ifdef VF_INDUCTION
    , .all_o(all_outst_o)
`endif
  );

  // posted requests
  logic wr_asked, wr_in_slot;
  dma_gate_arbiter #(.Functions(Functions), .Group(Group)) u_posted (
    .clk_i, .rst_ni, .req_i(may_wr), .slot_fn_i(slot_q), .taken_i(wr_valid_o),
    .valid_o(wr_asked), .in_slot_o(wr_in_slot), .fn_o(wr_fn_o)
  );
  assign wr_valid_o = wr_ready_i && wr_asked;
  assign wr_msi_o   = req_msi_i[wr_fn_o];

  // What is on the link lands also after a reset of its function: no clearing.
  dma_gate_counts #(.Functions(Functions), .Width(PostedW)) u_inflight (
    .clk_i, .rst_ni,
    .up_valid_i(wr_valid_o), .up_fn_i(wr_fn_o),
    .down_valid_i(wr_done_valid_i), .down_fn_i(wr_done_fn_i),
    .late_valid_i(1'b0), .late_fn_i('0),
    .clear_valid_i(1'b0), .clear_fn_i('0),
    .sel_fn_i, .count_o(posted_o), .none_o(none_posted), .full_o(full_posted)
`ifdef VF_INDUCTION
    , .all_o(all_posted_o)
`endif
  );

  logic [Functions-1:0] quiet;
`ifdef BUG_ACK_FORGETS_POSTED
  assign drained_o = none_outst & ~busy_i & ~req_rd_i & ~req_wr_i & ~req_msi_i;
`else
  assign drained_o = none_outst & none_posted & ~busy_i & ~req_rd_i & ~req_wr_i & ~req_msi_i;
`endif
  dma_gate_quiesce #(.Functions(Functions)) u_quiesce (
    .clk_i, .rst_ni, .quiesce_req_i, .drained_i(drained_o), .resets_i(resets),
    .expired_valid_i(expired), .expired_fn_i(expired_fn),
    .quiet_o(quiet), .cpl_timeout_o, .sel_fn_i, .state_o
`ifdef VF_INDUCTION
    , .drain_o
`endif
  );
  assign closed        = quiet & quiesce_req_i;  // opens at once: the same, whether the acknowledge had come or not
  assign quiesce_ack_o = quiet;

  `VF_COVER(c_read_own_tag, rd_valid_o && rd_own)
  `VF_COVER(c_read_in_slot_from_pool, rd_valid_o && rd_in_slot && !rd_own)
  `VF_COVER(c_read_in_turn, rd_valid_o && !rd_in_slot)
  `VF_COVER(c_read_without_tag, rd_ready_i && rd_asked && !rd_valid_o)
  `VF_COVER(c_posted_in_slot, wr_valid_o && wr_in_slot)
  `VF_COVER(c_posted_in_turn, wr_valid_o && !wr_in_slot)
endmodule

`default_nettype wire
