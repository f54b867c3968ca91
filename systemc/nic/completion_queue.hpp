// Completion queues of all functions.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "systemc/nic/dma_engine.hpp"
#include "systemc/nic/event_queue.hpp"
#include "systemc/nic/nic_core.hpp"

namespace vfsim::model {

/// A completion queue entry of 64 bytes; the queue sets the owner bit.
using Cqe = std::array<std::uint8_t, 64>;

/// Writes completion queue entries and posts the completion event when the queue is armed.
///
/// The consumer index is known from arm doorbells; when the queue looks full, entries wait until
/// the doorbell record has been read. Still full: overrun, the queue is dead and a CQ error event
/// tells so (unless overrun is ignored). Source: mlx5 device interface section 5.5; the stock
/// Ethernet driver's data path.
class CompletionQueues final : private DmaClient {
 public:
  CompletionQueues(NicCore& core, DmaEngine& engine, EventQueues& events);

  /// False: no such queue, or it is in error.
  bool post(std::uint32_t fn, std::uint32_t cqn, Cqe& cqe);
  /// Firmware's entry in the context's cqe_stage.
  void post_staged(std::uint32_t fn, std::uint32_t cqn);
  /// Arm doorbell of 8 bytes.
  void arm(std::uint32_t fn, const std::uint8_t* bytes);
  /// The gate has opened: armed queues with unconsumed entries post their event.
  void rescan(std::uint32_t fn);
  /// The function was reset (after DmaEngine::abort()).
  void reset(std::uint32_t fn);
  /// No entry of the function waits.
  [[nodiscard]] bool idle(std::uint32_t fn) const { return waiting_[fn] == 0; }

 private:
  static constexpr std::uint32_t kNone = ~0U;
  struct State {
    std::uint32_t head = kNone, tail = kNone;  // waiting entries
    std::uint16_t gen = 0;
    bool reading = false;
    bool decisive = false;  // the running read started after the queue looked full
    std::array<std::uint8_t, 8> record{};
  };
  struct Waiting {
    Cqe cqe;
    std::uint32_t next;
  };

  void dma_done(std::uint64_t cookie, DmaResult result) override;
  [[nodiscard]] State& state(std::uint32_t fn, std::uint32_t index) {
    return states_[fn * VF_CQ_COUNT + index];
  }
  [[nodiscard]] static bool full(const vf_cq& cq);
  void write(std::uint32_t fn, vf_cq& cq, Cqe& cqe);
  void fire(std::uint32_t fn, vf_cq& cq);
  void wait(std::uint32_t fn, State& s, const Cqe& cqe);
  void read_record(std::uint32_t fn, std::uint32_t index);
  void drop_waiting(std::uint32_t fn, State& s);
  std::uint32_t pop_waiting(std::uint32_t fn, State& s);
  void overrun(std::uint32_t fn, std::uint32_t index);

  NicCore& core_;
  DmaEngine& engine_;
  EventQueues& events_;
  std::vector<State> states_;
  std::vector<Waiting> pool_;
  std::vector<std::uint32_t> free_;
  std::array<std::uint32_t, kNicFunctions> waiting_{};
};

}  // namespace vfsim::model
