`include "vf_assert.svh"
`default_nettype none

// The tags: own ones, a pool handed out in turn, quarantine, completion time-out.
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
`ifdef VF_INDUCTION
  ,
  output logic [Tags-1:0]      used_o,
  output logic [Tags-1:0]      live_o,
  output logic [Tags-1:0]      dead_o,
  output logic [Tags-1:0]      due_o,  // the running sweep will still come to it
  output logic [Tags*FnW-1:0]  fn_o,
  output logic [Tags*AgeW-1:0] age_o
`endif
);
  localparam logic [AgeW-1:0] LastAge = AgeW'((1 << AgeW) - 2);

  // Used tags in words, so that the search for a free one looks at two of them and at one bit per word.
  localparam int unsigned WordW = TagW / 2;
  localparam int unsigned Word  = 1 << WordW;
  localparam int unsigned Words = Tags / Word;
  typedef logic [WordW-1:0]      bit_t;
  typedef logic [TagW-WordW-1:0] word_t;

  logic [Word-1:0] used_q [Words];
  logic [Tags-1:0] live_q, dead_q;
  logic [FnW-1:0]  fn_q  [Tags];
  logic [AgeW-1:0] age_q [Tags];

  function automatic logic used(input logic [TagW-1:0] tag);
    used = used_q[tag[TagW-1:WordW]][tag[WordW-1:0]];
  endfunction

  // sweep; a completion wins against it
  logic            sweep_q, visit, old, released;
  logic [TagW-1:0] at_q;
  assign visit    = sweep_q && used(at_q) && !(cpl_valid_i && cpl_tag_i == at_q);
  assign old      = visit && age_q[at_q] == LastAge;
`ifdef BUG_NO_QUARANTINE
  assign released = old;  // a time-out frees the tag at once
`else
  assign released = old && dead_q[at_q];
`endif

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      sweep_q <= 1'b0;
      at_q    <= '0;
    end else if (!sweep_q) begin
      sweep_q <= tick_i;
      at_q    <= '0;
    end else begin
`ifdef BUG_SWEEP_STOPS_SHORT
      sweep_q <= (TagW + 1)'(at_q) + (TagW + 1)'(2) < cfg_tags_i;
`else
      sweep_q <= (TagW + 1)'(at_q) + (TagW + 1)'(1) != cfg_tags_i;
`endif
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
  assign cpl_used = cpl_valid_i && used(cpl_tag_i);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned w = 0; w < Words; w++) used_q[w] <= '0;
      live_q <= '0;
      dead_q <= '0;
    end else begin
`ifdef BUG_FLR_FORGETS_TAGS
      live_q <= live_q;
`else
      live_q <= live_q & ~reset_tags;
