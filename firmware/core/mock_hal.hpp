// Test double of a NIC around the firmware: host memory, registers, DMA, and a command submitter.
//
//   MockNic nic;                                   // firmware initialised, nothing enabled
//   Reply r = nic.run(0, command(VF_OP_ALLOC_PD)); // PF, 16 output bytes
//   EXPECT_EQ(r.status(), VF_STATUS_OK);
//
// DMA completes within dma_start() unless `defer_dma` is set; then finish_dma() moves the bytes.
// Each function has host memory of its own, made on first touch, zero. Events and completions that
// the firmware posts are collected in `events` and `cqes` (events of a function whose
// INITIATOR_STOP is set go to its held_event[], as in the device).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "firmware/core/fw.h"
#include "firmware/interface/signature.h"

namespace vfsim::fwtest {

using Bytes = std::vector<std::uint8_t>;

/// Zeroed command input of the opcode's least length.
inline Bytes command(std::uint32_t opcode, std::uint32_t op_mod = 0, std::size_t bytes = 0) {
  if (bytes == 0) {
    switch (opcode) {
#define OPCODE(name, value, in_bytes, out_bytes, doc) \
  case value:                                         \
    bytes = in_bytes;                                 \
    break;
#include "firmware/interface/opcodes.def"
#undef OPCODE
      default:
        bytes = 16;
    }
  }
  Bytes in(bytes);
  VF_SET(cmd_in, in.data(), opcode, opcode);
  VF_SET(cmd_in, in.data(), op_mod, op_mod);
  return in;
}

/// Least output length of an opcode.
inline std::uint32_t out_bytes_of(std::uint32_t opcode) {
  switch (opcode) {
#define OPCODE(name, value, in_bytes, out_bytes, doc) \
  case value:                                         \
    return out_bytes;
#include "firmware/interface/opcodes.def"
#undef OPCODE
    default:
      return 16;
  }
}

struct Reply {
  bool completed = false;
  std::uint8_t delivery = 0xff;
  Bytes out;
  [[nodiscard]] std::uint32_t status() const { return out.empty() ? 0xffU : out[0]; }
  [[nodiscard]] std::uint32_t syndrome() const {
    return out.size() < 8 ? 0U : vf_be32_load(&out[4]);
  }
  [[nodiscard]] bool ok() const { return completed && delivery == 0 && status() == VF_STATUS_OK; }
};

struct PostedEvent {
  std::uint32_t fn;
  vf_event event;
};
struct PostedCqe {
  std::uint32_t fn;
  std::uint32_t cqn;
  std::array<std::uint8_t, 64> cqe;
};
struct DmaRecord {
  fw_dma dma;
  fw_dma_result result;
};

class MockNic {
 public:
  explicit MockNic(const fw_config& config = default_config(), std::uint32_t vfs = 8)
      : ram_(static_cast<vf_context_ram*>(std::calloc(1, sizeof(vf_context_ram)))),
        fw_(static_cast<fw*>(std::aligned_alloc(16, (fw_size() + 15) / 16 * 16))),
        vfs_(vfs) {
    std::memset(fw_.get(), 0xa5, fw_size());  // power-on state of the memory is undefined
    hal_ = {this, ram_.get(), reg_read, reg_write, dma_start, dma_ended, time_ns, irq_enable, log};
    fw_init(fw_.get(), &hal_, &config);
    for (std::uint32_t fn = 0; fn < VF_MAX_FUNCTIONS; ++fn) {
      set_queue(fn, queue_of(fn));
    }
  }
  MockNic(const MockNic&) = delete;
  MockNic& operator=(const MockNic&) = delete;

  static fw_config default_config() {
    fw_config config{};
    config.serial = 1;
    config.mtu = 9216;
    config.check_signatures = true;
    return config;
  }

  // ---- what tests look at and turn ----
  std::vector<PostedEvent> events;
  std::vector<PostedCqe> cqes;
  std::vector<DmaRecord> dma_log;  // transfers in the order in which they moved bytes
  std::map<std::pair<std::uint32_t, std::uint64_t>, fw_dma_result>
      poison;  // (function, page number) -> result
  std::map<std::uint32_t, std::set<std::uint64_t>>
      dirty;                               // page addresses that TRACK_SNAP moves out
  std::vector<std::uint32_t> mac_updates;  // functions, in order
  std::vector<std::pair<std::uint32_t, std::uint32_t>> key_changes;  // function, number; 0: any key
  std::vector<std::pair<std::uint32_t, std::uint32_t>> mtt_changes;  // first entry, count
  bool defer_dma = false;
  bool auto_drain = true;  // a closed gate is DRAINED at once; else drained(fn, true)
  std::size_t dma_limit = 64;
  std::uint64_t now_ns = 0;

