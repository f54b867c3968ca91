// The DMA engine: one per NIC, shared by all functions.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "systemc/nic/delay_line.hpp"
#include "systemc/nic/dirty_tracker.hpp"
#include "systemc/nic/dma_gate.hpp"
#include "systemc/nic/mkey_walker.hpp"
#include "systemc/nic/nic_core.hpp"

namespace vfsim::model {

enum class DmaResult : std::uint8_t {
  ok,
  bad_key,    // key, bounds, right or owner wrong; nothing was transferred
  bus_error,  // refused by the host; part may have been transferred
  timeout,    // a completion did not come in time
  aborted,    // the function was reset; the buffer is not touched any more
};

/// Whoever starts transfers. Called once per transfer that asked for it.
class DmaClient {
 public:
  virtual ~DmaClient() = default;
  virtual void dma_done(std::uint64_t cookie, DmaResult result) = 0;
};

/// When the end of a write is reported. Reads report when all bytes are in the buffer.
enum class DmaNotify : std::uint8_t {
  never,   // failures are counted by the host only, as with any posted write
  issued,  // the last TLP has left the engine: the buffer is free, later writes of the function
           // stay behind it
  landed,  // globally visible
};

/// One transfer. Writes of one function are sent in the order of submit(), reads likewise.
struct DmaRequest {
  DmaClient* client = nullptr;
  std::uint64_t cookie = 0;
  std::uint64_t addr = 0;  // bus address, or address in the key
  std::uint8_t* buffer =
      nullptr;  // read: target. Write: source, valid until reported; see also copied
  std::uint32_t bytes = 0;
  std::uint32_t mkey = 0;
  std::uint32_t pd = kAnyPd;
  std::uint8_t fn = 0;
  bool by_key = false;   // addr is in key mkey
  bool to_host = false;  // write
  bool copied = false;   // write of at most kInlineBytes: the engine keeps a copy
  bool data_path =
      true;  // by_key: the fault mkey_unchecked applies (false: a transfer of the firmware)
  DmaNotify notify = DmaNotify::landed;
};

/// Splits transfers into TLPs (MPS, MRRS, 4 KiB boundaries, pages of keys), sends them as the gate
/// grants them, and assembles completions.
///
/// Every transfer first spends params.translation_ns in the translation stage, and what its walker
/// takes longer; the order stays. A function that is
/// not bus master sends no request: its transfers wait, at most one completion time-out. Time:
/// constant per TLP, independent of the number of functions; no allocation once pools have their
/// size.
class DmaEngine final : private DmaGateClient, private WalkClient {
 public:
  static constexpr std::uint32_t kInlineBytes = 64;

  /// @param gate, walker  outlive this
  DmaEngine(NicCore& core, DmaGate& gate, MkeyWalker& walker);

  void submit(const DmaRequest& request);
  /// A message-signalled interrupt, ordered behind the writes submitted before.
  void submit_interrupt(std::uint32_t fn, std::uint64_t addr, std::uint32_t data);
  /// Ends everything of the function with DmaResult::aborted. Writes on the link still land.
  void abort(std::uint32_t fn);
  /// Bus Master Enable of the function; true until told otherwise.
  void set_master(std::uint32_t fn, bool master);
  /// Enable Relaxed Ordering, of all functions; true until told otherwise. Only transfers through
  /// keys that allow it make use of it: never completions, events or interrupts.
  void set_relaxed_ordering(bool enable) { relaxed_ = enable; }

  // From the link.
  void completion(const Tlp& tlp, const std::uint8_t* payload);
  void write_landed(const Tlp& tlp, bool ok);
  void credits_returned() { gate_.link_ready(); }

  /// A transfer of the function has not ended.
  [[nodiscard]] bool busy(std::uint32_t fn) const { return functions_[fn].ops != 0; }
  /// Nothing waiting, outstanding or in flight for the function.
  [[nodiscard]] bool idle(std::uint32_t fn) const {
    return !busy(fn) && gate_.outstanding(fn) == 0 && gate_.posted(fn) == 0;
  }
  [[nodiscard]] std::uint32_t outstanding_reads(std::uint32_t fn) const {
    return gate_.outstanding(fn);
  }
  [[nodiscard]] std::uint32_t inflight_writes(std::uint32_t fn) const { return gate_.posted(fn); }
  [[nodiscard]] DirtyTracker& tracker(std::uint32_t fn) { return functions_[fn].tracker; }

