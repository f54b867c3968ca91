`default_nettype none

// Proof top: the walk with small widths, the rules of its ports, and context memory of which one key and one entry,
// both arbitrary, are modelled. Memory may change at any time; a change counts from its announcement on. What holds for
// an arbitrary key and an arbitrary entry holds for each.
`include "vf_assert.svh"

module mkey_walker_fv #(
  localparam int unsigned FnW      = 1,
  localparam int unsigned KeyNumW  = 3,
  localparam int unsigned KeyByteW = 1,
  localparam int unsigned KeyBase  = 1,
  localparam int unsigned KeyCount = 2,
  localparam int unsigned PdW      = 1,
  localparam int unsigned AddrW    = 4,
  localparam int unsigned BytesW   = 2,
  localparam int unsigned GenW     = 1,
  localparam int unsigned LogPageW = 1,
  localparam int unsigned ListW    = 2,
  localparam int unsigned Entries  = 3,
  localparam int unsigned Lines    = 2,
  localparam int unsigned EntryW   = 2,
  localparam int unsigned RunW     = 2,
  localparam int unsigned KeyW     = 7 + LogPageW + GenW + KeyByteW + PdW + 2*ListW + 2*AddrW
) (
  input wire logic                        clk_i,
  input wire logic                        rst_ni,
  input wire logic                        req_valid_i,
  input wire logic [FnW-1:0]              req_fn_i,
  input wire logic [KeyNumW+KeyByteW-1:0] req_mkey_i,
  input wire logic [PdW-1:0]              req_pd_i,
  input wire logic                        req_any_pd_i,
  input wire logic [AddrW-1:0]            req_addr_i,
  input wire logic [BytesW-1:0]           req_bytes_i,
  input wire logic                        req_write_i,
  input wire logic                        req_resume_i,
  input wire logic [GenW-1:0]             req_gen_i,
  input wire logic                        mem_ready_i,
  input wire logic                        mem_rvalid_i,
  input wire logic                        inv_valid_i,
  input wire logic                        inv_mtt_i,
  input wire logic [FnW-1:0]              inv_fn_i,
  input wire logic [EntryW-1:0]           inv_first_i,
  input wire logic [EntryW:0]             inv_count_i,
  input wire logic                        change_key_i,   // memory: the key is overwritten
  input wire logic                        change_mtt_i,   // memory: the entry is overwritten
  input wire logic [KeyW-1:0]             other_key_i,    // what is written, and what other keys and entries hold
  input wire logic [AddrW-1:0]            other_mtt_i
);
  localparam int unsigned WideW = AddrW + 2;
  localparam int unsigned HeldW = 1 + EntryW - 1 + AddrW;  // of two lines: a tag is one bit shorter than an entry
  localparam int unsigned RequestW = FnW + 1 + KeyByteW + PdW + 4 + AddrW + BytesW + GenW;

  // reset: the first cycle, then never again
  logic started_q = 1'b0;
  always_ff @(posedge clk_i) started_q <= 1'b1;
  always_comb assume (rst_ni == started_q);

  // --- memory ---

  (* anyconst *) logic [FnW-1:0]    the_fn;
  (* anyconst *) logic              the_index;
  (* anyconst *) logic [EntryW-1:0] the_entry;
  always_comb assume (the_entry < EntryW'(Entries));

  logic [KeyW-1:0]   key_q, read_key_q;
  logic [AddrW-1:0]  mtt_q, read_mtt_q;
  logic              key_silent_q, mtt_silent_q;  // changed and not yet announced
  logic              reading_q, key_announced, mtt_announced;
  logic              mem_valid, mem_mtt, grant;
  logic [FnW-1:0]    mem_fn;
  logic [EntryW-1:0] mem_index;

  assign grant         = mem_valid && mem_ready_i;
  assign key_announced = inv_valid_i && !inv_mtt_i && inv_fn_i == the_fn && EntryW'(the_index) >= inv_first_i
                         && (EntryW+1)'(the_index) < (EntryW+1)'(inv_first_i) + inv_count_i;
  assign mtt_announced = inv_valid_i && inv_mtt_i && the_entry >= inv_first_i
                         && (EntryW+1)'(the_entry) < (EntryW+1)'(inv_first_i) + inv_count_i;
  // no announcement beyond the end of the table
  always_comb assume ((EntryW+1)'(inv_first_i) + inv_count_i <= (EntryW+1)'(2**EntryW));
  always_comb assume (inv_count_i <= (EntryW+1)'(2**EntryW));

  always_ff @(posedge clk_i) begin
    if (change_key_i) key_q <= other_key_i;
    if (change_mtt_i) mtt_q <= other_mtt_i;
    if (grant) begin
      read_key_q <= !mem_mtt && mem_fn == the_fn && mem_index == EntryW'(the_index) ? key_q : other_key_i;
      read_mtt_q <= mem_mtt && mem_index == the_entry ? mtt_q : other_mtt_i;
    end
    if (!rst_ni) begin
      key_silent_q <= 1'b0;
      mtt_silent_q <= 1'b0;
      reading_q    <= 1'b0;
    end else begin
      key_silent_q <= change_key_i || (key_silent_q && !key_announced);
      mtt_silent_q <= change_mtt_i || (mtt_silent_q && !mtt_announced);
      reading_q    <= grant || (reading_q && !mem_rvalid_i);
    end
  end

  // a record: flags, page size, generation, key byte, domain, list, range
  logic                valid, length64, read, write, relaxed_read, relaxed_write, physical;
  logic [LogPageW-1:0] log_page;
  logic [GenW-1:0]     gen;
  logic [KeyByteW-1:0] key_byte;
  logic [PdW-1:0]      pd;
  logic [ListW-1:0]    list_first, list_pages;
  logic [AddrW-1:0]    start, len;
  assign {valid, length64, read, write, relaxed_read, relaxed_write, physical, log_page, gen, key_byte, pd, list_first,
          list_pages, start, len} = key_q;

  logic                m_valid, m_length64, m_read, m_write, m_relaxed_read, m_relaxed_write, m_physical;
  logic [LogPageW-1:0] m_log_page;
  logic [GenW-1:0]     m_gen;
  logic [KeyByteW-1:0] m_byte;
  logic [PdW-1:0]      m_pd;
  logic [ListW-1:0]    m_first, m_pages;
  logic [AddrW-1:0]    m_start, m_len;
  assign {m_valid, m_length64, m_read, m_write, m_relaxed_read, m_relaxed_write, m_physical, m_log_page, m_gen, m_byte,
          m_pd, m_first, m_pages, m_start, m_len} = read_key_q;

  // --- device under proof ---

  logic             req_ready, ans_valid, ans_whole, ans_relaxed, busy;
  logic [2:0]       ans_result;
  logic [AddrW-1:0] ans_addr;
  logic [RunW-1:0]  ans_run;
  logic [GenW-1:0]  ans_gen;
  logic [2:0]       state;  // 0 idle, 1 key, 2 key read, 3 check, 4 look, 5 entry read, 6 answer
  logic             voided;
  logic [KeyW-3:0]  record;
  logic [RequestW-1:0] request;
  logic [EntryW-1:0]   entry_held;
  logic [Lines*HeldW-1:0] lines;

  mkey_walk #(
    .FnW(FnW), .KeyNumW(KeyNumW), .KeyByteW(KeyByteW), .KeyBase(KeyBase), .KeyCount(KeyCount), .PdW(PdW),
    .AddrW(AddrW), .BytesW(BytesW), .GenW(GenW), .LogPageW(LogPageW), .ListW(ListW), .Entries(Entries), .Lines(Lines)
  ) u_dut (
    .clk_i, .rst_ni, .req_valid_i, .req_ready_o(req_ready), .req_fn_i, .req_mkey_i, .req_pd_i, .req_any_pd_i,
    .req_addr_i, .req_bytes_i, .req_write_i, .req_resume_i, .req_gen_i,
    .ans_valid_o(ans_valid), .ans_result_o(ans_result), .ans_addr_o(ans_addr), .ans_run_o(ans_run),
    .ans_whole_o(ans_whole), .ans_gen_o(ans_gen), .ans_relaxed_o(ans_relaxed),
    .mem_valid_o(mem_valid), .mem_ready_i, .mem_mtt_o(mem_mtt), .mem_fn_o(mem_fn), .mem_index_o(mem_index),
    .mem_rvalid_i, .mem_key_valid_i(m_valid), .mem_key_length64_i(m_length64), .mem_key_read_i(m_read),
    .mem_key_write_i(m_write), .mem_key_relaxed_read_i(m_relaxed_read), .mem_key_relaxed_write_i(m_relaxed_write),
    .mem_key_physical_i(m_physical), .mem_key_log_page_i(m_log_page), .mem_key_gen_i(m_gen), .mem_key_byte_i(m_byte),
    .mem_key_pd_i(m_pd), .mem_key_mtt_i(m_first), .mem_key_pages_i(m_pages), .mem_key_start_i(m_start),
    .mem_key_len_i(m_len), .mem_mtt_i(read_mtt_q),
    .inv_valid_i, .inv_mtt_i, .inv_fn_i, .inv_first_i, .inv_count_i, .busy_o(busy),
    .state_o(state), .void_o(voided), .record_o(record), .request_o(request), .entry_o(entry_held), .lines_o(lines)
  );
  logic [RequestW+KeyNumW-3:0] seen_request;
  logic                        seen_reading, seen_reading_mtt, seen_key, seen_void;
  logic [KeyW-5-2*ListW:0]     seen_record;
  mkey_walker_chk #(
    .FnW(FnW), .KeyNumW(KeyNumW), .KeyByteW(KeyByteW), .KeyBase(KeyBase), .KeyCount(KeyCount), .PdW(PdW),
    .AddrW(AddrW), .BytesW(BytesW), .GenW(GenW), .LogPageW(LogPageW), .EntryW(EntryW)
  ) u_chk (
    .clk_i, .rst_ni, .req_valid_i, .req_ready_i(req_ready), .req_fn_i, .req_mkey_i, .req_pd_i, .req_any_pd_i,
    .req_addr_i, .req_bytes_i, .req_write_i, .req_resume_i, .req_gen_i,
    .ans_valid_i(ans_valid), .ans_result_i(ans_result), .ans_addr_i(ans_addr), .ans_run_i(ans_run),
    .ans_whole_i(ans_whole), .ans_gen_i(ans_gen),
    .mem_valid_i(mem_valid), .mem_ready_i, .mem_mtt_i(mem_mtt), .mem_fn_i(mem_fn), .mem_index_i(mem_index),
    .mem_rvalid_i, .mem_key_valid_i(m_valid), .mem_key_length64_i(m_length64), .mem_key_read_i(m_read),
    .mem_key_write_i(m_write), .mem_key_physical_i(m_physical), .mem_key_log_page_i(m_log_page),
    .mem_key_gen_i(m_gen), .mem_key_byte_i(m_byte), .mem_key_pd_i(m_pd), .mem_key_start_i(m_start),
    .mem_key_len_i(m_len), .inv_valid_i, .inv_mtt_i, .inv_fn_i, .inv_first_i, .inv_count_i,
    .waiting_o(waiting_q), .request_o(seen_request), .reading_o(seen_reading), .reading_mtt_o(seen_reading_mtt),
    .key_read_o(seen_key), .key_void_o(seen_void), .record_o(seen_record)
  );

  logic [FnW-1:0]      r_fn;
  logic                r_index, r_any_pd, r_write, r_resume;
  logic [KeyByteW-1:0] r_byte, h_byte;
  logic [PdW-1:0]      r_pd, h_pd;
  logic [AddrW-1:0]    r_addr, h_start, h_len;
  logic [BytesW-1:0]   r_bytes;
  logic [GenW-1:0]     r_gen, h_gen;
  logic [LogPageW-1:0] h_log_page;
  logic [ListW-1:0]    h_first, h_pages;
  logic                h_known, h_valid, h_length64, h_right, h_relaxed, h_physical;
  assign {r_fn, r_index, r_byte, r_pd, r_any_pd, r_write, r_resume, h_known, r_addr, r_bytes, r_gen} = request;
  assign {h_valid, h_length64, h_right, h_relaxed, h_physical, h_log_page, h_gen, h_byte, h_pd, h_first, h_pages, h_start,
          h_len} = record;

  // --- what the answer must be, from memory as it is ---

  logic                waiting_q, any_pd_q, write_q, resume_q;
  logic [FnW-1:0]      fn_q;
  logic [KeyNumW-1:0]  number_q;
  logic [KeyByteW-1:0] byte_q;
  logic [PdW-1:0]      pd_q;
  logic [AddrW-1:0]    addr_q;
  logic [BytesW-1:0]   bytes_q;
  logic [GenW-1:0]     gen_q;
  logic                take;
  assign take = req_valid_i && req_ready;
  assign {fn_q, number_q, byte_q, pd_q, any_pd_q, write_q, resume_q, addr_q, bytes_q, gen_q} = seen_request;

  // Pages of the list, as spans of addresses: page p begins at list_start + p * size. Sums wide enough not to wrap.
  logic [WideW-1:0]  from, behind, size, list_start, list_end, key_end;
  logic [AddrW-1:0]  offset;
  logic [WideW-1:0]  page;
  logic [WideW-1:0]  in_page, entry;
  logic              right, in_range, first_in_list, last_in_list, listed, wants_list;
  assign from       = WideW'(addr_q);
  assign behind     = WideW'(addr_q) + WideW'(bytes_q);
  assign key_end    = WideW'(start) + WideW'(len);
  assign size       = log_page == 1'b1 ? WideW'(2) : WideW'(1);
  assign list_start = log_page == 1'b1 ? WideW'({start[AddrW-1:1], 1'b0}) : WideW'(start);
  assign page       = log_page == 1'b1 ? WideW'(offset[AddrW-1:1]) : WideW'(offset);
  assign offset        = addr_q - list_start[AddrW-1:0];
  assign in_page       = WideW'(offset) - page * size;
  assign entry         = WideW'(list_first) + page;
  // the list ends with its pages, and with the table
  assign list_end      = list_start + size * (WideW'(list_pages) + WideW'(list_first) <= WideW'(Entries)
                                              ? WideW'(list_pages) : WideW'(Entries) - WideW'(list_first));
  assign first_in_list = page < WideW'(list_pages) && entry < WideW'(Entries);
  assign last_in_list  = list_first < ListW'(Entries) && behind <= list_end;
  assign right         = write_q ? write : read;
  assign in_range      = length64 || (from >= WideW'(start) && behind <= key_end);
  assign wants_list    = !physical && bytes_q != '0;
  assign listed        = first_in_list && last_in_list;

  logic may;
  always_comb begin
    may = valid && key_byte == byte_q;
    if (resume_q) may = may && gen == gen_q && (physical || first_in_list);
    else may = may && (any_pd_q || pd == pd_q) && right && in_range && behind[WideW-1:AddrW] == '0
               && (!wants_list || (from >= WideW'(start) && listed));
  end

  logic ok, judged, paged, entry_known;
  assign ok          = ans_result == 3'(vf_iface_pkg::VF_WALK_OK);
  assign judged      = ans_valid && fn_q == the_fn && number_q == KeyNumW'(the_index) + KeyNumW'(KeyBase)
                       && (!key_silent_q || key_announced);
  assign paged       = judged && ok && !physical && first_in_list;
  assign entry_known = entry == WideW'(the_entry) && (!mtt_silent_q || mtt_announced);

  // (f) never an address without the right or outside the key, and none refused that should be given
  `VF_ASSERT(a_right_and_range, !judged || !ok || may)
  `VF_ASSERT(a_none_refused, !judged || ok || !may)
  `VF_ASSERT(a_unknown_number, !ans_valid || !ok
             || (number_q >= KeyNumW'(KeyBase) && number_q < KeyNumW'(KeyBase + KeyCount)))
  // (f) the address lies in the page that the list names now
  `VF_ASSERT(a_address, !paged || !entry_known || ans_addr == mtt_q + in_page[AddrW-1:0])
  `VF_ASSERT(a_run, !paged || WideW'(ans_run) == size - in_page)
  `VF_ASSERT(a_no_list_no_run, !judged || !ok || physical || first_in_list || (ans_run == '0 && ans_addr == '0))
  `VF_ASSERT(a_physical, !judged || !ok || (ans_whole == physical && (!physical || ans_addr == addr_q)))
  `VF_ASSERT(a_relaxed, !judged || !ok || ans_relaxed == (write_q ? relaxed_write : relaxed_read))

`ifndef VF_SEEDED_BUG
  // Lemmas. The rules watch the request that the walker works on, and have seen the record that it holds.
  logic at_work, holds_key;
  assign at_work   = state != 3'd0;
  assign holds_key = state == 3'd3 || state == 3'd4 || (state == 3'd5 && !voided) || (state == 3'd6 && h_known);
  `VF_ASSERT(l_same_request, !at_work || {r_fn, r_byte, r_pd, r_any_pd, r_write, r_resume, r_addr, r_bytes, r_gen}
             == {fn_q, byte_q, pd_q, any_pd_q, write_q, resume_q, addr_q, bytes_q, gen_q})
  `VF_ASSERT(l_state, state != 3'd7)
  `VF_ASSERT(l_same_number, !at_work || (h_known
             ? number_q == KeyNumW'(r_index) + KeyNumW'(KeyBase)
             : number_q < KeyNumW'(KeyBase) || number_q >= KeyNumW'(KeyBase + KeyCount)))
  `VF_ASSERT(l_reads, seen_reading == (state == 3'd2 || state == 3'd5) && reading_q == seen_reading
             && (!seen_reading || seen_reading_mtt == (state == 3'd5)))
  `VF_ASSERT(l_void, state != 3'd2 || seen_void == voided)
  `VF_ASSERT(l_key_seen, !holds_key || (seen_key && seen_record
             == {h_valid && (resume_q || h_right), h_length64, h_physical, h_log_page, h_gen, h_byte, h_pd, h_start, h_len}))

  // What the walker holds of the key and the entry, or is about to get, is what memory holds.
  logic its_key, its_entry;
  assign its_key   = waiting_q && fn_q == the_fn && number_q == KeyNumW'(the_index) + KeyNumW'(KeyBase) && !key_silent_q;
  assign its_entry = entry_held == the_entry && !mtt_silent_q;
  `VF_ASSERT(l_holds_key, !its_key || !holds_key
             || record == {valid, length64, right, write_q ? relaxed_write : relaxed_read, physical, log_page, gen,
                           key_byte, pd, list_first, list_pages, start, len})
  `VF_ASSERT(l_reads_key, !its_key || state != 3'd2 || voided || read_key_q == key_q)
  for (genvar l = 0; l < Lines; l++) begin : gen_line
    logic             line_valid;
    logic             line_tag;
    logic [AddrW-1:0] line_data;
    assign {line_valid, line_tag, line_data} = lines[l*HeldW +: HeldW];
    `VF_ASSERT(l_keeps_entry, !line_valid || {line_tag, 1'(l)} != the_entry || mtt_silent_q || line_data == mtt_q)
  end
  `VF_ASSERT(l_reads_entry, !its_entry || state != 3'd5 || voided || read_mtt_q == mtt_q)
`endif

  // Each request is answered: in this many cycles of its own, those not counted in which memory is awaited; a change
  // may begin it anew.
`ifdef ONE_CYCLE_LESS
  localparam int unsigned Steps = 5;
`else
  localparam int unsigned Steps = 6;
`endif
  logic [2:0] steps_q;
  logic       memory_works;
  assign memory_works = (mem_valid && !mem_ready_i) || (reading_q && !mem_rvalid_i);
  always_ff @(posedge clk_i) begin
    if (!rst_ni || take || inv_valid_i || ans_valid) steps_q <= '0;
    else if (waiting_q && !memory_works && steps_q != '1) steps_q <= steps_q + 3'd1;
  end
  `VF_ASSERT(a_answered_in_time, steps_q < 3'(Steps) || ans_valid || memory_works || inv_valid_i)
`ifndef VF_SEEDED_BUG
  `VF_ASSERT(l_steps, steps_q <= state && (!voided || steps_q == '0))
`endif
  `VF_ASSERT(a_idle_when_none_waits, waiting_q == busy)

  `VF_COVER(c_translated, paged && entry_known && in_page != '0)
endmodule

`default_nettype wire