  [[nodiscard]] fw* firmware() { return fw_.get(); }
  [[nodiscard]] vf_context_ram& ram() { return *ram_; }
  [[nodiscard]] vf_function& ctx(std::uint32_t fn) { return ram_->fn[fn]; }
  [[nodiscard]] std::uint32_t& reg(std::uint32_t fn, std::uint32_t r) {
    return regs_[fw_fn_reg(fn, r)];
  }

  // ---- host memory of a function ----
  [[nodiscard]] Bytes read(std::uint32_t fn, std::uint64_t addr, std::size_t bytes) {
    Bytes out(bytes);
    copy(fn, addr, bytes, [&](std::uint8_t* host, std::size_t at, std::size_t n) {
      std::memcpy(&out[at], host, n);
    });
    return out;
  }
  void write(std::uint32_t fn, std::uint64_t addr, const Bytes& bytes) {
    copy(fn, addr, bytes.size(), [&](std::uint8_t* host, std::size_t at, std::size_t n) {
      std::memcpy(host, &bytes[at], n);
    });
  }
  [[nodiscard]] std::uint8_t* byte(std::uint32_t fn, std::uint64_t addr) {
    auto& page = memory_[{fn, addr / VF_PAGE_BYTES}];
    if (keeping_) {
      kept_.try_emplace({fn, addr / VF_PAGE_BYTES}, page);
    }
    if (page.empty()) {
      page.resize(VF_PAGE_BYTES);
    }
    return &page[addr % VF_PAGE_BYTES];
  }

  /// Commands as the hardware offers them.
  struct Doorbells {
    std::map<std::uint32_t, std::uint32_t> owned;  // slots that the firmware works on, by function
    std::uint32_t room = 0;
    std::uint32_t next_fn = 0;
  };
  /// CMD_ROOM.
  [[nodiscard]] std::uint32_t cmd_room() const { return doorbells_.room; }

  // ---- going back ----
  /// What the mock holds itself, host memory aside.
  struct State {
    std::map<std::uint32_t, std::uint32_t> regs;
    std::set<std::uint32_t> flr, drain;
    std::uint32_t port = 0, irq_mask = 0, token = 0;
    std::uint64_t now_ns = 0;
    Doorbells doorbells;
  };
  [[nodiscard]] State state() const {
    return {regs_, flr_, drain_, port_, irq_mask_, token_, now_ns, doorbells_};
  }
  /// No transfer may be waiting. What was recorded (events, completions, transfers) is forgotten.
  void set_state(const State& state) {
    regs_ = state.regs;
    flr_ = state.flr;
    drain_ = state.drain;
    port_ = state.port;
    irq_mask_ = state.irq_mask;
    token_ = state.token;
    now_ns = state.now_ns;
    doorbells_ = state.doorbells;
    waiting_.clear();
    ended_.clear();
    events.clear();
    cqes.clear();
    dma_log.clear();
    mac_updates.clear();
    key_changes.clear();
    mtt_changes.clear();
    dirty.clear();
  }
  /// From now on each page of host memory is kept as it was before its first use.
  void keep_memory() {
    keeping_ = true;
    kept_.clear();
  }
  /// Host memory as it was at the last keep_memory(), which goes on.
  void restore_memory() {
    for (auto& [where, page] : kept_) {
      if (page.empty()) {
        memory_.erase(where);
      } else {
        memory_[where].swap(page);
      }
    }
    kept_.clear();
  }

