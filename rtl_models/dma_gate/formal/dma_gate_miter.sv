`include "vf_assert.svh"
`default_nettype none

// Proof top: non-interference. Two copies; what reaches function `sel` is the same in both, everything else is free: requests,
// quiesce, resets, completions and time-outs of the others, and the completions of pool tags. Then what `sel` gets in its slots
// with its own tag is the same in both, cycle by cycle.
module dma_gate_miter #(
  parameter  int unsigned Functions = 4,
  parameter  int unsigned Tags      = 8,
  parameter  int unsigned AgeW      = 2,
  parameter  int unsigned PostedW   = 2,
  localparam int unsigned FnW       = $clog2(Functions),
  localparam int unsigned TagW      = $clog2(Tags)
) (
  input wire logic                   clk_i,
  input wire logic                   rst_ni,
  // of both
  input wire logic                   tick_i,
  input wire logic                   rd_ready_i,
  input wire logic                   wr_ready_i,
  // of each
  input wire logic [2*Functions-1:0] quiesce_req_i,
  input wire logic [2*Functions-1:0] busy_i,
  input wire logic [2*Functions-1:0] req_rd_i,
  input wire logic [2*Functions-1:0] req_wr_i,
  input wire logic [2*Functions-1:0] req_msi_i,
  input wire logic [1:0]             cpl_valid_i,
  input wire logic [2*TagW-1:0]      cpl_tag_i,
  input wire logic [1:0]             wr_done_valid_i,
  input wire logic [2*FnW-1:0]       wr_done_fn_i,
  input wire logic [1:0]             flr_valid_i,
  input wire logic [2*FnW-1:0]       flr_fn_i
);
  (* anyconst *) logic [TagW:0]  cfg_own_i;
  (* anyconst *) logic [TagW:0]  cfg_tags_i;
  (* anyconst *) logic [FnW-1:0] sel;

  // What the proof looks at, of each copy.
  logic [1:0] quiesce, busy, rd, wr, msi, cpl_own, flr, own_read, posted, message, full, quiet;
  logic [2*PostedW-1:0] in_flight;
`ifdef VF_INDUCTION
  logic [2*FnW-1:0]       slots;
  logic [2*Tags-1:0]      dues;
  logic [1:0]             sweeps, useds, deads;
  logic [2*AgeW-1:0]      ages;
`endif

  // The feeder's duty: in Drain, work ends. Once nothing is requested and it is not busy, nothing new comes before the resume.
  logic drain_q, ended_q, ended;
  assign ended = drain_q && (ended_q || !(busy[0] || rd[0] || wr[0] || msi[0]));
  always @(posedge clk_i) begin
    drain_q <= rst_ni && quiesce[0] && !flr[0];
    ended_q <= rst_ni && quiesce[0] && !flr[0] && ended;
  end

  for (genvar c = 0; c < 2; c++) begin : gen_copy
    logic [Functions-1:0] quiesce_ack_o, drained_o, cpl_timeout_o;
    logic                 rd_valid_o, wr_valid_o, wr_msi_o, unexpected_cpl_o, expired_valid_o, sweep_o;
    logic [FnW-1:0]       slot_fn_o, rd_fn_o, wr_fn_o;
    logic [TagW-1:0]      rd_tag_o, expired_tag_o;
    dma_gate_pkg::state_e state_o;
    logic [TagW:0]        outst_o;
    dma_gate #(.Functions(Functions), .Tags(Tags), .AgeW(AgeW), .PostedW(PostedW), .Group(2)) u_gate (
      .clk_i, .rst_ni, .cfg_own_i, .cfg_tags_i, .tick_i, .rd_ready_i, .wr_ready_i,
      .quiesce_req_i(quiesce_req_i[c*Functions +: Functions]), .busy_i(busy_i[c*Functions +: Functions]),
      .req_rd_i(req_rd_i[c*Functions +: Functions]), .req_wr_i(req_wr_i[c*Functions +: Functions]),
      .req_msi_i(req_msi_i[c*Functions +: Functions]),
      .cpl_valid_i(cpl_valid_i[c]), .cpl_tag_i(cpl_tag_i[c*TagW +: TagW]),
      .wr_done_valid_i(wr_done_valid_i[c]), .wr_done_fn_i(wr_done_fn_i[c*FnW +: FnW]),
      .flr_valid_i(flr_valid_i[c]), .flr_fn_i(flr_fn_i[c*FnW +: FnW]),
      .sel_fn_i(sel), .posted_o(in_flight[c*PostedW +: PostedW]),
      .quiesce_ack_o, .drained_o, .cpl_timeout_o, .rd_valid_o, .rd_fn_o, .rd_tag_o, .wr_valid_o, .wr_fn_o, .wr_msi_o,
      .unexpected_cpl_o, .expired_valid_o, .expired_tag_o, .sweep_o, .slot_fn_o, .state_o, .outst_o
