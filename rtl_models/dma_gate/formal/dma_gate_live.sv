`include "vf_assert.svh"
`default_nettype none

// Proof top: how long a quiesce takes. Function `sel` has an own tag; the others do what they like. From the close on, at most
// Reads reads and Writes posted requests of sel are left, which are requested until granted, and the link is ready. Reads are
// answered within K cycles, posted requests land within KP. Then the acknowledge comes Bound cycles after quiesce_req_i.
//
// A read that just misses the own tag waits for the answer of the one before it and for the next slot behind it (Turn
// cycles), and so on; the last one takes K. CMakeLists.txt has the sets of parameters that this is proved for.
module dma_gate_live #(
  parameter  int unsigned Functions = 2,
  parameter  int unsigned Tags      = 4,
  parameter  int unsigned AgeW      = 2,
  parameter  int unsigned PostedW   = 2,
  parameter  int unsigned K         = 4,
  parameter  int unsigned KP        = 8,
  parameter  int unsigned Reads     = 1,
  parameter  int unsigned Writes    = 1,
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
  input wire logic [1:0]           reads_left_i,
  input wire logic [1:0]           writes_left_i
);
  localparam int unsigned Turn      = Functions * ((K + Functions) / Functions);
  localparam int unsigned ReadTime  = Turn * Reads + K;
  localparam int unsigned WriteTime = Functions * Writes + KP;
  localparam int unsigned Exact     = (ReadTime > WriteTime ? ReadTime : WriteTime) + 1;
`ifdef BUG_BOUND_ONE_BELOW
  localparam int unsigned Bound = Exact - 1;
`else
  localparam int unsigned Bound = Exact;
`endif

  (* anyconst *) logic [TagW:0]  cfg_own_i;
  (* anyconst *) logic [TagW:0]  cfg_tags_i;
  (* anyconst *) logic [FnW-1:0] sel_fn_i;

  logic [Functions-1:0] quiesce_ack_o, drained_o, cpl_timeout_o;
  logic                 rd_valid_o, wr_valid_o, wr_msi_o, unexpected_cpl_o, expired_valid_o, sweep_o;
  logic [FnW-1:0]       slot_fn_o, rd_fn_o, wr_fn_o;
  logic [TagW-1:0]      rd_tag_o, expired_tag_o;
  dma_gate_pkg::state_e state_o;
  logic [TagW:0]        outst_o;
  logic [PostedW-1:0]   posted_o;
`ifdef VF_INDUCTION
  logic [Tags-1:0]               used_o, live_o, dead_o, due_o;
  logic [Tags*FnW-1:0]           fn_o;
  logic [Tags*AgeW-1:0]          age_o;
  logic [Functions*(TagW+1)-1:0] all_outst_o;
  logic [Functions*PostedW-1:0]  all_posted_o;
  logic [Functions-1:0]          drain_o;
