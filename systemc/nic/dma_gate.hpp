// The quiesce gate of the DMA engine: which request goes out next, with which tag, and when a
// function is quiet.
#pragma once

#include <cstdint>

#include "systemc/common/params.hpp"

namespace vfsim::model {

/// What a function's queue of posted requests has at its head.
enum class GatePosted : std::uint8_t { none, write, message };

/// Read tags of a NIC: tag f belongs to function f for f < own, the others are for everybody.
struct TagShare {
  std::uint32_t own = 0;
  std::uint32_t total = 0;
  /// Most that one function can have.
  [[nodiscard]] std::uint32_t of_one() const { return total - own + (own != 0 ? 1 : 0); }
};

/// A tag of its own for each function where at least as many are left for all; else none, because
/// guarantees would keep a busy function from most of the tags.
[[nodiscard]] inline TagShare tag_share(const NicParams& params) {
  const std::uint32_t functions = params.vfs + 1;
  return {params.dma_tags >= 2 * functions ? functions : 0, params.dma_tags};
}

/// The DMA engine, as its gate sees it. Both calls grant one TLP, which goes on the link at once:
/// there are credits for the largest. Where there is nothing to send any more, the engine gives the
/// grant back by completed() or landed() before it returns.
class DmaGateClient {
 public:
  virtual ~DmaGateClient() = default;
  /// @return whether the function has another read to send
  virtual bool read_granted(std::uint32_t fn, std::uint16_t tag) = 0;
  /// @param kind  what may be sent: not none
  /// @return the function's next posted request
  virtual GatePosted posted_granted(std::uint32_t fn, GatePosted kind) = 0;
  /// The completion time-out of a busy tag. The tag is in quarantine now.
  virtual void read_expired(std::uint16_t tag) = 0;
};

/// Who asks functions to be quiet.
class QuiesceListener {
 public:
  virtual ~QuiesceListener() = default;
  /// Work of the function is in progress that may lead to requests: no acknowledgement yet.
  [[nodiscard]] virtual bool busy(std::uint32_t fn) const = 0;
  /// Acknowledges quiesce(fn, true). From here to quiesce(fn, false) or reset(fn) the function
  /// sends no read and no write of data; messages may still leave.
  virtual void quiet(std::uint32_t fn) = 0;
  /// A quiet function is drained again: what it was sending or doing has ended.
  virtual void drained(std::uint32_t fn) = 0;
};

/// Every memory request of the NIC passes it. Arbitrates over the functions (reads and posted
/// requests apart, one TLP a turn), allocates tags, counts what is outstanding and in flight, and
/// closes the gate of a function on request:
///
///   run --quiesce(true)--> drain --nothing asked for, outstanding, in flight, busy--> quiet
///
/// While a function drains it goes on to be granted what it asks for. quiesce(false) and reset()
/// lead back to run from everywhere.
///
/// A tag is busy from its grant to completed(). The tags of expired or reset reads are not given
/// out again before completed() or one more time-out (quarantine). Reactions may come during a call
/// or later, in calendar time. Calls do not fail: what belongs to nobody (completion of a free tag)
/// is ignored.
class DmaGate {
 public:
  virtual ~DmaGate() = default;

  /// Once each, before anything else; they outlive the calls of the gate.
  virtual void set_client(DmaGateClient& client) = 0;
  virtual void set_listener(QuiesceListener& listener) = 0;

  // What the function asks for, until it is changed here or in the answer to a grant.
  virtual void request_read(std::uint32_t fn, bool pending) = 0;
  virtual void request_posted(std::uint32_t fn, GatePosted head) = 0;
  /// The link may take TLPs again after a lack of credits.
  virtual void link_ready() = 0;
  /// The last completion of a tag, in time or late.
  virtual void completed(std::uint16_t tag) = 0;
  /// A posted request has landed, also one from before a reset of the function.
  virtual void landed(std::uint32_t fn) = 0;
  virtual void quiesce(std::uint32_t fn, bool on) = 0;
  /// Work of a function with a quiesce has ended: busy() may have changed.
  virtual void work_ended(std::uint32_t fn) = 0;
  /// FLR: forgets requests and outstanding reads, busy tags go to quarantine, the gate to run. What
  /// is in flight lands all the same and goes on counting.
  virtual void reset(std::uint32_t fn) = 0;

  [[nodiscard]] virtual std::uint32_t outstanding(std::uint32_t fn) const = 0;
  /// In flight, messages included.
  [[nodiscard]] virtual std::uint32_t posted(std::uint32_t fn) const = 0;
  [[nodiscard]] virtual bool is_quiet(std::uint32_t fn) const = 0;
  /// A read has expired since quiesce(fn, true).
  [[nodiscard]] virtual bool timed_out(std::uint32_t fn) const = 0;
};

}  // namespace vfsim::model
