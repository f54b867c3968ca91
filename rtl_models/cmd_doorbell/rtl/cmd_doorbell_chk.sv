`include "vf_assert.svh"
`default_nettype none

// Rules of cmd_doorbell, seen from its ports only: beside any implementation, in simulation and in the proof.
module cmd_doorbell_chk #(
  parameter  int unsigned Functions = vf_iface_pkg::VF_MAX_FUNCTIONS,
  parameter  int unsigned Slots     = 1 << vf_iface_pkg::VF_LOG_CMDQ_SIZE,
  localparam int unsigned FnW       = $clog2(Functions),
  localparam int unsigned SlotW     = $clog2(Slots)
) (
  input  wire logic                 clk_i,
  input  wire logic                 rst_ni,
  input  wire logic                 ring_valid_i,
  input  wire logic [FnW-1:0]       ring_fn_i,
  input  wire logic [Slots-1:0]     ring_slots_i,
  input  wire logic                 take_valid_i,
  input  wire logic                 done_valid_i,
  input  wire logic                 set_valid_i,
  input  wire logic                 clear_valid_i,
  input  wire logic [FnW-1:0]       fw_fn_i,
  input  wire logic [SlotW-1:0]     fw_slot_i,
  input  wire logic [Slots-1:0]     fw_slots_i,
  input  wire logic                 flr_valid_i,
  input  wire logic [FnW-1:0]       flr_fn_i,
  input  wire logic [Functions-1:0] hold_i,
  input  wire logic                 room_i,
  input  wire logic                 room_last_i,
  input  wire logic                 offer_valid_i,
  input  wire logic [FnW-1:0]       offer_fn_i,
  input  wire logic [SlotW-1:0]     offer_slot_i,
  input  wire logic [FnW-1:0]       sel_fn_i,
  input  wire logic [Slots-1:0]     pending_i,
  input  wire logic [Slots-1:0]     owned_i
);
  // What the events say, written as plainly as possible.
  logic [Slots-1:0]     rung_q    [Functions];
  logic [Slots-1:0]     running_q [Functions];
  logic [Functions-1:0] open_q;  // a slot is rung and not running
  logic [Functions-1:0] last_q;  // the last one is
  logic [Functions-1:0] stale_q; // reset, and the firmware may not know it yet: it has not cleared the function

  logic             take;
  logic [Slots-1:0] one;
  assign one  = Slots'(1) << fw_slot_i;
  assign take = take_valid_i && offer_valid_i && fw_fn_i == offer_fn_i && fw_slot_i == offer_slot_i;

  // One function after the other, so that no case is forgotten: clear, take, done, set, ring, reset.
  logic [Slots-1:0] fw_rung, fw_running, ring_rung;
  always_comb begin
    fw_rung    = rung_q[fw_fn_i];
    fw_running = running_q[fw_fn_i];
    if (clear_valid_i) fw_rung = fw_rung & ~fw_slots_i;
    if (take) begin
      fw_rung    = fw_rung & ~one;
      fw_running = fw_running | one;
    end
    if (done_valid_i) fw_running = fw_running & ~one;
    if (set_valid_i) fw_rung = fw_rung | fw_slots_i;
    ring_rung = (ring_fn_i == fw_fn_i ? fw_rung : rung_q[ring_fn_i]) | ring_slots_i;
  end
  logic [Slots-1:0] ring_running;
  assign ring_running = ring_fn_i == fw_fn_i ? fw_running : running_q[ring_fn_i];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      for (int unsigned f = 0; f < Functions; f++) begin
        rung_q[f]    <= '0;
        running_q[f] <= '0;
      end
      open_q  <= '0;
      last_q  <= '0;
      stale_q <= '0;
    end else begin
      rung_q[fw_fn_i]    <= fw_rung;
      running_q[fw_fn_i] <= fw_running;
      open_q[fw_fn_i]    <= |(fw_rung & ~fw_running);
      last_q[fw_fn_i]    <= fw_rung[Slots-1] && !fw_running[Slots-1];
      if (ring_valid_i) begin
        rung_q[ring_fn_i] <= ring_rung;
        open_q[ring_fn_i] <= |(ring_rung & ~ring_running);
        last_q[ring_fn_i] <= ring_rung[Slots-1] && !ring_running[Slots-1];
      end
      if (clear_valid_i && &fw_slots_i) stale_q[fw_fn_i] <= 1'b0;
      if (flr_valid_i) begin
        rung_q[flr_fn_i]    <= '0;
        running_q[flr_fn_i] <= '0;
        open_q[flr_fn_i]    <= 1'b0;
        last_q[flr_fn_i]    <= 1'b0;
        stale_q[flr_fn_i]   <= 1'b1;
      end
    end
  end

  // What may be offered, and how long nothing was although something may, and nobody withdrew anything.
  logic                 some, withdrawn;
  logic [Functions-1:0] hold_q;
  logic [1:0]           room_q;
  logic [1:0]           empty_q;
  assign some = |((room_i ? open_q : room_last_i ? last_q : '0) & ~hold_i);
  assign withdrawn = clear_valid_i || flr_valid_i || hold_i != hold_q || {room_i, room_last_i} != room_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      hold_q  <= '0;
      room_q  <= '0;
      empty_q <= '0;
    end else begin
      hold_q <= hold_i;
      room_q <= {room_i, room_last_i};
      if (offer_valid_i || !some || withdrawn) empty_q <= '0;
      else if (empty_q != '1) empty_q <= empty_q + 2'd1;
    end
  end

  logic             fw_runs, offer_rung, offer_runs;
  logic [Slots-1:0] sel_rung, sel_running;
  assign sel_rung    = rung_q[sel_fn_i];
  assign sel_running = running_q[sel_fn_i];
  assign fw_runs    = running_q[fw_fn_i][fw_slot_i];
  assign offer_rung = rung_q[offer_fn_i][offer_slot_i];
  assign offer_runs = running_q[offer_fn_i][offer_slot_i];

  // the environment
  `VF_ASSUME(e_one_order, $onehot0({take_valid_i, done_valid_i, set_valid_i, clear_valid_i}))
  `VF_ASSUME(e_take_of_offer, !take_valid_i || take || stale_q[fw_fn_i])
  `VF_ASSUME(e_done_of_running, !done_valid_i || fw_runs || stale_q[fw_fn_i])
  `VF_ASSUME(e_set_under_hold, !set_valid_i || hold_i[fw_fn_i])
  `VF_ASSUME(e_room, !room_i || room_last_i)

  // executed for a ring only, and once for it
  `VF_ASSERT(a_offer_is_rung, !offer_valid_i || offer_rung)
  `VF_ASSERT(a_offer_not_running, !offer_valid_i || !offer_runs)
  `VF_ASSERT(a_offer_not_held, !offer_valid_i || !hold_i[offer_fn_i])
  `VF_ASSERT(a_offer_has_room, !offer_valid_i || room_i || (room_last_i && &offer_slot_i))
  // none is lost
  `VF_ASSERT(a_pending, pending_i == sel_rung)
  `VF_ASSERT(a_owned, owned_i == sel_running)
  `VF_ASSERT(a_offered_in_time, empty_q < 2'd3)
endmodule

`default_nettype wire
