`default_nettype none

// The walker and the rules of its ports: what simulations build.
module mkey_walker_checked #(
  parameter  int unsigned Lines    = 32,  // of the cache of translation entries
  localparam int unsigned FnW      = $clog2(vf_iface_pkg::VF_MAX_FUNCTIONS),
  localparam int unsigned EntryW   = $clog2(vf_iface_pkg::VF_MTT_COUNT)
) (
  input  wire logic                     clk_i,
  input  wire logic                     rst_ni,
  input  wire logic                     req_valid_i,
  output logic                          req_ready_o,
  input  wire logic [FnW-1:0]           req_fn_i,
  input  wire logic [31:0]              req_mkey_i,
  input  wire logic [31:0]              req_pd_i,
  input  wire logic                     req_any_pd_i,
  input  wire logic [63:0]              req_addr_i,
  input  wire logic [31:0]              req_bytes_i,
  input  wire logic                     req_write_i,
  input  wire logic                     req_resume_i,
  input  wire logic [15:0]              req_gen_i,
  output logic                          ans_valid_o,
  output logic [2:0]                    ans_result_o,
  output logic [63:0]                   ans_addr_o,
  output logic [31:0]                   ans_run_o,
  output logic                          ans_whole_o,
  output logic [15:0]                   ans_gen_o,
  output logic                          ans_relaxed_o,
  output logic                          mem_valid_o,
  input  wire logic                     mem_ready_i,
  output logic                          mem_mtt_o,
  output logic [FnW-1:0]                mem_fn_o,
  output logic [EntryW-1:0]             mem_index_o,
  input  wire logic                     mem_rvalid_i,
  input  wire vf_iface_pkg::hw_mkey_t   mem_key_i,
  input  wire logic [63:0]              mem_mtt_i,
  input  wire logic                     inv_valid_i,
  input  wire logic                     inv_mtt_i,
  input  wire logic [FnW-1:0]           inv_fn_i,
  input  wire logic [EntryW-1:0]        inv_first_i,
  input  wire logic [EntryW:0]          inv_count_i,
  output logic                          busy_o
);
  mkey_walker #(.Lines(Lines)) u_walker (.*);

  /* verilator tracing_off */
  logic         unused_waiting, unused_reading, unused_reading_mtt, unused_key_read, unused_key_void;
  logic [185:0] unused_request;
  logic [191:0] unused_record;
  /* verilator tracing_on */

  mkey_walker_chk #(
    .FnW(FnW), .KeyBase(vf_iface_pkg::VF_MKEY_BASE), .KeyCount(vf_iface_pkg::VF_MKEY_COUNT), .EntryW(EntryW)
  ) u_chk (
    .req_ready_i(req_ready_o),
    .ans_valid_i(ans_valid_o),
    .ans_result_i(ans_result_o),
    .ans_addr_i(ans_addr_o),
    .ans_run_i(ans_run_o),
    .ans_whole_i(ans_whole_o),
    .ans_gen_i(ans_gen_o),
    .mem_valid_i(mem_valid_o),
    .mem_mtt_i(mem_mtt_o),
    .mem_fn_i(mem_fn_o),
    .mem_index_i(mem_index_o),
    .mem_key_valid_i(mem_key_i.valid),
    .mem_key_length64_i(mem_key_i.length64),
    .mem_key_read_i(mem_key_i.local_read),
    .mem_key_write_i(mem_key_i.local_write),
    .mem_key_physical_i(mem_key_i.physical),
    .mem_key_log_page_i(mem_key_i.log_page),
    .mem_key_gen_i(mem_key_i.gen),
    .mem_key_byte_i(mem_key_i.key),
    .mem_key_pd_i(mem_key_i.pd),
    .mem_key_start_i(mem_key_i.start),
    .mem_key_len_i(mem_key_i.len),
    .waiting_o(unused_waiting), .request_o(unused_request), .reading_o(unused_reading),
    .reading_mtt_o(unused_reading_mtt), .key_read_o(unused_key_read), .key_void_o(unused_key_void),
    .record_o(unused_record),
    .*
  );

  logic unused_rsvd;
  assign unused_rsvd = ^{mem_key_i.rsvd_007, mem_key_i.rsvd_028, mem_key_i.rsvd_0a0, mem_key_i.relaxed_read,
                         mem_key_i.relaxed_write, mem_key_i.mtt, mem_key_i.pages};
endmodule

`default_nettype wire
