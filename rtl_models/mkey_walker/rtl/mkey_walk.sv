`default_nettype none

// One walk at a time: fetches the key, checks it, finds the page, answers. Widths are parameters so that proofs can be
// small; mkey_walker.sv has the device's.
//
// A change announced on inv_* voids what was read before it, also in the cycle of the announcement: a walk that has
// used such a record begins anew, a read that is under way is awaited and thrown away.
`include "vf_assert.svh"

module mkey_walk #(
  parameter  int unsigned FnW      = 7,
  parameter  int unsigned KeyNumW  = 24,  // key number, mkey[31:8]
  parameter  int unsigned KeyByteW = 8,
  parameter  int unsigned KeyBase  = 'h100,
  parameter  int unsigned KeyCount = 1024,
  parameter  int unsigned PdW      = 32,
  parameter  int unsigned AddrW    = 64,
  parameter  int unsigned BytesW   = 32,
  parameter  int unsigned GenW     = 16,
  parameter  int unsigned LogPageW = 5,
  parameter  int unsigned ListW    = 32,  // fields mtt and pages of a key
  parameter  int unsigned Entries  = 1048576,
  parameter  int unsigned Lines    = 32,
  localparam int unsigned EntryW   = $clog2(Entries),
  localparam int unsigned RunW     = 2**LogPageW,
  localparam int unsigned LinesW   = Lines * (1 + EntryW - $clog2(Lines) + AddrW),
  localparam int unsigned RecordW  = 5 + LogPageW + GenW + KeyByteW + PdW + 2*ListW + 2*AddrW,
  localparam int unsigned RequestW = FnW + $clog2(KeyCount) + KeyByteW + PdW + 4 + AddrW + BytesW + GenW
) (
  input  wire logic                        clk_i,
  input  wire logic                        rst_ni,
  // request: taken in a cycle with valid and ready
  input  wire logic                        req_valid_i,
  output logic                             req_ready_o,
  input  wire logic [FnW-1:0]              req_fn_i,
  input  wire logic [KeyNumW+KeyByteW-1:0] req_mkey_i,
  input  wire logic [PdW-1:0]              req_pd_i,
  input  wire logic                        req_any_pd_i,
  input  wire logic [AddrW-1:0]            req_addr_i,
  input  wire logic [BytesW-1:0]           req_bytes_i,
  input  wire logic                        req_write_i,
  input  wire logic                        req_resume_i,
  input  wire logic [GenW-1:0]             req_gen_i,
  // answer: valid for one cycle
  output logic                             ans_valid_o,
  output logic [2:0]                       ans_result_o,
  output logic [AddrW-1:0]                 ans_addr_o,
  output logic [RunW-1:0]                  ans_run_o,
  output logic                             ans_whole_o,
  output logic [GenW-1:0]                  ans_gen_o,
  output logic                             ans_relaxed_o,
  // memory: one read at a time, answered any number of cycles after it was taken
  output logic                             mem_valid_o,
  input  wire logic                        mem_ready_i,
  output logic                             mem_mtt_o,
  output logic [FnW-1:0]                   mem_fn_o,
  output logic [EntryW-1:0]                mem_index_o,
  input  wire logic                        mem_rvalid_i,
  input  wire logic                        mem_key_valid_i,
  input  wire logic                        mem_key_length64_i,
  input  wire logic                        mem_key_read_i,
  input  wire logic                        mem_key_write_i,
  input  wire logic                        mem_key_relaxed_read_i,
  input  wire logic                        mem_key_relaxed_write_i,
  input  wire logic                        mem_key_physical_i,
  input  wire logic [LogPageW-1:0]         mem_key_log_page_i,
  input  wire logic [GenW-1:0]             mem_key_gen_i,
  input  wire logic [KeyByteW-1:0]         mem_key_byte_i,
  input  wire logic [PdW-1:0]              mem_key_pd_i,
  input  wire logic [ListW-1:0]            mem_key_mtt_i,
  input  wire logic [ListW-1:0]            mem_key_pages_i,
  input  wire logic [AddrW-1:0]            mem_key_start_i,
  input  wire logic [AddrW-1:0]            mem_key_len_i,
  input  wire logic [AddrW-1:0]            mem_mtt_i,
  // changes of context memory
  input  wire logic                        inv_valid_i,
  input  wire logic                        inv_mtt_i,
  input  wire logic [FnW-1:0]              inv_fn_i,
  input  wire logic [EntryW-1:0]           inv_first_i,
  input  wire logic [EntryW:0]             inv_count_i,
  output logic                             busy_o,
  // for the rules of the block: what it holds
  /* verilator tracing_off */ // nothing to simulate where nobody reads it
  output logic [2:0]                       state_o,
  output logic                             void_o,
  output logic [RecordW-1:0]               record_o,
  output logic [RequestW-1:0]              request_o,
  output logic [EntryW-1:0]                entry_o,
  output logic [LinesW-1:0]                lines_o
  /* verilator tracing_on */
);
  localparam int unsigned IndexW = $clog2(KeyCount);

  initial begin
    if (IndexW > EntryW) $fatal(1, "mkey_walk: key indices must fit into an entry number");
    if (ListW > AddrW || BytesW > AddrW) $fatal(1, "mkey_walk: ListW and BytesW must not exceed AddrW");
    if (ListW < EntryW) $fatal(1, "mkey_walk: ListW must hold every entry number");
  end

  typedef enum logic [2:0] {StIdle, StKey, StKeyWait, StCheck, StLook, StMttWait, StAnswer} state_e;
  state_e state_q, state_d;

  // --- request ---

  logic [FnW-1:0]      fn_q;
  logic [KeyByteW-1:0] byte_q;
  logic [IndexW-1:0]   index_q;
  logic [PdW-1:0]      pd_q;
  logic                any_pd_q, write_q, resume_q, known_q;
  logic [AddrW-1:0]    addr_q;
  logic [BytesW-1:0]   bytes_q;
  logic [GenW-1:0]     req_gen_q;

  logic [KeyNumW-1:0] number;
  logic               take, known;
  assign number = req_mkey_i[KeyByteW +: KeyNumW] - KeyNumW'(KeyBase);
  assign known  = number < KeyNumW'(KeyCount);
  assign take   = req_valid_i && req_ready_o;

  always_ff @(posedge clk_i) begin
    if (take) begin
      fn_q      <= req_fn_i;
      byte_q    <= req_mkey_i[KeyByteW-1:0];
      index_q   <= number[IndexW-1:0];
      known_q   <= known;
      pd_q      <= req_pd_i;
      any_pd_q  <= req_any_pd_i;
      addr_q    <= req_addr_i;
      bytes_q   <= req_bytes_i;
      write_q   <= req_write_i;
      resume_q  <= req_resume_i;
      req_gen_q <= req_gen_i;
    end
  end

  // --- key ---

  logic                valid_q, length64_q, right_q, relaxed_q, physical_q;
  logic [LogPageW-1:0] log_page_q;
  logic [GenW-1:0]     gen_q;
  logic [KeyByteW-1:0] key_byte_q;
  logic [PdW-1:0]      key_pd_q;
  logic [ListW-1:0]    mtt_q, pages_q;
  logic [AddrW-1:0]    start_q, len_q;

  always_ff @(posedge clk_i) begin
    if (state_q == StKeyWait && mem_rvalid_i) begin
      valid_q    <= mem_key_valid_i;
      length64_q <= mem_key_length64_i;
