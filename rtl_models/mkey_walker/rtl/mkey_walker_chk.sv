`default_nettype none

// What the walker's ports must show, whatever is behind them. Part of the block: proofs and simulations watch alike.
`include "vf_assert.svh"

module mkey_walker_chk #(
  parameter  int unsigned FnW      = 7,
  parameter  int unsigned KeyNumW  = 24,
  parameter  int unsigned KeyByteW = 8,
  parameter  int unsigned KeyBase  = 'h100,
  parameter  int unsigned KeyCount = 1024,
  parameter  int unsigned PdW      = 32,
  parameter  int unsigned AddrW    = 64,
  parameter  int unsigned BytesW   = 32,
  parameter  int unsigned GenW     = 16,
  parameter  int unsigned LogPageW = 5,
  parameter  int unsigned EntryW   = 20,
  localparam int unsigned RunW     = 2**LogPageW,
  localparam int unsigned RequestW = FnW + KeyNumW + KeyByteW + PdW + 3 + AddrW + BytesW + GenW,
  localparam int unsigned RecordW  = 3 + LogPageW + GenW + KeyByteW + PdW + 2*AddrW
) (
  input  wire logic                        clk_i,
  input  wire logic                        rst_ni,
  input  wire logic                        req_valid_i,
  input  wire logic                        req_ready_i,
  input  wire logic [FnW-1:0]              req_fn_i,
  input  wire logic [KeyNumW+KeyByteW-1:0] req_mkey_i,
  input  wire logic [PdW-1:0]              req_pd_i,
  input  wire logic                        req_any_pd_i,
  input  wire logic [AddrW-1:0]            req_addr_i,
  input  wire logic [BytesW-1:0]           req_bytes_i,
  input  wire logic                        req_write_i,
  input  wire logic                        req_resume_i,
  input  wire logic [GenW-1:0]             req_gen_i,
  input  wire logic                        ans_valid_i,
  input  wire logic [2:0]                  ans_result_i,
  input  wire logic [AddrW-1:0]            ans_addr_i,
  input  wire logic [RunW-1:0]             ans_run_i,
  input  wire logic                        ans_whole_i,
  input  wire logic [GenW-1:0]             ans_gen_i,
  input  wire logic                        mem_valid_i,
  input  wire logic                        mem_ready_i,
  input  wire logic                        mem_mtt_i,
  input  wire logic [FnW-1:0]              mem_fn_i,
  input  wire logic [EntryW-1:0]           mem_index_i,
  input  wire logic                        mem_rvalid_i,
  input  wire logic                        mem_key_valid_i,
  input  wire logic                        mem_key_length64_i,
  input  wire logic                        mem_key_read_i,
  input  wire logic                        mem_key_write_i,
  input  wire logic                        mem_key_physical_i,
  input  wire logic [LogPageW-1:0]         mem_key_log_page_i,
  input  wire logic [GenW-1:0]             mem_key_gen_i,
  input  wire logic [KeyByteW-1:0]         mem_key_byte_i,
  input  wire logic [PdW-1:0]              mem_key_pd_i,
  input  wire logic [AddrW-1:0]            mem_key_start_i,
  input  wire logic [AddrW-1:0]            mem_key_len_i,
  input  wire logic                        inv_valid_i,
  input  wire logic                        inv_mtt_i,
  input  wire logic [FnW-1:0]              inv_fn_i,
  input  wire logic [EntryW-1:0]           inv_first_i,
  input  wire logic [EntryW:0]             inv_count_i,
  // for proofs: the request that waits, and what its last read of a key returned
  /* verilator tracing_off */
  output logic                             waiting_o,
  output logic [RequestW-1:0]              request_o,
  output logic                             reading_o,
  output logic                             reading_mtt_o,
  output logic                             key_read_o,
  output logic                             key_void_o,
  output logic [RecordW-1:0]               record_o
  /* verilator tracing_on */
);
  // the request that waits for its answer
  logic                waiting_q, any_pd_q, write_q, resume_q;
  logic [FnW-1:0]      fn_q;
  logic [KeyNumW-1:0]  number_q;
  logic [KeyByteW-1:0] byte_q;
  logic [PdW-1:0]      pd_q;
  logic [AddrW-1:0]    addr_q;
  logic [BytesW-1:0]   bytes_q;
  logic [GenW-1:0]     gen_q;
  logic                take;
  assign take = req_valid_i && req_ready_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) waiting_q <= 1'b0;
    else if (take) waiting_q <= 1'b1;
    else if (ans_valid_i) waiting_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      fn_q     <= req_fn_i;
      number_q <= req_mkey_i[KeyByteW +: KeyNumW];
      byte_q   <= req_mkey_i[KeyByteW-1:0];
      pd_q     <= req_pd_i;
      any_pd_q <= req_any_pd_i;
      addr_q   <= req_addr_i;
      bytes_q  <= req_bytes_i;
      write_q  <= req_write_i;
      resume_q <= req_resume_i;
      gen_q    <= req_gen_i;
    end
  end

  // what the request's reads returned last
  logic                reading_q, reading_mtt_q, key_read_q, key_void_q;
  logic                allowed_q;
  logic                key_length64_q, key_physical_q;
  logic [LogPageW-1:0] key_log_page_q;
  logic [GenW-1:0]     key_gen_q;
  logic [KeyByteW-1:0] key_byte_q;
  logic [PdW-1:0]      key_pd_q;
  logic [AddrW-1:0]    key_start_q, key_len_q;
  logic                grant, key_changes;
  assign grant       = mem_valid_i && mem_ready_i;
  assign key_changes = inv_valid_i && !inv_mtt_i && inv_fn_i == fn_q && number_q >= KeyNumW'(KeyBase)
                       && number_q - KeyNumW'(KeyBase) >= KeyNumW'(inv_first_i)
                       && number_q - KeyNumW'(KeyBase) - KeyNumW'(inv_first_i) < KeyNumW'(inv_count_i);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      reading_q  <= 1'b0;
      key_read_q <= 1'b0;
      key_void_q <= 1'b0;
    end else begin
      if (grant) reading_q <= 1'b1;
      else if (mem_rvalid_i) reading_q <= 1'b0;
      // a record counts if its read was taken after the request and no change came after the read was taken
      if (grant && !mem_mtt_i) key_void_q <= 1'b0;
      else if (key_changes) key_void_q <= 1'b1;
      if (take || key_changes) key_read_q <= 1'b0;
      else if (reading_q && mem_rvalid_i && !reading_mtt_q) key_read_q <= !key_void_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (grant) reading_mtt_q <= mem_mtt_i;
    if (reading_q && mem_rvalid_i && !reading_mtt_q) begin
      allowed_q      <= mem_key_valid_i && (resume_q || (write_q ? mem_key_write_i : mem_key_read_i));
      key_length64_q <= mem_key_length64_i;
      key_physical_q <= mem_key_physical_i;
      key_log_page_q <= mem_key_log_page_i;
      key_gen_q      <= mem_key_gen_i;
      key_byte_q     <= mem_key_byte_i;
      key_pd_q       <= mem_key_pd_i;
      key_start_q    <= mem_key_start_i;
      key_len_q      <= mem_key_len_i;
    end
  end

  assign waiting_o     = waiting_q;
  assign request_o     = {fn_q, number_q, byte_q, pd_q, any_pd_q, write_q, resume_q, addr_q, bytes_q, gen_q};
  assign reading_o     = reading_q;
  assign reading_mtt_o = reading_mtt_q;
  assign key_read_o    = key_read_q;
  assign key_void_o    = key_void_q;
  assign record_o      = {allowed_q, key_length64_q, key_physical_q, key_log_page_q, key_gen_q, key_byte_q, key_pd_q,
                          key_start_q, key_len_q};

  logic ok;
  assign ok = ans_valid_i && ans_result_i == 3'(vf_iface_pkg::VF_WALK_OK);

  // Two more bits, so that nothing wraps: a transfer that begins here stays below its end.
  logic [AddrW+1:0] from, behind, key_from, key_behind;
  assign from       = (AddrW+2)'(addr_q);
  assign behind     = (AddrW+2)'(addr_q) + (AddrW+2)'(bytes_q);
  assign key_from   = (AddrW+2)'(key_start_q);
  assign key_behind = (AddrW+2)'(key_start_q) + (AddrW+2)'(key_len_q);

  `VF_ASSUME(m_memory_answers_a_read, !mem_rvalid_i || reading_q)
  `VF_ASSERT(a_answers_a_request, !ans_valid_i || waiting_q)
  `VF_ASSERT(a_one_request, !take || !waiting_q || ans_valid_i)
  `VF_ASSERT(a_ready_when_none_waits, waiting_q || req_ready_i)
  `VF_ASSERT(a_one_read, !mem_valid_i || !reading_q)
  `VF_ASSERT(a_reads_for_a_request, !mem_valid_i || waiting_q)
  `VF_ASSERT(a_reads_own_key, !mem_valid_i || mem_mtt_i
             || (mem_fn_i == fn_q && KeyNumW'(mem_index_i) + KeyNumW'(KeyBase) == number_q
                 && mem_index_i < EntryW'(KeyCount)))
  `VF_ASSERT(a_fresh_key, !ok || key_read_q)
  `VF_ASSERT(a_key_byte, !ok || key_byte_q == byte_q)
  `VF_ASSERT(a_allowed, !ok || allowed_q)
  `VF_ASSERT(a_domain, !ok || resume_q || any_pd_q || key_pd_q == pd_q)
  `VF_ASSERT(a_unchanged, !ok || !resume_q || key_gen_q == gen_q)
  `VF_ASSERT(a_no_wrap, !ok || resume_q || behind[AddrW+1:AddrW] == 2'b00)
  `VF_ASSERT(a_bounds, !ok || resume_q || key_length64_q || (from >= key_from && behind <= key_behind))
  `VF_ASSERT(a_not_below, !ok || resume_q || key_physical_q || bytes_q == '0 || from >= key_from)
  `VF_ASSERT(a_gen, !ok || ans_gen_i == key_gen_q)
  `VF_ASSERT(a_whole, !ok || ans_whole_i == key_physical_q)
  `VF_ASSERT(a_identity, !ok || !ans_whole_i || ans_addr_i == addr_q)
  `VF_ASSERT(a_within_a_page, !ok || ans_run_i <= RunW'(1) << key_log_page_q)
  `VF_ASSERT(a_something, !ok || ans_whole_i || ans_run_i != '0 || (bytes_q == '0 && !resume_q))
  `VF_ASSERT(a_refusal_is_empty, !ans_valid_i || ok || (ans_addr_i == '0 && ans_run_i == '0 && !ans_whole_i))

  `VF_COVER(c_paged, ok && ans_run_i != '0)
  `VF_COVER(c_physical, ok && ans_whole_i)
  `VF_COVER(c_resumed, ok && resume_q)
  `VF_COVER(c_no_key, ans_valid_i && ans_result_i == 3'(vf_iface_pkg::VF_WALK_NO_KEY))
  `VF_COVER(c_domain, ans_valid_i && ans_result_i == 3'(vf_iface_pkg::VF_WALK_DOMAIN))
  `VF_COVER(c_right, ans_valid_i && ans_result_i == 3'(vf_iface_pkg::VF_WALK_RIGHT))
  `VF_COVER(c_bounds, ans_valid_i && ans_result_i == 3'(vf_iface_pkg::VF_WALK_BOUNDS))
  `VF_COVER(c_no_page, ans_valid_i && ans_result_i == 3'(vf_iface_pkg::VF_WALK_NO_PAGE))
  `VF_COVER(c_changed, ans_valid_i && ans_result_i == 3'(vf_iface_pkg::VF_WALK_CHANGED))
  `VF_COVER(c_key_changes_in_walk, waiting_q && key_changes)
  `VF_COVER(c_change_in_read, reading_q && inv_valid_i)
  `VF_COVER(c_next_at_once, ans_valid_i && take)
endmodule

`default_nettype wire
