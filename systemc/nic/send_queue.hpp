// Send queues of all functions: doorbell -> WQE fetch -> payload gather -> wire -> completion.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "systemc/nic/completion_queue.hpp"
#include "systemc/nic/delay_line.hpp"
#include "systemc/nic/dma_engine.hpp"
#include "systemc/nic/event_queue.hpp"
#include "systemc/nic/nic_core.hpp"
#include "systemc/nic/send_context.hpp"
#include "systemc/nic/tx_arbiter.hpp"
#include "systemc/nic/tx_port.hpp"

namespace vfsim::model {

/// The arbiter picks a function, its ready queues take turns; a turn fetches up to kFetchBlocks
/// blocks, which go into work as contexts become free, in the order in which they were fetched.
/// WQEs of a queue complete in order. A queue's hw_counter is behind the last completed WQE, so a
/// drained queue needs no other state than the two counters.
///
/// Gate closed: doorbells update sw_counter only; fetched but not decoded WQEs are left for the
/// rescan. Errors: the failing WQE gets a CQE of opcode 13 with a CqeSyndrome, the queue goes to
/// VF_WQ_ERR and decoded WQEs behind it complete as flushed. Where no CQE is possible, a work queue
/// error event is posted.
class SendQueues final : private DmaClient, private TxPortClient {
 public:
  /// @param arbiter  outlives this
  SendQueues(NicCore& core, DmaEngine& engine, CompletionQueues& cqs, EventQueues& events,
             TxArbiter& arbiter);

  /// Send doorbell of 8 bytes.
  void doorbell(std::uint32_t fn, const std::uint8_t* bytes);
  /// The gate has closed: nothing that waits for its turn starts.
  void hold(std::uint32_t fn);
  /// The gate has opened: queues with work get their turn.
  void rescan(std::uint32_t fn);
  /// The function was reset (after DmaEngine::abort()).
  void reset(std::uint32_t fn);
  [[nodiscard]] bool idle(std::uint32_t fn) const { return work_[fn] == 0; }

 private:
  static constexpr std::uint32_t kNone = ~0U;
  static constexpr std::uint32_t kFetchBlocks = 8;
  static constexpr std::uint32_t kFetches = 16;  // at a time, all functions

  struct QueueState {
    std::uint32_t head = kNone, tail = kNone;  // contexts in work
    std::uint32_t to_port = kNone;             // first one not yet on the port
    std::uint16_t fetch = 0;  // next block to fetch; = hw_counter when nothing is in work
    std::uint8_t need = 0;    // blocks of a WQE that the last fetch cut off
    bool queued = false;      // waits for its turn
    bool fetching = false;
    bool failed = false;  // its last context is an error: nothing behind it is fetched
    std::uint16_t gen = 0;
  };
  struct Fetch {
    std::array<std::uint8_t, kMaxWqeBlocks * kSendBlock> bytes;
    std::uint32_t reads = 0;
    std::uint32_t blocks = 0;
    std::uint32_t taken = 0;  // blocks of it in work
    std::uint16_t gen = 0;
    std::uint8_t fn = 0;
    std::uint8_t sq = 0;
    bool failed = false;
    bool dead = false;
  };
  struct Rung {
    std::uint8_t fn = 0, sq = 0;
  };

  void dma_done(std::uint64_t cookie, DmaResult result) override;
  [[nodiscard]] bool may_transmit(const SendContext& context) const override;
  void transmitted(std::uint32_t context) override;

  [[nodiscard]] QueueState& state(std::uint32_t fn, std::uint32_t sq) {
    return states_[fn * VF_SQ_COUNT + sq];
  }
  [[nodiscard]] bool gate_open(std::uint32_t fn) const;
  void doorbell_due(Rung& rung);
  void schedule(std::uint32_t fn, std::uint32_t sq);
  void grant();
  void start_fetch(std::uint32_t fn, std::uint32_t sq);
  bool read_blocks(std::uint32_t slot, const vf_wq& sq, std::uint16_t from);
  void fetch_ended(std::uint32_t slot);
  void decode(std::uint32_t& slot);
  void admit();
  bool take_in(std::uint32_t slot);
  void end_fetch(std::uint32_t slot);
  void drop_waiting(std::uint32_t fn);
  std::uint32_t decode_one(const Fetch& fetch, std::uint32_t block, vf_wq& sq, QueueState& s);
  void free_fetch(std::uint32_t slot);
  std::uint32_t new_context(const Fetch& fetch, QueueState& s, std::uint32_t blocks);
  void gather(std::uint32_t index, const vf_wq& sq);
  void forward(std::uint32_t fn, std::uint32_t sq);
  void fail_queue(std::uint32_t fn, std::uint32_t sq, CqeSyndrome syndrome, std::uint16_t position);
  void complete(const SendContext& context, vf_wq& sq);
  void post_cqe(const SendContext& context, const vf_wq& sq, CqeSyndrome syndrome);
  void queue_error_event(std::uint32_t fn, std::uint32_t sq);

  NicCore& core_;
  DmaEngine& engine_;
  CompletionQueues& cqs_;
  EventQueues& events_;
  TxArbiter& arbiter_;
  SendContexts contexts_;
  TxPort port_;
  std::vector<QueueState> states_;
  std::array<Ring<std::uint8_t>, kNicFunctions> ready_;
  std::uint64_t requests_[2] = {0, 0};
  std::array<std::uint32_t, kNicFunctions> work_{};  // contexts and fetches
  std::vector<Fetch> fetches_;
  std::vector<std::uint32_t> free_fetches_;
  Ring<std::uint32_t> waiting_;  // fetched, for contexts
  bool granting_ = false;
  bool admitting_ = false;
  DelayLine<SendQueues, Rung, &SendQueues::doorbell_due> doorbells_;
  DelayLine<SendQueues, std::uint32_t, &SendQueues::decode> decoder_;
};

}  // namespace vfsim::model