  // ---- what the device does ----
  void drained(std::uint32_t fn, bool yes) {
    reg(fn, FW_FN_STATUS) =
        yes ? reg(fn, FW_FN_STATUS) | FW_STATUS_DRAINED : reg(fn, FW_FN_STATUS) & ~1U;
    if (yes) {
      drain_.insert(fn);
    }
  }
  /// Function level reset: queue registers to power-on, FLR_FN set; the firmware cleans up in the
  /// next poll.
  void flr(std::uint32_t fn) {
    for (const std::uint32_t r :
         {FW_FN_CMD_DB, FW_FN_CMDQ_HI, FW_FN_CMDQ_LO, FW_FN_MSIX_PEND, FW_FN_TRACK_CTRL}) {
      reg(fn, r) = 0;
    }
    doorbells_.owned.erase(fn);
    reg(fn, FW_FN_CTRL) = 0;
    reg(fn, FW_FN_STATUS) = FW_STATUS_IN_RESET;
    flr_.insert(fn);
    for (auto& waiting : waiting_) {
      waiting.second = waiting.second || waiting.first.function == fn;  // ends with FW_DMA_ABORTED
    }
  }
  void set_link(bool up) { port_ = (up ? 1U : 0U) | 2U; }
  void set_queue(std::uint32_t fn, std::uint64_t addr) {
    reg(fn, FW_FN_CMDQ_HI) = static_cast<std::uint32_t>(addr >> 32);
    reg(fn, FW_FN_CMDQ_LO) = static_cast<std::uint32_t>(addr);
  }
  /// Ends up to `count` waiting transfers, oldest first.
  void finish_dma(std::size_t count = SIZE_MAX) {
    for (; count > 0 && !waiting_.empty(); --count) {
      const auto [dma, aborted] = waiting_.front();
      waiting_.pop_front();
      move(dma, aborted);
    }
  }
  [[nodiscard]] std::size_t waiting_dma() const { return waiting_.size(); }

  /// Calls fw_poll() as the device would; returns the number of calls. Ends when the firmware has
  /// nothing to do, or only wants what does not come by itself, or after `limit` calls.
  int poll(int limit = 20000) {
    int calls = 0;
    for (int idle = 0; idle < 4 && calls < limit; ++calls) {
      idle = fw_poll(fw_.get()) ? 0 : idle + 1;
      if (idle > 0 && (irq_pending() & irq_mask_) == 0) {
        break;
      }
    }
    return calls;
  }

  // ---- commands ----
  static std::uint64_t queue_of(std::uint32_t fn) {
    return 0x1'0000'0000U + (std::uint64_t{fn} << 24);
  }
  static std::uint64_t entry_at(std::uint32_t fn, std::uint32_t slot) {
    return queue_of(fn) + slot * 64;
  }
  static std::uint64_t in_block_at(std::uint32_t fn, std::uint32_t slot, std::uint32_t block) {
    return queue_of(fn) + 0x10'0000 + (std::uint64_t{slot} << 18) + std::uint64_t{block} * 1024;
  }
  static std::uint64_t out_block_at(std::uint32_t fn, std::uint32_t slot, std::uint32_t block) {
    return queue_of(fn) + 0xa0'0000 + (std::uint64_t{slot} << 16) + std::uint64_t{block} * 1024;
  }
  static std::uint32_t blocks(std::size_t bytes) {
    return static_cast<std::uint32_t>(
        bytes <= 16 ? 0 : (bytes - 16 + VF_CMD_BLOCK_BYTES - 1) / VF_CMD_BLOCK_BYTES);
  }

