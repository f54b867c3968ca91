`default_nettype none

// Slots and a work-conserving round robin: the function whose slot it is goes first, otherwise whoever asks, in turn.
module dma_gate_arbiter #(
  parameter  int unsigned Functions,
  parameter  int unsigned Group,
  localparam int unsigned FnW = $clog2(Functions)
) (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,
  input  wire logic [Functions-1:0] req_i,
  input  wire logic [FnW-1:0]       slot_fn_i,
  input  wire logic                 taken_i,    // the grant of this cycle is used
  output logic                      valid_o,
  output logic                      in_slot_o,  // it goes to the function whose slot it is
  output logic [FnW-1:0]            fn_o
);
  logic [FnW-1:0] next;
  rr_arbiter #(.N(Functions), .Group(Group)) u_rr (
    .clk_i, .rst_ni, .req_i, .taken_i(taken_i && !in_slot_o), .valid_o, .index_o(next)
  );
  assign in_slot_o = req_i[slot_fn_i];
  assign fn_o      = in_slot_o ? slot_fn_i : next;
endmodule

`default_nettype wire