`endif
  dma_gate #(.Functions(Functions), .Tags(Tags), .AgeW(AgeW), .PostedW(PostedW), .Group(2)) u_gate (.*);

  logic asked, posts, reads;
  assign asked = quiesce_req_i[sel_fn_i];
  assign reads = rd_valid_o && rd_fn_o == sel_fn_i;
  assign posts = wr_valid_o && wr_fn_o == sel_fn_i;

  // answers in time
  logic [Tags-1:0] mine_q;
  logic [3:0]      age_q [Tags];
  for (genvar t = 0; t < Tags; t++) begin : gen_tag
    logic answered;
    assign answered = cpl_valid_i && cpl_tag_i == TagW'(t);
    always @(posedge clk_i) begin
      if (!rst_ni) mine_q[t] <= 1'b0;
      else if (reads && rd_tag_o == TagW'(t)) mine_q[t] <= 1'b1;
      else if (answered || (expired_valid_o && expired_tag_o == TagW'(t))) mine_q[t] <= 1'b0;
      if (reads && rd_tag_o == TagW'(t)) age_q[t] <= 4'd1;
      else if (mine_q[t]) age_q[t] <= age_q[t] + 4'd1;
    end
    always_comb assume (!(mine_q[t] && age_q[t] >= 4'(K) && !answered));
  end

  // landings in time: KP after the last posted request there is none in flight
  logic [3:0] flight_q;
  logic       lands;
  assign lands = wr_done_valid_i && wr_done_fn_i == sel_fn_i;
  always @(posedge clk_i) begin
    if (!rst_ni || posts) flight_q <= 4'd1;
    else if (flight_q != 4'(KP)) flight_q <= flight_q + 4'd1;
  end
  always_comb assume (!(flight_q == 4'(KP) && posted_o > PostedW'(lands)));

  // what is left, and how long it has taken
  logic [1:0] reads_left_q, writes_left_q;
  logic       asked_q;
  logic [5:0] wait_q;
  logic [1:0] reads_left, writes_left;
  assign reads_left  = asked_q ? reads_left_q : reads_left_i;
  assign writes_left = asked_q ? writes_left_q : writes_left_i;
  always @(posedge clk_i) begin
    asked_q       <= rst_ni && asked;
    reads_left_q  <= reads_left - 2'(reads);
    writes_left_q <= writes_left - 2'(posts);
    if (!rst_ni || !asked || quiesce_ack_o[sel_fn_i]) wait_q <= '0;
    else wait_q <= wait_q + 6'd1;
  end
  always_comb begin
    assume (cfg_tags_i <= (TagW + 1)'(Tags) && cfg_own_i <= cfg_tags_i && cfg_own_i <= (TagW + 1)'(Functions));
    assume ((TagW + 1)'(sel_fn_i) < cfg_own_i);
    assume (!tick_i);  // K is far below the time-out
    assume (!lands || posted_o != '0);
    assume ((req_wr_i & req_msi_i) == '0);
    assume (posted_o != {PostedW{1'b1}});  // the credits of the link come first
    assume (!(flr_valid_i && flr_fn_i == sel_fn_i));
    assume (reads_left_i <= 2'(Reads) && writes_left_i <= 2'(Writes));
    if (asked) begin
      assume (rd_ready_i && wr_ready_i && !busy_i[sel_fn_i]);
      assume (req_rd_i[sel_fn_i] == (reads_left != 2'd0));
      assume ((req_wr_i[sel_fn_i] || req_msi_i[sel_fn_i]) == (writes_left != 2'd0));
    end
  end
  `VF_ASSERT(a_ack_in_time, 32'(wait_q) <= Bound)

`ifdef VF_INDUCTION
  // Why: what is still to come fits into what is left of the time.
  int unsigned reads_sent, writes_sent;  // of the Reads and Writes, at least
  assign reads_sent  = Reads - 32'(reads_left_q);
  assign writes_sent = Writes - 32'(writes_left_q);
  logic [FnW-1:0] to_slot, since_slot;
  logic           own_mine, nothing;
  logic [5:0]     own_age;
  assign to_slot    = sel_fn_i - slot_fn_o;
  assign since_slot = slot_fn_o - sel_fn_i;
  assign own_mine = mine_q[TagW'(sel_fn_i)];
  assign own_age  = 6'(age_q[TagW'(sel_fn_i)]);
  assign nothing  = reads_left_q == 2'd0 && writes_left_q == 2'd0 && mine_q == '0 && posted_o == '0;
  `VF_LEMMA(h_no_sweep, !sweep_o)
  `VF_LEMMA(h_own_used, used_o[TagW'(sel_fn_i)] == own_mine)
  `VF_LEMMA(h_outst, outst_o == (TagW + 1)'($countones(mine_q)))
  `VF_LEMMA(h_gate, asked_q == (drain_o[sel_fn_i] || quiesce_ack_o[sel_fn_i]) && !(drain_o[sel_fn_i] && quiesce_ack_o[sel_fn_i]))
  `VF_LEMMA(h_wait, wait_q == '0 || asked_q)
  `VF_LEMMA(h_left, !asked_q || (reads_left_q <= 2'(Reads) && writes_left_q <= 2'(Writes)))
  `VF_LEMMA(h_own_slot, !own_mine || own_age[FnW-1:0] == since_slot)
  `VF_LEMMA(h_write_waits, wait_q == '0 || writes_left_q == 2'd0
            || 32'(wait_q) + 32'(to_slot) < Functions * (writes_sent + 1))
  `VF_LEMMA(h_read_waits, wait_q == '0 || reads_left_q == 2'd0 || own_mine
            || 32'(wait_q) + 32'(to_slot) < Turn * (reads_sent + 1))
  `VF_LEMMA(h_flight, flight_q != '0 && flight_q <= 4'(KP))
  `VF_LEMMA(h_write_flies, wait_q == '0 || posted_o == '0 || writes_left_q != 2'd0 || 32'(wait_q) < 32'(flight_q) + Functions * Writes)
  `VF_LEMMA(h_ends, wait_q == '0 || !nothing || quiesce_ack_o[sel_fn_i] || 32'(wait_q) < Bound)
  `VF_LEMMA(h_quiet, !quiesce_ack_o[sel_fn_i] || (mine_q == '0 && reads_left_q == 2'd0))
  for (genvar t = 0; t < Tags; t++) begin : gen_lemma
    `VF_LEMMA(h_mine, mine_q[t] == (live_o[t] && fn_o[t*FnW +: FnW] == sel_fn_i))
    `VF_LEMMA(h_used, !live_o[t] || used_o[t])
    `VF_LEMMA(h_age, !mine_q[t] || (age_q[t] != '0 && age_q[t] <= 4'(K)))
    `VF_LEMMA(h_read_flies, wait_q == '0 || !mine_q[t] || 32'(wait_q) < 32'(age_q[t]) + Turn * reads_sent)
  end
`endif

  // One cycle of reset, then never again.
  logic started_q = 1'b0;
  always @(posedge clk_i) started_q <= 1'b1;
  always_comb assume (rst_ni == started_q);
endmodule

`default_nettype wire