  /// Writes entry and mailbox chains of a command into host memory, without the doorbell.
  void build(std::uint32_t fn, std::uint32_t slot, const Bytes& in, std::uint32_t out_len,
             bool checksum = false) {
    const auto token = static_cast<std::uint8_t>(token_ = token_ % 255 + 1);
    Bytes entry(64);
    std::uint8_t* e = entry.data();
    VF_SET(cmd_queue_entry, e, type, VF_CMD_ENTRY_TYPE);
    VF_SET(cmd_queue_entry, e, input_length, in.size());
    VF_SET(cmd_queue_entry, e, output_length, out_len);
    VF_SET(cmd_queue_entry, e, token, token);
    VF_SET(cmd_queue_entry, e, ownership, 1);
    std::copy_n(in.begin(), std::min<std::size_t>(16, in.size()), e + 16);
    if (blocks(in.size()) > 0) {
      vf_be64_store(e + 8, in_block_at(fn, slot, 0));
    }
    if (blocks(out_len) > 0) {
      vf_be64_store(e + 0x30, out_block_at(fn, slot, 0));
    }
    vf_entry_sign(e);
    write(fn, entry_at(fn, slot), entry);
    for (std::uint32_t b = 0; b < blocks(in.size()); ++b) {
      Bytes data(in.begin() + 16 + b * 512, in.begin() + static_cast<long>(std::min<std::size_t>(
                                                             in.size(), 16 + (b + 1) * 512)));
      put_block(fn, in_block_at(fn, slot, b), b + 1 < blocks(in.size()), b, token, data, checksum);
    }
    for (std::uint32_t b = 0; b < blocks(out_len); ++b) {
      put_block(fn, out_block_at(fn, slot, b), b + 1 < blocks(out_len), b, token, Bytes(512, 0xee),
                checksum);
    }
  }
  /// Changes an entry that build() made and signs it again.
  template <class F>
  void edit_entry(std::uint32_t fn, std::uint32_t slot, F&& change) {
    Bytes entry = read(fn, entry_at(fn, slot), 64);
    change(entry.data());
    vf_entry_sign(entry.data());
    write(fn, entry_at(fn, slot), entry);
  }
  void ring(std::uint32_t fn, std::uint32_t slot) { reg(fn, FW_FN_CMD_DB) |= 1U << slot; }
  void submit(std::uint32_t fn, std::uint32_t slot, const Bytes& in, std::uint32_t out_len) {
    build(fn, slot, in, out_len);
    ring(fn, slot);
  }
  /// What is in the slot now; `completed` is false while the device owns it.
  [[nodiscard]] Reply reply(std::uint32_t fn, std::uint32_t slot) {
    const Bytes entry = read(fn, entry_at(fn, slot), 64);
    Reply r;
    r.completed = (entry[0x3f] & 1) == 0 && vf_entry_signed(entry.data()) != 0;
    r.delivery = static_cast<std::uint8_t>(entry[0x3f] >> 1);
    const auto out_len =
        static_cast<std::uint32_t>(VF_GET(cmd_queue_entry, entry.data(), output_length));
    r.out.assign(entry.begin() + 0x20, entry.begin() + 0x20 + std::min(16U, out_len));
    for (std::uint32_t b = 0; b < blocks(out_len); ++b) {
      const Bytes data =
          read(fn, out_block_at(fn, slot, b), std::min(512U, out_len - 16 - b * 512));
      r.out.insert(r.out.end(), data.begin(), data.end());
    }
    return r;
  }
  /// One command on slot 0 (MANAGE_PAGES: slot 31) with DMA at once; polls until the firmware is
  /// idle.
  Reply run(std::uint32_t fn, const Bytes& in, std::uint32_t out_len = 0) {
    const auto opcode = static_cast<std::uint32_t>(VF_GET(cmd_in, in.data(), opcode));
    const std::uint32_t slot = opcode == VF_OP_MANAGE_PAGES ? 31 : 0;
    submit(fn, slot, in, out_len == 0 ? out_bytes_of(opcode) : out_len);
    poll();
    return reply(fn, slot);
  }

  // ---- shortcuts ----
  /// ENABLE_HCA of a function by the PF.
  Reply enable(std::uint32_t fn) {
    Bytes in = command(VF_OP_ENABLE_HCA);
    VF_SET(enable_hca_in, in.data(), function_id, fn);
    return run(0, in);
  }
  /// Enables the function and INITs it, the PF first. True if every command was OK.
  bool bring_up(std::uint32_t fn) {
    const bool pf = fn == 0 || ctx(0).enabled != 0 || bring_up(0);
    return pf && enable(fn).ok() && run(fn, command(VF_OP_INIT_HCA)).ok();
  }

 private:
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };

  template <class F>
  void copy(std::uint32_t fn, std::uint64_t addr, std::size_t bytes, F&& step) {
    for (std::size_t at = 0, n = 0; at < bytes; at += n) {
      n = std::min<std::size_t>(bytes - at, VF_PAGE_BYTES - (addr + at) % VF_PAGE_BYTES);
      step(byte(fn, addr + at), at, n);
    }
  }

  void put_block(std::uint32_t fn, std::uint64_t at, bool more, std::uint32_t number,
                 std::uint8_t token, const Bytes& data, bool checksum) {
    Bytes block(576);
    std::copy(data.begin(), data.end(), block.begin());
    vf_be64_store(&block[0x230], more ? at + 1024 : 0);
    VF_SET(cmd_if_box, block.data(), block_number, number);
    VF_SET(cmd_if_box, block.data(), token, token);
    if (checksum) {
      vf_block_sign(block.data());
    }
    write(fn, at, block);
  }