`ifdef VF_INDUCTION
      , .used_o, .live_o, .dead_o, .due_o, .fn_o, .age_o, .all_outst_o, .all_posted_o, .drain_o
`endif
    );
`ifdef VF_INDUCTION
    // The own tag of sel is used by sel only; quiet only once its work has ended.
    logic [Tags-1:0]               used_o, live_o, dead_o, due_o;
    logic [Tags*FnW-1:0]           fn_o;
    logic [Tags*AgeW-1:0]          age_o;
    logic [Functions*(TagW+1)-1:0] all_outst_o;
    logic [Functions*PostedW-1:0]  all_posted_o;
    logic [Functions-1:0]          drain_o;
    assign slots[c*FnW +: FnW]   = slot_fn_o;
    assign dues[c*Tags +: Tags]  = due_o;
    assign sweeps[c]             = sweep_o;
    assign useds[c]              = used_o[sel];
    assign deads[c]              = dead_o[sel];
    assign ages[c*AgeW +: AgeW]  = age_o[32'(sel)*AgeW +: AgeW];
    `VF_LEMMA(h_own_tag, !used_o[sel] || fn_o[32'(sel)*FnW +: FnW] == sel)
    `VF_LEMMA(h_gate, (drain_o[sel] || quiesce_ack_o[sel]) == drain_q && !(drain_o[sel] && quiesce_ack_o[sel]))
    `VF_LEMMA(h_quiet, (!quiesce_ack_o[sel] || ended_q) && (!ended_q || drain_q))
`endif
    assign quiesce[c] = quiesce_req_i[c*Functions + 32'(sel)];
    assign busy[c]    = busy_i[c*Functions + 32'(sel)];
    assign rd[c]      = req_rd_i[c*Functions + 32'(sel)];
    assign wr[c]      = req_wr_i[c*Functions + 32'(sel)];
    assign msi[c]     = req_msi_i[c*Functions + 32'(sel)];
    assign cpl_own[c] = cpl_valid_i[c] && cpl_tag_i[c*TagW +: TagW] == TagW'(sel);
    assign flr[c]     = flr_valid_i[c] && flr_fn_i[c*FnW +: FnW] == sel;
    assign quiet[c]   = quiesce_ack_o[sel];
    assign full[c]    = in_flight[c*PostedW +: PostedW] == {PostedW{1'b1}};

    assign own_read[c] = rd_valid_o && rd_fn_o == sel && rd_tag_o == TagW'(sel);
    assign posted[c]   = wr_valid_o && wr_fn_o == sel && slot_fn_o == sel;
    assign message[c]  = posted[c] && wr_msi_o;
    always_comb assume ((req_wr_i[c*Functions +: Functions] & req_msi_i[c*Functions +: Functions]) == '0);
    always_comb assume (!full[c]);  // the credits of the link come first
  end

  always_comb begin
    assume (cfg_tags_i <= (TagW + 1)'(Tags) && cfg_own_i <= cfg_tags_i && (TagW + 1)'(sel) < cfg_own_i);
    assume (cfg_own_i <= (TagW + 1)'(Functions));
    assume (quiesce[0] == quiesce[1] && busy[0] == busy[1] && rd[0] == rd[1] && wr[0] == wr[1] && msi[0] == msi[1]);
    assume (cpl_own[0] == cpl_own[1] && flr[0] == flr[1]);
  end

  always_comb assume (!(ended_q && drain_q && quiesce[0]) || !(rd[0] || wr[0]));

  `VF_ASSERT(a_own_read, own_read[0] == own_read[1])
  `VF_ASSERT(a_posted_in_slot, posted[0] == posted[1] && message[0] == message[1])

`ifdef VF_INDUCTION
  `VF_LEMMA(h_in_step, slots[0 +: FnW] == slots[FnW +: FnW] && sweeps[0] == sweeps[1] && dues[0 +: Tags] == dues[Tags +: Tags])
  `VF_LEMMA(h_used, useds[0] == useds[1])
  `VF_LEMMA(h_age, !useds[0] || (deads[0] == deads[1] && ages[0 +: AgeW] == ages[AgeW +: AgeW]))
`endif

  // One cycle of reset, then never again.
  logic started_q = 1'b0;
  always @(posedge clk_i) started_q <= 1'b1;
  always_comb assume (rst_ni == started_q);
endmodule

`default_nettype wire
