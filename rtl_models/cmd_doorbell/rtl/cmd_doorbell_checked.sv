`default_nettype none

// cmd_doorbell, or whatever stands in its place, and its rules. What simulations use; the ports are the block's.
module cmd_doorbell_checked #(
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
  output logic                      offer_valid_o,
  output logic [FnW-1:0]            offer_fn_o,
  output logic [SlotW-1:0]          offer_slot_o,
  input  wire logic [FnW-1:0]       sel_fn_i,
  output logic [Slots-1:0]          pending_o,
  output logic [Slots-1:0]          owned_o
);
  cmd_doorbell #(.Functions(Functions), .Slots(Slots)) u_dut (.*);
  cmd_doorbell_chk #(.Functions(Functions), .Slots(Slots)) u_chk (
    .offer_valid_i(offer_valid_o), .offer_fn_i(offer_fn_o), .offer_slot_i(offer_slot_o), .pending_i(pending_o),
    .owned_i(owned_o), .*
  );
endmodule

`default_nettype wire