 private:
  static constexpr std::uint32_t kNone = ~0U;

  /// Position of a transfer in its address space.
  struct Cursor {
    std::uint64_t addr = 0;  // bus address of the next byte while run > 0
    std::uint64_t at = 0;    // address of the next byte in the key
    std::uint64_t run = 0;   // contiguous on the bus from addr on; kWholeRun: all
    std::uint16_t gen = 0;   // of the key when the transfer started
    bool relaxed = false;    // the key allows relaxed ordering for this direction
  };

  struct Op {
    Cursor key;  // where the next byte goes
    std::uint8_t* buffer;
    DmaClient* client;
    std::uint64_t cookie;
    std::uint32_t left;  // bytes not yet issued
    std::uint32_t done;  // bytes issued
    std::uint32_t out;   // TLPs issued that matter for the end
    std::uint32_t next;  // in the function's queue
    std::uint32_t mkey, pd;
    std::uint8_t fn;
    bool to_host, by_key, interrupt, copied, data_path, staged, aborted, used;
    bool walking;  // the walker owes an answer: the place is not given to another transfer before
    DmaNotify notify;
    DmaResult result;
  };
  struct Inline {
    std::array<std::uint8_t, kInlineBytes> bytes;
  };
  /// The read that a tag stands for, until its end.
  struct Read {
    std::uint8_t* buffer = nullptr;
    std::uint32_t op = kNone;
    std::uint32_t bytes = 0;
    std::uint32_t received = 0;
    std::uint8_t fn = 0;
  };
  struct Queue {
    std::uint32_t head = kNone, tail = kNone;
  };
  struct Function {
    Queue writes, reads;
    std::uint32_t ops = 0;
    Ps held_until = 0;        // not bus master: when transfers that wait for it end
    std::uint16_t epoch = 0;  // resets
    GatePosted posted_asked = GatePosted::none;  // as the gate knows it
    bool read_asked = false;
    bool master = true;
    DirtyTracker tracker;
  };

  std::uint32_t allocate();
  void release(std::uint32_t index);
  void stage(std::uint32_t index);
  void leave_stage(std::uint32_t& index);
  void translated(std::uint32_t index);
  void walked(std::uint32_t index, const WalkAnswer& answer) override;
  [[nodiscard]] bool walk(std::uint32_t index, bool resume);
  static void take(Op& op, const WalkAnswer& answer);
  /// Whether the transfer at the head knows where its next byte goes.
  [[nodiscard]] bool sendable(const Queue& queue) {
    return queue.head != kNone && (ops_[queue.head].key.run != 0 || find_page(queue));
  }
  bool find_page(const Queue& queue);
  void enqueue(std::uint32_t index);
  void ask_read(std::uint32_t fn);
  void ask_posted(std::uint32_t fn);
  [[nodiscard]] bool next_read(Function& f);
  [[nodiscard]] GatePosted next_posted(Function& f);
  bool read_granted(std::uint32_t fn, std::uint16_t tag) override;
  GatePosted posted_granted(std::uint32_t fn, GatePosted kind) override;
  void read_expired(std::uint16_t tag) override;
  void hold(Function& f);
  void release_held();
  void give_up(Queue& queue);
  void send_write(std::uint32_t index, std::uint32_t bytes);
  void send_read(std::uint32_t index, std::uint32_t bytes, std::uint16_t tag);
  [[nodiscard]] static std::uint32_t segment(const Op& op, std::uint32_t limit);
  static void advance(Op& op, std::uint32_t bytes);
  void end(std::uint32_t index, DmaResult result);
  void end_of_read(std::uint16_t tag, DmaResult result);
  void end_of_write(std::uint32_t index, bool ok);
  void drop_unissued(std::uint32_t index, DmaResult result);

  NicCore& core_;
  DmaGate& gate_;
  bool relaxed_ = true;
  MkeyWalker& walker_;
  std::vector<Op> ops_;
  std::vector<Inline> inline_;
  std::vector<std::uint32_t> free_ops_;
  std::array<Function, kNicFunctions> functions_;
  std::vector<Read> reads_;  // by tag
  MethodTimer<DmaEngine, &DmaEngine::release_held> held_{*this};
  DelayLine<DmaEngine, std::uint32_t, &DmaEngine::leave_stage> stage_;
  Ring<std::uint32_t> line_;  // behind the stage: what a late answer of the walker holds up
};

}  // namespace vfsim::model
