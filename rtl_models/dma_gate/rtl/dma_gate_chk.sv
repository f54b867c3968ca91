`include "vf_assert.svh"
`default_nettype none

// The rules of dma_gate, seen from its ports only: in every simulation and in the proofs (README.md says which is which).
//
// Everything is kept by index, so that a simulation pays for what happens in a cycle and not for the number of tags.
module dma_gate_chk #(
  parameter  int unsigned Functions,
  parameter  int unsigned Tags,
  parameter  int unsigned AgeW,
  parameter  int unsigned PostedW,
  localparam int unsigned FnW  = $clog2(Functions),
  localparam int unsigned TagW = $clog2(Tags)
) (
  input wire logic                 clk_i,
  input wire logic                 rst_ni,
  input wire logic [TagW:0]        cfg_own_i,
  input wire logic [TagW:0]        cfg_tags_i,
  input wire logic                 tick_i,
  input wire logic [Functions-1:0] quiesce_req_i,
  input wire logic [Functions-1:0] busy_i,
  input wire logic [Functions-1:0] quiesce_ack_i,
  input wire logic [Functions-1:0] drained_i,
  input wire logic [Functions-1:0] req_rd_i,
  input wire logic [Functions-1:0] req_wr_i,
  input wire logic [Functions-1:0] req_msi_i,
  input wire logic                 rd_ready_i,
  input wire logic                 wr_ready_i,
  input wire logic [FnW-1:0]       slot_fn_i,
  input wire logic                 rd_valid_i,
  input wire logic [FnW-1:0]       rd_fn_i,
  input wire logic [TagW-1:0]      rd_tag_i,
  input wire logic                 wr_valid_i,
  input wire logic [FnW-1:0]       wr_fn_i,
  input wire logic                 wr_msi_i,
  input wire logic                 cpl_valid_i,
  input wire logic [TagW-1:0]      cpl_tag_i,
  input wire logic                 unexpected_cpl_i,
  input wire logic                 wr_done_valid_i,
  input wire logic [FnW-1:0]       wr_done_fn_i,
  input wire logic                 flr_valid_i,
  input wire logic [FnW-1:0]       flr_fn_i,
  input wire logic                 expired_valid_i,
  input wire logic [TagW-1:0]      expired_tag_i,
  input wire logic [Functions-1:0] cpl_timeout_i,
  input wire logic                 sweep_i,
  input wire logic [FnW-1:0]       sel_fn_i,
  input wire dma_gate_pkg::state_e state_i,
  input wire logic [TagW:0]        outst_i,
  input wire logic [PostedW-1:0]   posted_i
`ifdef VF_INDUCTION
  ,
  input wire logic [Tags-1:0]               used_i,
  input wire logic [Tags-1:0]               live_i,
  input wire logic [Tags-1:0]               dead_i,
  input wire logic [Tags-1:0]               due_i,
  input wire logic [Tags*FnW-1:0]           fn_i,
  input wire logic [Tags*AgeW-1:0]          age_i,
  input wire logic [Functions*(TagW+1)-1:0] all_outst_i,
  input wire logic [Functions*PostedW-1:0]  all_posted_i,
  input wire logic [Functions-1:0]          drain_i
`endif
);
  localparam int unsigned     Timeout = (1 << AgeW) - 1;  // ticks
  localparam logic [AgeW-1:0] OldAge  = AgeW'(Timeout);
  localparam logic [PostedW-1:0] PostedMax = {PostedW{1'b1}};

  // --- what the ports have shown so far ---
  // Memories are not reset: a word of them counts from the first write on.

  logic [Tags-1:0]      wire_q;             // read sent, its last completion not seen
  logic [Tags-1:0]      live_q;             // of these: its function waits for it
  logic [FnW-1:0]       owner_q [Tags];
  logic [Tags*AgeW-1:0] age_q;              // ticks since the read was sent, or since the tag is in quarantine; at most OldAge
  logic [TagW:0]        pool_wire_q;        // pool tags in wire_q
  logic [Tags-1:0]      reads_q [Functions];  // outstanding reads of the function
  logic [PostedW-1:0]   posted_q [Functions];
  logic [Functions-1:0] sent_q, posted_any_q;
  logic [Functions-1:0] asked_q, closed_q, ack_q, ack_due_q, timeout_q;

  logic [Functions-1:0] resets, asked, closed;
  assign resets = flr_valid_i ? Functions'(1) << flr_fn_i : '0;
  assign asked  = quiesce_req_i & ~resets;
  assign closed = (closed_q | quiesce_ack_i) & quiesce_req_i;

  logic            tick, rd_wire, rd_pool, cpl_wire, cpl_pool, cpl_again;
  logic [FnW-1:0]  cpl_fn, expired_fn;
  logic [AgeW-1:0] rd_age, expired_age;
  assign tick        = tick_i && !sweep_i;
  assign rd_wire     = wire_q[rd_tag_i];
  assign rd_pool     = (TagW + 1)'(rd_tag_i) >= cfg_own_i;
  assign rd_age      = age_q[32'(rd_tag_i)*AgeW +: AgeW];
  assign cpl_wire    = cpl_valid_i && wire_q[cpl_tag_i];
  assign cpl_again   = rd_valid_i && rd_tag_i == cpl_tag_i;  // too late even for the quarantine
  assign cpl_pool    = (TagW + 1)'(cpl_tag_i) >= cfg_own_i;
  assign cpl_fn      = owner_q[cpl_tag_i];
  assign expired_fn  = owner_q[expired_tag_i];
  assign expired_age = age_q[32'(expired_tag_i)*AgeW +: AgeW];

  logic [Tags-1:0] reset_reads, sel_reads;
  assign reset_reads = flr_valid_i && sent_q[flr_fn_i] ? reads_q[flr_fn_i] : '0;
  assign sel_reads   = sent_q[sel_fn_i] ? reads_q[sel_fn_i] : '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wire_q      <= '0;
      live_q      <= '0;
      pool_wire_q <= '0;
    end else begin
      live_q <= live_q & ~reset_reads;
      if (cpl_valid_i)     wire_q[cpl_tag_i] <= 1'b0;
      if (cpl_valid_i)     live_q[cpl_tag_i] <= 1'b0;
      if (expired_valid_i) live_q[expired_tag_i] <= 1'b0;
      if (rd_valid_i)      wire_q[rd_tag_i] <= 1'b1;
      if (rd_valid_i)      live_q[rd_tag_i] <= 1'b1;
      pool_wire_q <= pool_wire_q + (TagW + 1)'(rd_valid_i && rd_pool && !rd_wire) - (TagW + 1)'(cpl_wire && cpl_pool && !cpl_again);
    end
  end

  always_ff @(posedge clk_i) begin
    if (tick) begin
      for (int unsigned t = 0; t < Tags; t++) begin
        if (age_q[t*AgeW +: AgeW] != OldAge) age_q[t*AgeW +: AgeW] <= age_q[t*AgeW +: AgeW] + AgeW'(1);
      end
    end
    if (flr_valid_i) begin
      for (int unsigned t = 0; t < Tags; t++) begin
        if (reset_reads[t]) age_q[t*AgeW +: AgeW] <= '0;
      end
    end
    if (expired_valid_i) age_q[32'(expired_tag_i)*AgeW +: AgeW] <= '0;
    if (rd_valid_i)      age_q[32'(rd_tag_i)*AgeW +: AgeW] <= '0;
  end

  always_ff @(posedge clk_i) begin
    if (rd_valid_i)      owner_q[rd_tag_i] <= rd_fn_i;
    if (cpl_wire)        reads_q[cpl_fn][cpl_tag_i] <= 1'b0;
    if (expired_valid_i) reads_q[expired_fn][expired_tag_i] <= 1'b0;
    if (rd_valid_i && !sent_q[rd_fn_i]) reads_q[rd_fn_i] <= Tags'(1) << rd_tag_i;
    else if (rd_valid_i) reads_q[rd_fn_i][rd_tag_i] <= 1'b1;
    if (flr_valid_i)     reads_q[flr_fn_i] <= '0;
  end

  logic [PostedW-1:0] wr_posted, done_posted, sel_posted;
  logic               wr_counts, done_counts;
  assign wr_posted   = posted_any_q[wr_fn_i] ? posted_q[wr_fn_i] : '0;
  assign done_posted = posted_any_q[wr_done_fn_i] ? posted_q[wr_done_fn_i] : '0;
  assign sel_posted  = posted_any_q[sel_fn_i] ? posted_q[sel_fn_i] : '0;
  assign wr_counts   = wr_valid_i && !(wr_done_valid_i && wr_done_fn_i == wr_fn_i);
  assign done_counts = wr_done_valid_i && !(wr_valid_i && wr_done_fn_i == wr_fn_i);
  always_ff @(posedge clk_i) begin
    if (wr_counts)   posted_q[wr_fn_i] <= wr_posted + PostedW'(1);
    if (done_counts) posted_q[wr_done_fn_i] <= done_posted - PostedW'(1);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      sent_q       <= '0;
      posted_any_q <= '0;
      asked_q      <= '0;
      closed_q     <= '0;
      ack_q        <= '0;
      ack_due_q    <= '0;
      timeout_q    <= '0;
    end else begin
      if (rd_valid_i)  sent_q[rd_fn_i] <= 1'b1;
      if (wr_counts)   posted_any_q[wr_fn_i] <= 1'b1;
      if (done_counts) posted_any_q[wr_done_fn_i] <= done_posted != PostedW'(1);
      asked_q   <= asked;
      closed_q  <= closed & ~resets;
      ack_q     <= quiesce_ack_i;
      ack_due_q <= asked & (quiesce_ack_i | asked_q & drained_i);
      timeout_q <= timeout_q & ~(asked & ~asked_q) & ~resets;
      if (expired_valid_i && asked[expired_fn]) timeout_q[expired_fn] <= 1'b1;
    end
  end

  // --- duties of the environment ---

  `VF_ASSUME(m_one_posted_kind, (req_wr_i & req_msi_i) == '0)
  `VF_ASSUME(m_landed_was_sent, !wr_done_valid_i || posted_any_q[wr_done_fn_i])
  `VF_ASSUME(m_tags_fit, cfg_tags_i != '0 && cfg_tags_i <= (TagW + 1)'(Tags) && cfg_own_i <= cfg_tags_i
             && cfg_own_i <= (TagW + 1)'(Functions))

  // Work ends in Drain: a function that showed neither a request nor busy_i there asks for no read and no data write before
  // its resume. Non-interference (dma_gate_miter) rests on it, for the function that drains; the rules below do not.
  logic [Functions-1:0] ended_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) ended_q <= '0;
    else ended_q <= asked & asked_q & (ended_q | ~(busy_i | req_rd_i | req_wr_i | req_msi_i));
  end
  `VF_DUTY(m_work_has_ended, (ended_q & asked_q & quiesce_req_i & (req_rd_i | req_wr_i)) == '0)

  // --- (a) silence after the acknowledge ---

  `VF_ASSERT(a_quiet_no_read, !rd_valid_i || !closed[rd_fn_i])
  `VF_ASSERT(a_quiet_no_write, !wr_valid_i || wr_msi_i || !closed[wr_fn_i])

  // --- (b) acknowledged: asked for, at once when drained, nothing outstanding, nothing in flight ---

  logic [Functions-1:0] first_ack;
  logic                 ack_in_use;
  assign first_ack = quiesce_ack_i & ~ack_q;
  always_comb begin
    ack_in_use = 1'b0;
    if (first_ack != '0) begin
      for (int unsigned f = 0; f < Functions; f++) begin
        if (first_ack[f] && (posted_any_q[f] || (sent_q[f] && reads_q[f] != '0))) ack_in_use = 1'b1;
      end
    end
  end
  `VF_ASSERT(a_ack_nothing_in_use, !ack_in_use)
  `VF_ASSERT(a_ack_when_due, quiesce_ack_i == ack_due_q)

  logic sel_drained;
  assign sel_drained = sel_reads == '0 && sel_posted == '0 && !busy_i[sel_fn_i] && !req_rd_i[sel_fn_i]
                       && !req_wr_i[sel_fn_i] && !req_msi_i[sel_fn_i];
`ifndef BUG_ACK_FORGETS_POSTED  // which is to break the rules of the acknowledge, two cycles later
  `VF_ASSERT(a_drained, drained_i[sel_fn_i] == sel_drained)
`endif

  // --- (e) tags ---

  logic rd_known, rd_fresh, rd_own_right, expired_right;
  assign rd_known      = (TagW + 1)'(rd_tag_i) < cfg_tags_i;
  assign rd_fresh      = !rd_wire || (!live_q[rd_tag_i] && rd_age == OldAge);
  assign rd_own_right  = rd_pool || (rd_tag_i == TagW'(rd_fn_i) && rd_fn_i == slot_fn_i);
  assign expired_right = live_q[expired_tag_i] && expired_age >= OldAge - AgeW'(1)
                         && !(cpl_valid_i && cpl_tag_i == expired_tag_i);
  `VF_ASSERT(a_tag_known, !rd_valid_i || rd_known)
  `VF_ASSERT(a_tag_rested, !rd_valid_i || rd_fresh)
  `VF_ASSERT(a_own_tag_for_its_function, !rd_valid_i || rd_own_right)
  `VF_ASSERT(a_time_out_not_early, !expired_valid_i || expired_right)

  logic overdue;
  always_comb begin
    overdue = 1'b0;
    if (tick) begin
      for (int unsigned t = 0; t < Tags; t++) begin
        if (live_q[t] && age_q[t*AgeW +: AgeW] == OldAge) overdue = 1'b1;
      end
    end
  end
  `VF_ASSERT(a_time_out_comes, !overdue)
  `VF_ASSERT(a_time_out_reported, cpl_timeout_i == timeout_q)

  // A tag that waits for its completion is not unexpected; one that was never sent is. In between: quarantine may be over.
  logic unexpected_right;
  assign unexpected_right = cpl_valid_i ? (unexpected_cpl_i ? !live_q[cpl_tag_i] : wire_q[cpl_tag_i]) : !unexpected_cpl_i;
  `VF_ASSERT(a_unexpected_completion, unexpected_right)

  // --- counts, FLR ---

  logic [TagW:0] sel_outst;
  assign sel_outst = (TagW + 1)'($countones(sel_reads));
  `VF_ASSERT(a_outstanding_counted, outst_i == sel_outst)
  `VF_ASSERT(a_posted_counted, posted_i == sel_posted)
  `VF_ASSERT(a_state, (state_i == dma_gate_pkg::StQuiet) == quiesce_ack_i[sel_fn_i]
             && (state_i == dma_gate_pkg::StRun) == !asked_q[sel_fn_i])

  // --- grants: to whom asks, to the slot first, to somebody whenever possible ---

  logic [Functions-1:0] may_rd, may_wr;
  assign may_rd = req_rd_i & ~closed & ~resets;
  assign may_wr = (req_wr_i & ~closed | req_msi_i) & ~resets;

  logic rd_due, rd_slot_due, wr_slot_full, wr_slot_due;
  assign rd_due       = rd_ready_i && may_rd != '0 && pool_wire_q < cfg_tags_i - cfg_own_i;
  assign rd_slot_due  = rd_ready_i && may_rd[slot_fn_i] && (TagW + 1)'(slot_fn_i) < cfg_own_i && !wire_q[TagW'(slot_fn_i)];
  assign wr_slot_full = posted_any_q[slot_fn_i] && posted_q[slot_fn_i] == PostedMax;
  assign wr_slot_due  = wr_ready_i && may_wr[slot_fn_i] && !wr_slot_full;
  `VF_ASSERT(a_read_was_asked, !rd_valid_i || (rd_ready_i && may_rd[rd_fn_i]))
  `VF_ASSERT(a_posted_was_asked, !wr_valid_i || (wr_ready_i && may_wr[wr_fn_i] && wr_msi_i == req_msi_i[wr_fn_i]))
  `VF_ASSERT(a_no_posted_overflow, !wr_valid_i || wr_posted != PostedMax)
  `VF_ASSERT(a_read_not_idle, !rd_due || rd_valid_i)
  `VF_ASSERT(a_read_slot, !rd_slot_due || (rd_valid_i && rd_fn_i == slot_fn_i && rd_tag_i == TagW'(slot_fn_i)))
  `VF_ASSERT(a_posted_slot, !wr_slot_due || (wr_valid_i && wr_fn_i == slot_fn_i))

  // --- what simulations are expected to reach ---

  `VF_COVER(c_ack, first_ack != '0)
  `VF_COVER(c_ack_after_time_out, (first_ack & cpl_timeout_i) != '0)
  `VF_COVER(c_msi_when_quiet, wr_valid_i && wr_msi_i && quiesce_ack_i[wr_fn_i])
  `VF_COVER(c_resume_before_ack, (asked_q & ~quiesce_req_i & ~quiesce_ack_i) != '0)
  `VF_COVER(c_late_completion, cpl_wire && !live_q[cpl_tag_i] && !unexpected_cpl_i)
  `VF_COVER(c_unexpected_completion, unexpected_cpl_i)
  `VF_COVER(c_tag_after_quarantine, rd_valid_i && rd_wire)
  `VF_COVER(c_flr_with_reads, reset_reads != '0)
  `VF_COVER(c_flr_when_quiet, (resets & quiesce_ack_i) != '0)
  `VF_COVER(c_read_and_completion_of_one_function, rd_valid_i && cpl_wire && cpl_fn == rd_fn_i)
  `VF_COVER(c_read_meets_time_out, rd_valid_i && expired_valid_i && expired_fn == rd_fn_i)

`ifdef VF_INDUCTION
  // --- what ties the history above to the state of the block, so that one step of induction proves all ---

  `VF_LEMMA(h_used_on_wire, (used_i & ~wire_q) == '0)
  `VF_LEMMA(h_live, live_q == live_i && (live_i & ~used_i) == '0 && (live_i & dead_i) == '0)
  for (genvar t = 0; t < Tags; t++) begin : gen_tag
    logic [AgeW-1:0] age, seen;
    assign age  = age_i[t*AgeW +: AgeW];
    assign seen = age_q[t*AgeW +: AgeW];
    `VF_LEMMA(h_in_use, !used_i[t] || (t < cfg_tags_i && age != OldAge))
    `VF_LEMMA(h_owner, !used_i[t] || owner_q[t] == fn_i[t*FnW +: FnW])
    `VF_LEMMA(h_age_live, !live_i[t] || ((AgeW + 1)'(age) + (AgeW + 1)'(due_i[t]) <= (AgeW + 1)'(seen) + (AgeW + 1)'(1)
               && (AgeW + 1)'(age) + (AgeW + 1)'(due_i[t]) >= (AgeW + 1)'(seen)))
    `VF_LEMMA(h_age_dead, !(used_i[t] && dead_i[t]) || (AgeW + 1)'(age) + (AgeW + 1)'(due_i[t]) <= (AgeW + 1)'(seen))
    `VF_LEMMA(h_age_free, !(wire_q[t] && !used_i[t]) || seen == OldAge)
    for (genvar f = 0; f < Functions; f++) begin : gen_fn
      `VF_LEMMA(h_reads, (sent_q[f] && reads_q[f][t]) == (live_q[t] && owner_q[t] == FnW'(f)))
    end
  end
  for (genvar f = 0; f < Functions; f++) begin : gen_fn
    `VF_LEMMA(h_outst, all_outst_i[f*(TagW+1) +: TagW+1] == (TagW + 1)'($countones(sent_q[f] ? reads_q[f] : '0)))
    `VF_LEMMA(h_posted, all_posted_i[f*PostedW +: PostedW] == (posted_any_q[f] ? posted_q[f] : '0))
    `VF_LEMMA(h_posted_any, !posted_any_q[f] || posted_q[f] != '0)
  end
  logic [TagW:0] pool_wire;
  always_comb begin
    pool_wire = '0;
    for (int unsigned t = 0; t < Tags; t++) pool_wire = pool_wire + (TagW + 1)'(wire_q[t] && t >= 32'(cfg_own_i));
  end
  `VF_LEMMA(h_pool_wire, pool_wire_q == pool_wire)
  `VF_LEMMA(h_wire_known, (wire_q >> cfg_tags_i) == '0)
  `VF_LEMMA(h_gates, asked_q == (drain_i | quiesce_ack_i) && (drain_i & quiesce_ack_i) == '0 && (closed_q & ~quiesce_ack_i) == '0)
`endif
endmodule

`default_nettype wire
