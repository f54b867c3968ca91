`include "vf_assert.svh"
`default_nettype none

// Proof of (g): each rung slot is executed exactly once. The rules of cmd_doorbell_chk for all functions and slots, and
// with TURNS that nobody waits for more than every other slot's turn. 4 functions, 4 slots (TURNS: 2). Seeded bugs:
//   BUG_RING_LOST      a ring that meets an order of the firmware to the same function is lost
//   BUG_TWICE          a take leaves the slot pending
//   BUG_HELD           hold is looked at when an offer is made, not while it stands
//   BUG_KEEP_OWNED     a ring of an owned slot is dropped
//   BUG_STALE_OFFER    a reset does not withdraw the offer
//   BUG_LOW_FIRST      the lowest slot always comes first: others starve
//   BUG_TURN_OF_OFFER  an offer costs the turn, even if it is withdrawn: who is offered when room ends may starve
//   BUG_BOUND          no bug: shows that the bound of `TURNS is exact
module cmd_doorbell_fv #(
  parameter  int unsigned Functions = 4,
`ifdef TURNS
  parameter  int unsigned Slots     = 2,
`else
  parameter  int unsigned Slots     = 4,
`endif
  localparam int unsigned FnW       = $clog2(Functions),
  localparam int unsigned SlotW     = $clog2(Slots)
) (
  input wire logic                 clk_i,
  input wire logic                 rst_ni,
  input wire logic                 ring_valid_i,
  input wire logic [FnW-1:0]       ring_fn_i,
  input wire logic [Slots-1:0]     ring_slots_i,
  input wire logic                 take_valid_i,
  input wire logic                 done_valid_i,
  input wire logic                 set_valid_i,
  input wire logic                 clear_valid_i,
  input wire logic [FnW-1:0]       fw_fn_i,
  input wire logic [SlotW-1:0]     fw_slot_i,
  input wire logic [Slots-1:0]     fw_slots_i,
  input wire logic                 flr_valid_i,
  input wire logic [FnW-1:0]       flr_fn_i,
  input wire logic [Functions-1:0] hold_i,
  input wire logic                 room_i,
  input wire logic                 room_last_i,
  input wire logic [FnW-1:0]       sel_fn_i
);
  logic             offer_valid_o;
  logic [FnW-1:0]   offer_fn_o;
  logic [SlotW-1:0] offer_slot_o;
  logic [Slots-1:0] pending_o, owned_o;

  cmd_doorbell #(.Functions(Functions), .Slots(Slots), .Group(2)) u_dut (.*);
  cmd_doorbell_chk #(.Functions(Functions), .Slots(Slots)) u_chk (
    .offer_valid_i(offer_valid_o), .offer_fn_i(offer_fn_o), .offer_slot_i(offer_slot_o), .pending_i(pending_o),
    .owned_i(owned_o), .*
  );

  // reset: the first cycle, then never again
  logic started_q = 1'b0;
  always @(posedge clk_i) started_q <= 1'b1;
  always_comb assume (rst_ni == started_q);

`ifdef TURNS
  // One slot of one function stands for all: takes of others while it waits and its function is not held. Room may come
  // and go; a last slot that was offered out of turn, because there was room for no other, starts the count again.
  (* anyconst *) logic [FnW-1:0] fn;
  (* anyconst *) logic [SlotW-1:0] slot;
  always_comb assume (sel_fn_i == fn);
  logic       waits, take, out_of_turn_q;
  logic [4:0] passed_q;
  assign take  = take_valid_i && offer_valid_o && fw_fn_i == offer_fn_o && fw_slot_i == offer_slot_o;
  assign waits = pending_o[slot] && !owned_o[slot] && !hold_i[fn] && !(clear_valid_i && fw_fn_i == fn)
               && !(flr_valid_i && flr_fn_i == fn);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) out_of_turn_q <= 1'b0;
    else if (!offer_valid_o) out_of_turn_q <= !room_i;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) passed_q <= '0;
    else if (!waits || (take && (out_of_turn_q || (fw_fn_i == fn && fw_slot_i == slot)))) passed_q <= '0;
    else if (take) passed_q <= passed_q + 5'd1;
  end
`ifdef BUG_BOUND
  localparam int unsigned Bound = Functions * Slots - 2;
`else
  localparam int unsigned Bound = Functions * Slots - 1; // every other slot once
`endif
  `VF_ASSERT(a_turn, passed_q <= 5'(Bound))
`endif
endmodule

`default_nettype wire