  /// Host address of a byte of a memory key; false: outside, no right, or no such key.
  bool translate(const fw_dma& dma, std::uint64_t offset, std::uint64_t* addr) {
    const std::uint32_t index = (dma.mkey >> 8) - VF_MKEY_BASE;
    if (index >= VF_MKEY_COUNT) {
      return false;
    }
    const vf_mkey& key = ctx(dma.function).mkey[index];
    const std::uint64_t v = dma.addr + offset;
    if (!key.valid || key.key != (dma.mkey & 0xff) ||
        (dma.to_host ? !key.local_write : !key.local_read) ||
        (!key.length64 && (v < key.start || v - key.start >= key.len))) {
      return false;
    }
    if (key.mode == VF_MKC_MODE_PA) {
      *addr = v;
      return true;
    }
    const std::uint64_t page_bytes = std::uint64_t{1} << key.pages.log_page;
    const std::uint64_t at = (key.start & (page_bytes - 1)) + v - key.start;
    *addr = ram_->mtt[key.pages.mtt + at / page_bytes] + at % page_bytes;
    return at / page_bytes < key.pages.pages;
  }

  /// Calls step(host address, offset, bytes) for each piece within one page; false: the key refused
  /// a piece.
  template <class F>
  bool pieces(const fw_dma& dma, F&& step) {
    for (std::uint64_t at = 0, bytes = 0; at < dma.bytes; at += bytes) {
      std::uint64_t addr = dma.addr + at;
      std::uint64_t last = 0;
      bytes = std::min<std::uint64_t>(dma.bytes - at, VF_PAGE_BYTES - addr % VF_PAGE_BYTES);
      if (dma.space == FW_DMA_MKEY) {
        bytes =
            translate(dma, at, &addr) ? std::min(bytes, VF_PAGE_BYTES - addr % VF_PAGE_BYTES) : 0;
        if (bytes == 0 || !translate(dma, at + bytes - 1, &last)) {
          return false;
        }
      }
      step(addr, at, bytes);
    }
    return true;
  }

  fw_dma_result check(const fw_dma& dma) {
    fw_dma_result result = FW_DMA_OK;
    const bool inside = pieces(dma, [&](std::uint64_t addr, std::uint64_t, std::uint64_t) {
      const auto bad = poison.find({dma.function, addr / VF_PAGE_BYTES});
      result = bad != poison.end() ? bad->second : result;
    });
    return inside ? result : FW_DMA_BAD_KEY;
  }

  void move(const fw_dma& dma, bool aborted) {
    const fw_dma_result result = aborted ? FW_DMA_ABORTED : check(dma);
    if (result == FW_DMA_OK) {
      auto* buf = static_cast<std::uint8_t*>(dma.buf);
      pieces(dma, [&](std::uint64_t addr, std::uint64_t at, std::uint64_t bytes) {
        std::uint8_t* host = byte(dma.function, addr);
        std::memcpy(dma.to_host ? host : buf + at, dma.to_host ? buf + at : host, bytes);
      });
    }
    dma_log.push_back({dma, result});
    ended_.emplace_back(dma.cookie, result);
  }

  [[nodiscard]] std::uint32_t irq_pending() {
    const auto bit = [](bool on, std::uint32_t mask) { return on ? mask : 0U; };
    return bit(cmd_offer() != 0, FW_IRQ_PENDING_CMD) | bit(!flr_.empty(), FW_IRQ_PENDING_FLR) |
           bit(!drain_.empty(), FW_IRQ_PENDING_DRAIN) | bit(!ended_.empty(), FW_IRQ_PENDING_DMA) |
           bit((port_ & 2U) != 0, FW_IRQ_PENDING_PORT);
  }
  static std::uint32_t word(const std::set<std::uint32_t>& fns, std::uint32_t w) {
    std::uint32_t bits = 0;
    for (const std::uint32_t fn : fns) {
      bits |= fn / 32 == w ? 1U << fn % 32 : 0U;
    }
    return bits;
  }

