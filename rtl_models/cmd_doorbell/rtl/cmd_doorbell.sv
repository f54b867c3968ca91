`include "vf_assert.svh"
`default_nettype none

// Command doorbells of all functions: which slots are rung, which the firmware works on, which one it is offered.
//
// A slot is pending from its ring to the take, and owned from the take to the firmware's `done`. A ring of an owned slot
// is kept: the slot is offered again behind `done`. Offers go round robin over the functions, and over the slots of a
// function, behind the one that was taken last: one that is withdrawn costs no turn. Nothing of a function under hold is
// offered. See README.md.
module cmd_doorbell #(
  parameter  int unsigned Functions = vf_iface_pkg::VF_MAX_FUNCTIONS,
  parameter  int unsigned Slots     = 1 << vf_iface_pkg::VF_LOG_CMDQ_SIZE,
  parameter  int unsigned Group     = 16, // of the arbiter; divides Functions
  localparam int unsigned FnW       = $clog2(Functions),
  localparam int unsigned SlotW     = $clog2(Slots)
) (
  input  wire logic                     clk_i,
  input  wire logic                     rst_ni,
  // driver: a write to the doorbell vector
  input  wire logic                     ring_valid_i,
  input  wire logic [FnW-1:0]           ring_fn_i,
  input  wire logic [Slots-1:0]         ring_slots_i,
  // firmware: at most one of the four a cycle
  input  wire logic                     take_valid_i,  // takes the offer, if it is still this one
  input  wire logic                     done_valid_i,  // owned -> free
  input  wire logic                     set_valid_i,   // makes slots pending (doorbells of a loaded image)
  input  wire logic                     clear_valid_i, // makes slots not pending
  input  wire logic [FnW-1:0]           fw_fn_i,       // of whichever is valid
  input  wire logic [SlotW-1:0]         fw_slot_i,     // take, done
  input  wire logic [Slots-1:0]         fw_slots_i,    // set, clear
  // reset of a function: nothing pending, nothing owned
  input  wire logic                     flr_valid_i,
  input  wire logic [FnW-1:0]           flr_fn_i,
  // levels
  input  wire logic [Functions-1:0]     hold_i,        // nothing of the function is offered
  input  wire logic                     room_i,        // the firmware has room for a command of any slot,
  input  wire logic                     room_last_i,   // for one of the last slot (room_i implies it)
  // stays until it is taken, or not allowed any more (hold, room, clear, reset)
  output logic                          offer_valid_o,
  output logic [FnW-1:0]                offer_fn_o,
  output logic [SlotW-1:0]              offer_slot_o,
  // look at one function
  input  wire logic [FnW-1:0]           sel_fn_i,
  output logic [Slots-1:0]              pending_o,
  output logic [Slots-1:0]              owned_o
);
  localparam logic [SlotW-1:0] LastSlot = SlotW'(Slots - 1);

  if (1 << FnW != Functions) $fatal(1, "cmd_doorbell: Functions must be a power of two");
  if (1 << SlotW != Slots) $fatal(1, "cmd_doorbell: Slots must be a power of two");

  logic [Slots-1:0]     pending_q [Functions];
  logic [Slots-1:0]     owned_q   [Functions];
  logic [SlotW-1:0]     next_q    [Functions]; // the search for a slot starts here
  logic [Functions-1:0] some_q;                // a slot is pending and not owned
  logic [Functions-1:0] last_q;                // the last slot is

  assign pending_o = pending_q[sel_fn_i];
  assign owned_o   = owned_q[sel_fn_i];

  logic             offer_q, offer_allowed, taken, withdrawn;
  logic [FnW-1:0]   offer_fn_q;
  logic [SlotW-1:0] offer_slot_q;

  // ---- next offer ----
  logic             found, load, turn;
  logic [FnW-1:0]   found_fn;
  logic [SlotW-1:0] found_slot;
`ifdef BUG_TURN_OF_OFFER
  assign turn = load;
`else
  assign turn = taken;
`endif
  // In the cycle of its take, when nothing is searched, the offer is the only request: the turn goes on behind it.
  logic [Functions-1:0] open_fns, request;
  assign open_fns = (room_i ? some_q : room_last_i ? last_q : '0) & ~hold_i;
  assign request  = taken ? Functions'(1) << offer_fn_q : open_fns;
  rr_arbiter #(.N(Functions), .Group(Group)) u_arbiter (
    .clk_i, .rst_ni, .req_i(request), .taken_i(turn), .valid_o(found), .index_o(found_fn)
  );

  logic [Slots-1:0] open, ahead, search;
  assign open   = pending_q[found_fn] & ~owned_q[found_fn];
`ifdef BUG_LOW_FIRST
  assign ahead  = open;
`else
  assign ahead  = open & ({Slots{1'b1}} << next_q[found_fn]);
`endif
  assign search = |ahead ? ahead : open;
  always_comb begin
    found_slot = '0;
    for (int unsigned s = Slots; s > 0; s--) begin
      if (search[s-1]) found_slot = SlotW'(s - 1);
    end
    if (!room_i) found_slot = LastSlot;
  end

  // ---- offer ----
  assign offer_allowed = !hold_i[offer_fn_q] && (room_i || (room_last_i && offer_slot_q == LastSlot));
