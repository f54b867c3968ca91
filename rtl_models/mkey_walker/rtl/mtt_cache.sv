`default_nettype none

// Direct-mapped cache of translation entries (MTT). Consecutive entries lie in different lines.
//
// look_* answers in the same cycle. fill_* takes over an entry at the end of the cycle. drop_* forgets the entries
// drop_first_i .. drop_first_i + drop_count_i - 1 at the end of the cycle and wins over a fill of the same cycle.
module mtt_cache #(
  parameter  int unsigned Lines  = 32,
  parameter  int unsigned EntryW = 20,
  parameter  int unsigned DataW  = 64,
  localparam int unsigned LineW  = $clog2(Lines),
  localparam int unsigned HeldW  = 1 + EntryW - LineW + DataW
) (
  input  wire logic              clk_i,
  input  wire logic              rst_ni,
  input  wire logic [EntryW-1:0] look_entry_i,
  output logic                   look_hit_o,
  output logic [DataW-1:0]       look_data_o,
  input  wire logic              fill_valid_i,
  input  wire logic [EntryW-1:0] fill_entry_i,
  input  wire logic [DataW-1:0]  fill_data_i,
  input  wire logic              drop_valid_i,
  input  wire logic [EntryW-1:0] drop_first_i,
  input  wire logic [EntryW:0]   drop_count_i,
  /* verilator tracing_off */ // nothing to simulate where nobody reads it
  output logic [Lines*HeldW-1:0] held_o  // for proofs: valid, tag and data of each line
  /* verilator tracing_on */
);
  localparam int unsigned TagW = EntryW - LineW;

  initial begin
    if (1 << LineW != Lines) $fatal(1, "mtt_cache: Lines must be a power of two");
    if (EntryW <= LineW) $fatal(1, "mtt_cache: there must be more entries than Lines");
  end

  logic [Lines-1:0] valid_q;
  logic [TagW-1:0]  tag_q  [Lines];
  logic [DataW-1:0] data_q [Lines];

  logic [LineW-1:0] look_line, fill_line;
  assign look_line   = look_entry_i[LineW-1:0];
  assign fill_line   = fill_entry_i[LineW-1:0];
  assign look_hit_o  = valid_q[look_line] && tag_q[look_line] == look_entry_i[EntryW-1:LineW];
  assign look_data_o = data_q[look_line];

  // Distance from the first dropped entry, so that a range may end at the last entry of the table.
  function automatic logic dropped(input logic [EntryW-1:0] entry, input logic [EntryW-1:0] first,
                                   input logic [EntryW:0] count);
    dropped = entry >= first && {1'b0, entry - first} < count;
  endfunction

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
    end else begin
      if (fill_valid_i) valid_q[fill_line] <= 1'b1;
      if (drop_valid_i) begin
        for (int unsigned i = 0; i < Lines; i++) begin
`ifdef BUG_STALE_ENTRY
          if ({tag_q[i], LineW'(i)} == drop_first_i) valid_q[i] <= 1'b0;
`else
          if (dropped({tag_q[i], LineW'(i)}, drop_first_i, drop_count_i)) valid_q[i] <= 1'b0;
`endif
        end
        if (fill_valid_i && dropped(fill_entry_i, drop_first_i, drop_count_i)) valid_q[fill_line] <= 1'b0;
      end
    end
  end

  for (genvar l = 0; l < Lines; l++) begin : gen_held
    assign held_o[l*HeldW +: HeldW] = {valid_q[l], tag_q[l], data_q[l]};
  end

  always_ff @(posedge clk_i) begin
    if (fill_valid_i) begin
      tag_q[fill_line]  <= fill_entry_i[EntryW-1:LineW];
      data_q[fill_line] <= fill_data_i;
    end
  end
endmodule

`default_nettype wire