  std::uint32_t read_global(std::uint32_t r) {
    if (r >= FW_FLR_FN0 && r < FW_FLR_FN0 + 16) {
      return word(flr_, (r - FW_FLR_FN0) / 4);
    }
    if (r >= FW_DRAIN_FN0 && r < FW_DRAIN_FN0 + 16) {
      return word(drain_, (r - FW_DRAIN_FN0) / 4);
    }
    switch (r) {
      case FW_IRQ_PENDING:
        return irq_pending();
      case FW_CMD_OFFER:
        return cmd_offer();
      case FW_CMD_ROOM:
        return doorbells_.room;
      case FW_PORT_STATUS:
        return port_;
      case FW_NUM_VFS:
      case FW_TOTAL_VFS:
        return vfs_;
      default:
        return 0;
    }
  }
  void write_global(std::uint32_t r, std::uint32_t value) {
    if (r >= FW_DRAIN_FN0 && r < FW_DRAIN_FN0 + 16) {
      for (std::uint32_t bit = 0; bit < 32; ++bit) {
        if ((value >> bit & 1U) != 0) {
          drain_.erase((r - FW_DRAIN_FN0) / 4 * 32 + bit);
        }
      }
    } else if (r == FW_PORT_STATUS) {
      port_ &= ~(value & 2U);
    } else if (r == FW_MTT_FIRST) {
      mtt_first_ = value;
    } else if (r == FW_MTT_CHANGED) {
      mtt_changes.emplace_back(mtt_first_, value);
    } else if (r == FW_CMD_ROOM) {
      doorbells_.room = value;
    } else if (r == FW_CMD_TAKE || r == FW_CMD_DONE) {
      const std::uint32_t fn = value >> FW_CMD_FN_SHIFT;
      const std::uint32_t slot = 1U << (value & 31U);
      if (r == FW_CMD_DONE) {
        doorbells_.owned[fn] &= ~slot;
      } else if ((reg(fn, FW_FN_CMD_DB) & slot) != 0) {
        reg(fn, FW_FN_CMD_DB) &= ~slot;
        doorbells_.owned[fn] |= slot;
        doorbells_.next_fn = fn + 1;
      }
    }
  }
  /// CMD_OFFER: functions in turn, the lowest slot first.
  [[nodiscard]] std::uint32_t cmd_offer() {
    constexpr std::uint32_t kHold =
        FW_CTRL_CMD_HOLD | FW_CTRL_INITIATOR_STOP | FW_CTRL_RESPONDER_STOP;
    const std::uint32_t allowed = (doorbells_.room & FW_CMD_ROOM_ANY) != 0    ? ~0U
                                  : (doorbells_.room & FW_CMD_ROOM_LAST) != 0 ? 1U << 31
                                                                              : 0U;
    for (std::uint32_t i = 0; i < VF_MAX_FUNCTIONS; ++i) {
      const std::uint32_t fn = (doorbells_.next_fn + i) % VF_MAX_FUNCTIONS;
      const std::uint32_t rung = reg(fn, FW_FN_CMD_DB) & ~doorbells_.owned[fn] & allowed;
      if (rung != 0 && (reg(fn, FW_FN_CTRL) & kHold) == 0 && flr_.count(fn) == 0) {
        return static_cast<std::uint32_t>(FW_CMD_OFFER_VALID) | fn << FW_CMD_FN_SHIFT |
               static_cast<std::uint32_t>(__builtin_ctz(rung));
      }
    }
    return 0;
  }