`endif
      if (cpl_used) used_q[cpl_tag_i[TagW-1:WordW]][cpl_tag_i[WordW-1:0]] <= 1'b0;
      if (cpl_used) live_q[cpl_tag_i] <= 1'b0;
      if (old)      live_q[at_q] <= 1'b0;
      if (old)      dead_q[at_q] <= 1'b1;
      if (released) used_q[at_q[TagW-1:WordW]][at_q[WordW-1:0]] <= 1'b0;
      if (take_i)   used_q[take_tag_i[TagW-1:WordW]][take_tag_i[WordW-1:0]] <= 1'b1;
      if (take_i)   live_q[take_tag_i] <= 1'b1;
      if (take_i)   dead_q[take_tag_i] <= 1'b0;
    end
  end

  // pool: the next free tag behind the one handed out last
  function automatic logic [Word-1:0] free(input word_t word);  // of the pool, in this word
    logic [TagW:0] first;
    first = {1'b0, word, WordW'(0)};
    free  = ~used_q[word];
    if (cfg_own_i > first) free = free & ({Word{1'b1}} << (cfg_own_i - first));
    if (cfg_tags_i > first) free = free & ~({Word{1'b1}} << (cfg_tags_i - first));
    else free = '0;
  endfunction
  function automatic bit_t lowest_bit(input logic [Word-1:0] bits);
    lowest_bit = '0;
    for (int unsigned i = Word; i > 0; i--) if (bits[i-1]) lowest_bit = WordW'(i - 1);
  endfunction
  function automatic word_t lowest_word(input logic [Words-1:0] words);
    lowest_word = '0;
    for (int unsigned i = Words; i > 0; i--) if (words[i-1]) lowest_word = (TagW - WordW)'(i - 1);
  endfunction

  logic [TagW-1:0]  last_q;
  logic [Words-1:0] full_q, pool_words, some, behind;
  logic [Word-1:0]  here, there;
  word_t            last_word, word;
  logic             stay, take_pool, cpl_back, released_back;
  assign last_word  = last_q[TagW-1:WordW];
  assign pool_words = ({Words{1'b1}} << cfg_own_i[TagW:WordW])
                      & ~({Words{1'b1}} << ((cfg_tags_i + (TagW + 1)'(Word - 1)) >> WordW));
  assign some       = cfg_own_i < cfg_tags_i ? ~full_q & pool_words : '0;
  assign behind     = some & ({Words{1'b1}} << last_word << 1);
  assign here       = free(last_word) & ({Word{1'b1}} << last_q[WordW-1:0] << 1);
  assign stay       = here != '0;
  assign word       = lowest_word(behind != '0 ? behind : some);
  assign there      = stay ? here : free(word);

  assign pool_valid_o = some != '0;
  assign pool_tag_o   = {stay ? last_word : word, lowest_bit(there)};

  assign take_pool     = take_i && !take_own_i;
  assign cpl_back      = cpl_used && (TagW + 1)'(cpl_tag_i) >= cfg_own_i;
  assign released_back = released && (TagW + 1)'(at_q) >= cfg_own_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      last_q <= '0;
      full_q <= '0;
    end else begin
      if (take_pool) last_q <= take_tag_i;
      if (take_pool) full_q[take_tag_i[TagW-1:WordW]] <= (free(take_tag_i[TagW-1:WordW]) & ~(Word'(1) << take_tag_i[WordW-1:0])) == '0;
`ifdef BUG_POOL_LEAK
`else
      if (cpl_back)      full_q[cpl_tag_i[TagW-1:WordW]] <= 1'b0;
`endif
      if (released_back) full_q[at_q[TagW-1:WordW]] <= 1'b0;
    end
  end

  assign own_free_o       = (TagW + 1)'(own_fn_i) < cfg_own_i && !used(TagW'(own_fn_i));
  assign cpl_live_o       = cpl_used && live_q[cpl_tag_i];
  assign cpl_fn_o         = fn_q[cpl_tag_i];
  assign unexpected_cpl_o = cpl_valid_i && !used(cpl_tag_i);
  assign expired_fn_o     = fn_q[at_q];
  assign expired_valid_o  = old && live_q[at_q] && !(flr_valid_i && flr_fn_i == expired_fn_o);
  assign expired_tag_o    = at_q;
  assign sweep_o          = sweep_q;

`ifdef VF_INDUCTION
  for (genvar t = 0; t < Tags; t++) begin : gen_state
    assign used_o[t]             = used_q[t / Word][t % Word];
    assign due_o[t]              = sweep_q && TagW'(t) >= at_q;
    assign fn_o[t*FnW +: FnW]    = fn_q[t];
    assign age_o[t*AgeW +: AgeW] = age_q[t];
  end
  assign live_o = live_q;
  assign dead_o = dead_q;

  logic full_right;
  always_comb begin
    full_right = 1'b1;
    for (int unsigned w = 0; w < Words; w++) begin
      if (pool_words[w] && cfg_own_i < cfg_tags_i && full_q[w] != (free((TagW - WordW)'(w)) == '0)) full_right = 1'b0;
    end
  end
  `VF_LEMMA(h_full_words, full_right)
  `VF_LEMMA(h_sweep_within, !sweep_q || (TagW + 1)'(at_q) < cfg_tags_i)
`endif
endmodule

`default_nettype wire