`ifdef BUG_HELD
  assign offer_valid_o = offer_q;
`else
  assign offer_valid_o = offer_q && offer_allowed;
`endif
  assign offer_fn_o    = offer_fn_q;
  assign offer_slot_o  = offer_slot_q;

  assign taken     = take_valid_i && offer_valid_o && fw_fn_i == offer_fn_q && fw_slot_i == offer_slot_q;
`ifdef BUG_STALE_OFFER
  assign withdrawn = taken || !offer_allowed || (clear_valid_i && fw_fn_i == offer_fn_q);
`else
  assign withdrawn = taken || !offer_allowed || (clear_valid_i && fw_fn_i == offer_fn_q)
                   || (flr_valid_i && flr_fn_i == offer_fn_q);
`endif
  // What is found in the cycle of its clear or reset is gone.
  assign load      = found && !offer_q && !(clear_valid_i && fw_fn_i == found_fn)
                   && !(flr_valid_i && flr_fn_i == found_fn);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      offer_q      <= 1'b0;
      offer_fn_q   <= '0;
      offer_slot_q <= '0;
    end else if (load) begin
      offer_q      <= 1'b1;
      offer_fn_q   <= found_fn;
      offer_slot_q <= found_slot;
    end else if (withdrawn) begin
      offer_q      <= 1'b0;
    end
  end

  // ---- vectors ----
  logic [Slots-1:0] fw_one, fw_pending, fw_owned, ring_pending;
  logic             fw_valid, ring_is_fw;
  assign fw_valid     = taken || done_valid_i || set_valid_i || clear_valid_i;
  assign fw_one       = Slots'(1) << fw_slot_i;
`ifdef BUG_RING_LOST
  assign ring_is_fw   = 1'b0;
`else
  assign ring_is_fw   = ring_valid_i && ring_fn_i == fw_fn_i;
`endif
`ifdef BUG_KEEP_OWNED
  assign ring_pending = pending_q[ring_fn_i] | (ring_slots_i & ~owned_q[ring_fn_i]);
`else
  assign ring_pending = pending_q[ring_fn_i] | ring_slots_i;
`endif

  // A ring in the cycle of the take of its slot is a new one; in that of a clear, a later one.
`ifdef BUG_TWICE
  assign fw_pending = (pending_q[fw_fn_i] & ~(clear_valid_i ? fw_slots_i : '0))
`else
  assign fw_pending = (pending_q[fw_fn_i] & ~(taken ? fw_one : '0) & ~(clear_valid_i ? fw_slots_i : '0))
`endif
                    | (set_valid_i ? fw_slots_i : '0) | (ring_is_fw ? ring_slots_i : '0);
  assign fw_owned   = (owned_q[fw_fn_i] | (taken ? fw_one : '0)) & ~(done_valid_i ? fw_one : '0);

  // The last assignment to an element wins: a ring, the firmware's function (which has its ring in it), a reset.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned f = 0; f < Functions; f++) begin
        pending_q[f] <= '0;
        owned_q[f]   <= '0;
        next_q[f]    <= '0;
      end
      some_q <= '0;
      last_q <= '0;
    end else begin
      if (ring_valid_i) begin
        pending_q[ring_fn_i] <= ring_pending;
        some_q[ring_fn_i]    <= |(ring_pending & ~owned_q[ring_fn_i]);
        last_q[ring_fn_i]    <= ring_pending[Slots-1] && !owned_q[ring_fn_i][Slots-1];
      end
      if (fw_valid) begin
        pending_q[fw_fn_i] <= fw_pending;
        owned_q[fw_fn_i]   <= fw_owned;
        some_q[fw_fn_i]    <= |(fw_pending & ~fw_owned);
        last_q[fw_fn_i]    <= fw_pending[Slots-1] && !fw_owned[Slots-1];
      end
`ifdef BUG_TURN_OF_OFFER
      if (load) next_q[found_fn] <= found_slot + SlotW'(1);
`else
      if (taken) next_q[offer_fn_q] <= offer_slot_q + SlotW'(1);
`endif
      if (flr_valid_i) begin
        pending_q[flr_fn_i] <= '0;
        owned_q[flr_fn_i]   <= '0;
        next_q[flr_fn_i]    <= '0;
        some_q[flr_fn_i]    <= 1'b0;
        last_q[flr_fn_i]    <= 1'b0;
      end
    end
  end

  logic ring_of_owned, reset_drops;
  assign ring_of_owned = ring_valid_i && |(ring_slots_i & owned_q[ring_fn_i]);
  assign reset_drops   = flr_valid_i && |(pending_q[flr_fn_i] | owned_q[flr_fn_i]);
  `VF_COVER(c_ring_of_owned, ring_of_owned)
  `VF_COVER(c_ring_meets_take, taken && ring_is_fw && |(ring_slots_i & fw_one))
  `VF_COVER(c_reset_drops, reset_drops)
  `VF_COVER(c_held, |(some_q & hold_i))
  `VF_COVER(c_withdrawn, offer_q && !offer_allowed)
  `VF_COVER(c_last_slot_only, offer_valid_o && !room_i)
endmodule

`default_nettype wire