  void write_ctrl(std::uint32_t fn, std::uint32_t value) {
    const std::uint32_t old = reg(fn, FW_FN_CTRL);
    if ((value & FW_CTRL_RESET_DONE) != 0) {
      flr_.erase(fn);
      reg(fn, FW_FN_STATUS) &= ~std::uint32_t{FW_STATUS_IN_RESET};
    }
    reg(fn, FW_FN_CTRL) = value & ~std::uint32_t{FW_CTRL_RESET_DONE};
    if ((value & ~old & FW_CTRL_INITIATOR_STOP) != 0 && auto_drain) {
      drained(fn, true);
    }
    if ((old & ~value & FW_CTRL_INITIATOR_STOP) != 0) {
      drained(fn, false);
      for (std::uint32_t i = 0; i < ctx(fn).held_events; ++i) {
        events.push_back({fn, ctx(fn).held_event[i]});
      }
      ctx(fn).held_events = 0;
    }
  }
  void post_event(std::uint32_t fn, std::uint32_t eqn) {
    vf_event event = ctx(fn).eqe_stage;
    event.eqn = eqn;
    if ((reg(fn, FW_FN_CTRL) & FW_CTRL_INITIATOR_STOP) == 0) {
      events.push_back({fn, event});
    } else if (ctx(fn).held_events < VF_EVENT_QUEUE) {
      ctx(fn).held_event[ctx(fn).held_events++] = event;
    }
  }
  void snapshot(std::uint32_t fn) {
    vf_function& f = ctx(fn);
    f.snap_count = 0;
    f.snap_more = 0;
    for (auto it = dirty[fn].lower_bound(f.snap_addr);
         it != dirty[fn].end() && *it - f.snap_addr < f.snap_len;) {
      if (f.snap_count == VF_TRACK_SNAPSHOT) {
        f.snap_more = 1;
        return;
      }
      f.snap_page[f.snap_count++] = *it;
      it = dirty[fn].erase(it);
    }
  }
  void write_fn(std::uint32_t fn, std::uint32_t r, std::uint32_t value) {
    switch (r) {
      case FW_FN_CMD_DB:
        reg(fn, r) &= ~value;
        break;
      case FW_FN_CMD_DB_SET:
        reg(fn, FW_FN_CMD_DB) |= value;
        break;
      case FW_FN_CTRL:
        write_ctrl(fn, value);
        break;
      case FW_FN_MKEY_CHANGED:
        key_changes.emplace_back(fn, value);
        break;
      case FW_FN_EQE_POST:
        post_event(fn, value);
        break;
      case FW_FN_CQE_POST: {
        PostedCqe posted{fn, value, {}};
        std::memcpy(posted.cqe.data(), ctx(fn).cqe_stage, 64);
        cqes.push_back(posted);
        break;
      }
      case FW_FN_MSIX_PEND:
        reg(fn, r) |= value;
        break;
      case FW_FN_MSIX_CLEAR:
        reg(fn, FW_FN_MSIX_PEND) &= ~value;
        break;
      case FW_FN_MAC_UPDATE:
        mac_updates.push_back(fn);
        break;
      case FW_FN_TRACK_CTRL:
        dirty[fn].clear();
        reg(fn, r) = value;
        break;
      case FW_FN_TRACK_SNAP:
        snapshot(fn);
        break;
      default:
        reg(fn, r) = value;
    }
  }

  static MockNic& self(void* ctx) { return *static_cast<MockNic*>(ctx); }
  static std::uint32_t reg_read(void* ctx, std::uint32_t r) {
    return r < FW_FN_BASE ? self(ctx).read_global(r) : self(ctx).regs_[r];
  }
  static void reg_write(void* ctx, std::uint32_t r, std::uint32_t value) {
    if (r < FW_FN_BASE) {
      self(ctx).write_global(r, value);
    } else {
      self(ctx).write_fn((r - FW_FN_BASE) / FW_FN_STRIDE, (r - FW_FN_BASE) % FW_FN_STRIDE, value);
    }
  }
  static bool dma_start(void* ctx, const fw_dma* dma) {
    MockNic& nic = self(ctx);
    if (nic.waiting_.size() + nic.ended_.size() >= nic.dma_limit) {
      return false;
    }
    nic.waiting_.emplace_back(*dma, false);
    if (!nic.defer_dma) {
      nic.finish_dma();
    }
    return true;
  }
  static bool dma_ended(void* ctx, std::uint32_t* cookie, fw_dma_result* result) {
    MockNic& nic = self(ctx);
    if (nic.ended_.empty()) {
      return false;
    }
    *cookie = nic.ended_.front().first;
    *result = nic.ended_.front().second;
    nic.ended_.pop_front();
    return true;
  }
  static std::uint64_t time_ns(void* ctx) { return self(ctx).now_ns += 100; }
  static void irq_enable(void* ctx, std::uint32_t mask) { self(ctx).irq_mask_ = mask; }
  static void log(void*, fw_log_level, const char*, std::uint32_t, std::uint64_t) {}

  std::unique_ptr<vf_context_ram, Free> ram_;
  std::unique_ptr<fw, Free> fw_;
  fw_hal hal_{};
  std::map<std::uint32_t, std::uint32_t> regs_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, Bytes> memory_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, Bytes> kept_;  // empty: was not there
  bool keeping_ = false;
  std::deque<std::pair<fw_dma, bool>> waiting_;  // second: its function was reset
  std::deque<std::pair<std::uint32_t, fw_dma_result>> ended_;
  std::set<std::uint32_t> flr_, drain_;
  std::uint32_t vfs_;
  std::uint32_t port_ = 1;
  std::uint32_t irq_mask_ = 0;
  Doorbells doorbells_;
  std::uint32_t token_ = 0;
  std::uint32_t mtt_first_ = 0;
};

}  // namespace vfsim::fwtest
