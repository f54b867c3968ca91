// The DMA engine: one per NIC, shared by all functions.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "systemc/nic/delay_line.hpp"
#include "systemc/nic/dirty_tracker.hpp"
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

/// Splits transfers into TLPs (MPS, MRRS, 4 KiB boundaries, pages of keys), serves the functions in
/// turn, one TLP each, tracks tags and posted writes per function, and assembles completions.
///
/// Every transfer first spends params.translation_ns in the translation stage. A tag of an aborted
/// or timed-out read stays reserved (quarantine) until its late completion comes or one more
/// time-out has passed. A function that is not bus master sends no request: its transfers wait, at
/// most one completion time-out. Time: constant per TLP, independent of the number of functions; no
/// allocation once pools have their size.
class DmaEngine {
 public:
  static constexpr std::uint32_t kInlineBytes = 64;

  explicit DmaEngine(NicCore& core);

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
  void credits_returned();

  /// Nothing waiting, outstanding or in flight for the function.
  [[nodiscard]] bool idle(std::uint32_t fn) const {
    const Function& f = functions_[fn];
    return f.ops == 0 && f.inflight_writes == 0 && f.outstanding_reads == 0;
  }
  [[nodiscard]] std::uint32_t outstanding_reads(std::uint32_t fn) const {
    return functions_[fn].outstanding_reads;
  }
  [[nodiscard]] std::uint32_t inflight_writes(std::uint32_t fn) const {
    return functions_[fn].inflight_writes;
  }
  [[nodiscard]] DirtyTracker& tracker(std::uint32_t fn) { return functions_[fn].tracker; }

 private:
  static constexpr std::uint32_t kNone = ~0U;
  static constexpr std::uint16_t kNoTag = 0xffff;

  struct Op {
    KeyCursor key;  // where the next byte goes
    std::uint8_t* buffer;
    DmaClient* client;
    std::uint64_t cookie;
    std::uint32_t left;  // bytes not yet issued
    std::uint32_t done;  // bytes issued
    std::uint32_t out;   // TLPs issued that matter for the end
    std::uint32_t next;  // in the function's queue
    std::uint32_t mkey, pd;
    std::uint16_t serial;
    std::uint8_t fn;
    bool to_host, by_key, interrupt, copied, data_path, staged, aborted, used;
    DmaNotify notify;
    DmaResult result;
  };
  struct Inline {
    std::array<std::uint8_t, kInlineBytes> bytes;
  };
  enum class TagState : std::uint8_t { free, busy, quarantined };
  struct Tag {
    std::uint8_t* buffer = nullptr;
    Ps deadline = 0;
    std::uint32_t op = kNone;
    std::uint32_t bytes = 0;
    std::uint32_t received = 0;
    std::uint16_t prev = kNoTag, next = kNoTag;  // list by deadline
    std::uint8_t fn = 0;
    TagState state = TagState::free;
  };
  struct Queue {
    std::uint32_t head = kNone, tail = kNone;
    bool active = false;  // in the round
  };
  struct Function {
    Queue writes, reads;
    std::uint32_t ops = 0;
    std::uint32_t inflight_writes = 0;
    std::uint32_t outstanding_reads = 0;
    Ps held_until = 0;  // not bus master: when transfers that wait for it end
    bool master = true;
    DirtyTracker tracker;
  };

  std::uint32_t allocate();
  void release(std::uint32_t index);
  void stage(std::uint32_t index);
  void leave_stage(std::uint32_t& index);
  void enqueue(std::uint32_t index);
  void activate(std::uint32_t fn, Queue& queue, Ring<std::uint8_t>& round);
  void hold(Function& f);
  void release_held();
  void give_up(Queue& queue);
  std::uint32_t drop_head(Queue& queue);
  void pump_writes();
  void pump_reads();
  bool send_write(std::uint32_t index);
  bool send_read(std::uint32_t index);
  [[nodiscard]] std::uint32_t segment(Op& op, std::uint32_t limit) const;
  static void advance(Op& op, std::uint32_t bytes);
  [[nodiscard]] bool start_key(Op& op) const;
  void rotate(Ring<std::uint8_t>& round, const Function& f, Queue& queue);
  void end(std::uint32_t index, DmaResult result);
  void end_of_tag(std::uint16_t tag, DmaResult result);
  void drop_unissued(std::uint32_t index, DmaResult result);
  void link_deadline(std::uint16_t tag);
  void unlink_deadline(std::uint16_t tag);
  void free_tag(std::uint16_t tag);
  void quarantine(std::uint16_t tag);
  void expire();

  NicCore& core_;
  bool relaxed_ = true;
  MkeyWalker walker_;
  std::vector<Op> ops_;
  std::vector<Inline> inline_;
  std::vector<std::uint32_t> free_ops_;
  std::array<Function, kNicFunctions> functions_;
  Ring<std::uint8_t> write_round_, read_round_;  // functions with something to send, in turn
  std::vector<Tag> tags_;
  Ring<std::uint16_t> free_tags_;  // oldest first, so that a number rests as long as possible
  std::uint16_t first_deadline_ = kNoTag, last_deadline_ = kNoTag;
  MethodTimer<DmaEngine, &DmaEngine::expire> timeout_{*this};
  MethodTimer<DmaEngine, &DmaEngine::release_held> held_{*this};
  DelayLine<DmaEngine, std::uint32_t, &DmaEngine::leave_stage> stage_;
};

}  // namespace vfsim::model
