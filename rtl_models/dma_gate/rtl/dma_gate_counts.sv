`include "vf_assert.svh"
`default_nettype none

// A counter per function, changed by index: up to one request more and two less per cycle.
module dma_gate_counts #(
  parameter  int unsigned Functions,
  parameter  int unsigned Width,
  localparam int unsigned FnW = $clog2(Functions)
) (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,
  input  wire logic                 up_valid_i,
  input  wire logic [FnW-1:0]       up_fn_i,
  input  wire logic                 down_valid_i,
  input  wire logic [FnW-1:0]       down_fn_i,
  input  wire logic                 late_valid_i,
  input  wire logic [FnW-1:0]       late_fn_i,
  input  wire logic                 clear_valid_i,  // wins
  input  wire logic [FnW-1:0]       clear_fn_i,
  input  wire logic [FnW-1:0]       sel_fn_i,
  output logic [Width-1:0]          count_o,        // of sel_fn_i
  output logic [Functions-1:0]      none_o,
  output logic [Functions-1:0]      full_o
`ifdef VF_INDUCTION
  ,
  output logic [Functions*Width-1:0] all_o
`endif
);
  localparam logic [Width-1:0] Full = {Width{1'b1}};

  logic [Functions-1:0] none_q, full_q;
  logic [Width-1:0]     count_q [Functions];  // of a function with none_q: old, means 0

  // A function that is named twice gets the sum at both ends: it does not matter which is written last.
  function automatic logic [Width-1:0] less(input logic [FnW-1:0] fn);
`ifdef BUG_COMPLETION_LOST
    less = up_valid_i && up_fn_i == fn ? {Width{1'b1}} : Width'(down_valid_i && down_fn_i == fn)
                                                         + Width'(late_valid_i && late_fn_i == fn);
`else
    less = Width'(down_valid_i && down_fn_i == fn) + Width'(late_valid_i && late_fn_i == fn)
           - Width'(up_valid_i && up_fn_i == fn);
`endif
  endfunction

  logic [Width-1:0] up, down, late;
  assign up   = (none_q[up_fn_i] ? '0 : count_q[up_fn_i]) - less(up_fn_i);
  assign down = (none_q[down_fn_i] ? '0 : count_q[down_fn_i]) - less(down_fn_i);
  assign late = (none_q[late_fn_i] ? '0 : count_q[late_fn_i]) - less(late_fn_i);

  always_ff @(posedge clk_i) begin
    if (up_valid_i)   count_q[up_fn_i]   <= up;
    if (down_valid_i) count_q[down_fn_i] <= down;
    if (late_valid_i) count_q[late_fn_i] <= late;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      none_q <= '1;
      full_q <= '0;
    end else begin
      if (up_valid_i) begin
        none_q[up_fn_i] <= up == '0;
        full_q[up_fn_i] <= up == Full;
      end
      if (down_valid_i) begin
        none_q[down_fn_i] <= down == '0;
        full_q[down_fn_i] <= down == Full;
      end
      if (late_valid_i) begin
        none_q[late_fn_i] <= late == '0;
        full_q[late_fn_i] <= late == Full;
      end
      if (clear_valid_i) begin
        none_q[clear_fn_i] <= 1'b1;
        full_q[clear_fn_i] <= 1'b0;
      end
    end
  end

  assign count_o = none_q[sel_fn_i] ? '0 : count_q[sel_fn_i];
  assign none_o  = none_q;
  assign full_o  = full_q;

`ifdef VF_INDUCTION
  for (genvar f = 0; f < Functions; f++) begin : gen_state
    assign all_o[f*Width +: Width] = none_q[f] ? '0 : count_q[f];
    `VF_LEMMA(h_none, none_q[f] || count_q[f] != '0)
    `VF_LEMMA(h_full, full_q[f] == (!none_q[f] && count_q[f] == Full))
  end
`endif
endmodule

`default_nettype wire
