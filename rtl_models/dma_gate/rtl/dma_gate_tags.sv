`default_nettype none

// The tags: own ones, a pool that gives out what has rested longest, quarantine, completion time-out.
//
// A used tag is live while a read of its function is outstanding, otherwise in quarantine. A sweep, once per tick, looks
// at one used tag per cycle and counts its age. After one time-out the tag is dead, its read has expired; after one more
// it is free again, unless its completion came before.
module dma_gate_tags #(
  parameter  int unsigned Functions,
  parameter  int unsigned Tags,
  parameter  int unsigned AgeW,
  localparam int unsigned FnW  = $clog2(Functions),
  localparam int unsigned TagW = $clog2(Tags)
) (
  input  wire logic            clk_i,
  input  wire logic            rst_ni,
  input  wire logic [TagW:0]   cfg_own_i,
  input  wire logic [TagW:0]   cfg_tags_i,
  input  wire logic            tick_i,

  input  wire logic [FnW-1:0]  own_fn_i,
  output logic                 own_free_o,    // the own tag of own_fn_i
  output logic                 pool_valid_o,
  output logic [TagW-1:0]      pool_tag_o,
  input  wire logic            take_i,
  input  wire logic            take_own_i,
  input  wire logic [TagW-1:0] take_tag_i,
  input  wire logic [FnW-1:0]  take_fn_i,

  input  wire logic            cpl_valid_i,
  input  wire logic [TagW-1:0] cpl_tag_i,
  output logic                 cpl_live_o,    // of an outstanding read of cpl_fn_o
  output logic [FnW-1:0]       cpl_fn_o,
  output logic                 unexpected_cpl_o,

  input  wire logic            flr_valid_i,
  input  wire logic [FnW-1:0]  flr_fn_i,
  output logic                 expired_valid_o,
  output logic [TagW-1:0]      expired_tag_o,
  output logic [FnW-1:0]       expired_fn_o,
  output logic                 sweep_o
);
  localparam logic [AgeW-1:0] LastAge = '1 - AgeW'(1);

  logic [Tags-1:0] used_q, live_q, dead_q;
  logic [FnW-1:0]  fn_q  [Tags];
  logic [AgeW-1:0] age_q [Tags];

  // sweep; a completion wins against it
  logic            sweep_q, visit, old, released;
  logic [TagW-1:0] at_q;
  assign visit    = sweep_q && used_q[at_q] && !(cpl_valid_i && cpl_tag_i == at_q);
  assign old      = visit && age_q[at_q] == LastAge;
  assign released = old && dead_q[at_q];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      sweep_q <= 1'b0;
      at_q    <= '0;
    end else if (!sweep_q) begin
      sweep_q <= tick_i;
      at_q    <= '0;
    end else begin
      sweep_q <= (TagW + 1)'(at_q) + (TagW + 1)'(1) != cfg_tags_i;
      at_q    <= at_q + TagW'(1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (visit) age_q[at_q] <= old ? '0 : age_q[at_q] + AgeW'(1);
    if (take_i) begin
      age_q[take_tag_i] <= '0;
      fn_q[take_tag_i]  <= take_fn_i;
    end
  end

  logic [Tags-1:0] reset_tags;
  always_comb begin
    reset_tags = '0;
    if (flr_valid_i) begin
      for (int unsigned t = 0; t < Tags; t++) reset_tags[t] = fn_q[t] == flr_fn_i;
    end
  end

  logic cpl_used;
  assign cpl_used = cpl_valid_i && used_q[cpl_tag_i];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      used_q <= '0;
      live_q <= '0;
      dead_q <= '0;
    end else begin
      live_q <= live_q & ~reset_tags;
      if (cpl_used) used_q[cpl_tag_i] <= 1'b0;
      if (cpl_used) live_q[cpl_tag_i] <= 1'b0;
      if (old)      live_q[at_q] <= 1'b0;
      if (old)      dead_q[at_q] <= 1'b1;
      if (released) used_q[at_q] <= 1'b0;
      if (take_i)   used_q[take_tag_i] <= 1'b1;
      if (take_i)   live_q[take_tag_i] <= 1'b1;
      if (take_i)   dead_q[take_tag_i] <= 1'b0;
    end
  end

  // pool: first the tags that were never used, then a queue
  logic [TagW-1:0] queue_q [Tags];
  logic [TagW-1:0] head_q, tail_q;
  logic [TagW:0]   queued_q, fresh_q;
  logic            fresh, cpl_back, released_back, pop;
  assign fresh         = fresh_q < cfg_tags_i - cfg_own_i;
  assign cpl_back      = cpl_used && (TagW + 1)'(cpl_tag_i) >= cfg_own_i;
  assign released_back = released && (TagW + 1)'(at_q) >= cfg_own_i;
  assign pop           = take_i && !take_own_i && !fresh;

  always_ff @(posedge clk_i) begin
    if (cpl_back)      queue_q[tail_q] <= cpl_tag_i;
    if (released_back) queue_q[tail_q + TagW'(cpl_back)] <= at_q;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      head_q   <= '0;
      tail_q   <= '0;
      queued_q <= '0;
      fresh_q  <= '0;
    end else begin
      head_q   <= head_q + TagW'(pop);
      tail_q   <= tail_q + TagW'(cpl_back) + TagW'(released_back);
      queued_q <= queued_q + (TagW + 1)'(cpl_back) + (TagW + 1)'(released_back) - (TagW + 1)'(pop);
      fresh_q  <= fresh_q + (TagW + 1)'(take_i && !take_own_i && fresh);
    end
  end

  assign own_free_o       = (TagW + 1)'(own_fn_i) < cfg_own_i && !used_q[TagW'(own_fn_i)];
  assign pool_valid_o     = fresh || queued_q != '0;
  assign pool_tag_o       = fresh ? TagW'(cfg_own_i + fresh_q) : queue_q[head_q];
  assign cpl_live_o       = cpl_used && live_q[cpl_tag_i];
  assign cpl_fn_o         = fn_q[cpl_tag_i];
  assign unexpected_cpl_o = cpl_valid_i && !used_q[cpl_tag_i];
  assign expired_fn_o     = fn_q[at_q];
  assign expired_valid_o  = old && live_q[at_q] && !(flr_valid_i && flr_fn_i == expired_fn_o);
  assign expired_tag_o    = at_q;
  assign sweep_o          = sweep_q;
endmodule

`default_nettype wire