`ifdef BUG_RIGHT
      right_q    <= mem_key_write_i || mem_key_read_i;
`else
      right_q    <= write_q ? mem_key_write_i : mem_key_read_i;
`endif
      relaxed_q  <= write_q ? mem_key_relaxed_write_i : mem_key_relaxed_read_i;
      physical_q <= mem_key_physical_i;
      log_page_q <= mem_key_log_page_i;
      gen_q      <= mem_key_gen_i;
      key_byte_q <= mem_key_byte_i;
      key_pd_q   <= mem_key_pd_i;
      mtt_q      <= mem_key_mtt_i;
      pages_q    <= mem_key_pages_i;
      start_q    <= mem_key_start_i;
      len_q      <= mem_key_len_i;
    end
  end

  // --- checks ---

  logic [AddrW:0]     end_wide;  // behind the last byte
  logic               wraps, below, contained, has_last;
  logic [AddrW-1:0]   page_mask, base, first_offset, last_offset, first_page, last_page, in_page;
  logic [ListW:0]     first_entry, last_entry;
  logic               first_listed, last_listed;

  assign end_wide     = {1'b0, addr_q} + (AddrW+1)'(bytes_q);
`ifdef BUG_WRAP
  assign wraps        = 1'b0;
`else
  assign wraps        = end_wide[AddrW];
`endif
  assign below        = addr_q < start_q;
  assign contained    = !below && addr_q - start_q + AddrW'(bytes_q) <= len_q;
  assign has_last     = bytes_q != '0 && !resume_q;
  // The first page of the list holds the byte at `start`, at its offset within the page.
  assign page_mask    = (AddrW'(1) << log_page_q) - AddrW'(1);
  assign base         = start_q & ~page_mask;
  assign first_offset = addr_q - base;
  assign last_offset  = end_wide[AddrW-1:0] - AddrW'(1) - base;
  assign first_page   = first_offset >> log_page_q;
  assign last_page    = last_offset >> log_page_q;
  assign in_page      = first_offset & page_mask;
  assign first_entry  = {1'b0, mtt_q} + {1'b0, first_page[ListW-1:0]};
  assign last_entry   = {1'b0, mtt_q} + {1'b0, last_page[ListW-1:0]};
  assign first_listed = first_page < AddrW'(pages_q) && first_entry < (ListW+1)'(Entries);
`ifdef BUG_LAST_PAGE
  assign last_listed  = last_page <= AddrW'(pages_q) && last_entry < (ListW+1)'(Entries);
`else
  assign last_listed  = last_page < AddrW'(pages_q) && last_entry < (ListW+1)'(Entries);
`endif

  logic [2:0] verdict;
  always_comb begin
    verdict = 3'(vf_iface_pkg::VF_WALK_OK);
    if (!valid_q || key_byte_q != byte_q) begin
      verdict = 3'(vf_iface_pkg::VF_WALK_NO_KEY);
    end else if (resume_q) begin
      if (gen_q != req_gen_q) verdict = 3'(vf_iface_pkg::VF_WALK_CHANGED);
      else if (!physical_q && !first_listed) verdict = 3'(vf_iface_pkg::VF_WALK_NO_PAGE);
    end else if (!any_pd_q && key_pd_q != pd_q) begin
      verdict = 3'(vf_iface_pkg::VF_WALK_DOMAIN);
    end else if (!right_q) begin
      verdict = 3'(vf_iface_pkg::VF_WALK_RIGHT);
    end else if (wraps || (!length64_q && !contained) || (!physical_q && has_last && below)) begin
      verdict = 3'(vf_iface_pkg::VF_WALK_BOUNDS);
    end else if (!physical_q && has_last && !(first_listed && last_listed)) begin
      verdict = 3'(vf_iface_pkg::VF_WALK_NO_PAGE);
    end
  end

  // --- translation ---

  logic              hit, fetched, in_table_q, void_q;
  logic [EntryW-1:0] entry_q;
  logic [AddrW-1:0]  in_page_q, cached, page;
  logic              stale, restart;

  assign fetched = state_q == StMttWait && mem_rvalid_i && !void_q && !stale;
  assign page    = state_q == StLook ? cached : mem_mtt_i;

  mtt_cache #(.Lines(Lines), .EntryW(EntryW), .DataW(AddrW)) u_cache (
    .clk_i, .rst_ni,
    .look_entry_i(entry_q), .look_hit_o(hit), .look_data_o(cached),
    .fill_valid_i(fetched), .fill_entry_i(entry_q), .fill_data_i(mem_mtt_i),
    .drop_valid_i(inv_valid_i && inv_mtt_i), .drop_first_i(inv_first_i), .drop_count_i(inv_count_i),
    .held_o(lines_o)
  );

  function automatic logic announced(input logic [EntryW-1:0] number_of, input logic [EntryW-1:0] first,
                                     input logic [EntryW:0] count);
    announced = number_of >= first && {1'b0, number_of - first} < count;
  endfunction

  // What the walk has read is no longer true.
  always_comb begin
    stale = 1'b0;
    if (inv_valid_i && announced(inv_mtt_i ? entry_q : EntryW'(index_q), inv_first_i, inv_count_i)) begin
      if (inv_mtt_i) stale = in_table_q && (state_q == StLook || state_q == StMttWait || state_q == StAnswer);
      else           stale = known_q && fn_q == inv_fn_i && state_q != StIdle && state_q != StKey;
    end
  end
  assign restart = stale || void_q;

  // --- steps ---

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      StIdle: if (take) state_d = known ? StKey : StAnswer;
      StKey: if (mem_ready_i) state_d = StKeyWait;
      StKeyWait: if (mem_rvalid_i) state_d = restart ? StKey : StCheck;
      StCheck: begin
        if (restart) state_d = StKey;
        else state_d = verdict == 3'(vf_iface_pkg::VF_WALK_OK) && !physical_q && first_listed ? StLook : StAnswer;
      end
      StLook: begin
        if (restart) state_d = StKey;
        else if (hit) state_d = StAnswer;
        else if (mem_ready_i) state_d = StMttWait;
      end
      StMttWait: if (mem_rvalid_i) state_d = restart ? StKey : StAnswer;
      StAnswer: begin
        if (restart) state_d = StKey;
        else if (take) state_d = known ? StKey : StAnswer;
        else state_d = StIdle;
      end
      default: state_d = StIdle;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      void_q  <= 1'b0;
    end else begin
      state_q <= state_d;
`ifdef BUG_READ_NOT_VOID
      void_q  <= 1'b0;
`else
      void_q  <= restart && (state_d == StKeyWait || state_d == StMttWait);
`endif
    end
  end

  logic [2:0] result_q;
  always_ff @(posedge clk_i) begin
    if (take) begin
      result_q   <= 3'(vf_iface_pkg::VF_WALK_NO_KEY);
      in_table_q <= 1'b0;
    end else if (state_q == StCheck) begin
      result_q   <= verdict;
      in_table_q <= !physical_q && first_listed;
      entry_q    <= first_entry[EntryW-1:0];
      in_page_q  <= in_page;
    end
  end

  logic [AddrW-1:0] page_addr_q;
  always_ff @(posedge clk_i) begin
    if (state_q == StLook || state_q == StMttWait) page_addr_q <= page + in_page_q;
  end

  // What was found is kept until the answer; inductive, so that proofs need not find it out.
  logic decided;
  assign decided = known_q && (state_q == StLook || state_q == StMttWait || state_q == StAnswer);
  `VF_ASSERT(a_keeps_verdict, !decided || result_q == verdict)
  `VF_ASSERT(a_keeps_table, !decided || in_table_q == (!physical_q && first_listed))
  `VF_ASSERT(a_keeps_entry, !decided || !in_table_q || (entry_q == first_entry[EntryW-1:0] && in_page_q == in_page))
  `VF_ASSERT(a_looks_only_if_ok, (state_q != StLook && state_q != StMttWait)
             || (known_q && in_table_q && result_q == 3'(vf_iface_pkg::VF_WALK_OK)))
  `VF_ASSERT(a_unknown_is_refused, known_q || state_q == StIdle
             || (state_q == StAnswer && result_q == 3'(vf_iface_pkg::VF_WALK_NO_KEY)))

  // --- ports ---

  logic ok, paged;
  assign ok            = result_q == 3'(vf_iface_pkg::VF_WALK_OK);
  assign paged         = ok && in_table_q;
`ifdef BUG_TWICE
  assign ans_valid_o   = state_q == StAnswer;
`else
  assign ans_valid_o   = state_q == StAnswer && !restart;
`endif
  assign ans_result_o  = result_q;
  assign ans_whole_o   = ok && physical_q;
  assign ans_addr_o    = paged ? page_addr_q : (ans_whole_o ? addr_q : '0);
  assign ans_run_o     = paged ? (RunW'(1) << log_page_q) - RunW'(in_page_q) : '0;
  assign ans_gen_o     = ok ? gen_q : '0;
  assign ans_relaxed_o = ok && relaxed_q;

  assign req_ready_o = state_q == StIdle || ans_valid_o;
  assign busy_o      = state_q != StIdle;
  assign state_o     = state_q;
  assign void_o      = void_q;
  assign record_o    = {valid_q, length64_q, right_q, relaxed_q, physical_q, log_page_q, gen_q, key_byte_q, key_pd_q,
                        mtt_q, pages_q, start_q, len_q};
  assign request_o   = {fn_q, index_q, byte_q, pd_q, any_pd_q, write_q, resume_q, known_q, addr_q, bytes_q, req_gen_q};
  assign entry_o     = entry_q;

  assign mem_valid_o = state_q == StKey || (state_q == StLook && !hit && !restart);
  assign mem_mtt_o   = state_q == StLook;
`ifdef BUG_OWNER
  assign mem_fn_o    = FnW'(index_q);
`else
  assign mem_fn_o    = fn_q;
`endif
  assign mem_index_o = state_q == StLook ? entry_q : EntryW'(index_q);
endmodule

`default_nettype wire
