// Receive queues of all functions: wire -> steering -> WQE -> payload scatter -> completion.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "systemc/nic/completion_queue.hpp"
#include "systemc/nic/dma_engine.hpp"
#include "systemc/nic/event_queue.hpp"
#include "systemc/nic/nic_core.hpp"
#include "systemc/nic/rx_steering.hpp"
#include "systemc/nic/send_wqe.hpp"

namespace vfsim::model {

/// Takes a frame only when a receive buffer is known to be there. Buffers are known from the
/// doorbell record, which is read when less than half of the ring is known to be free; a frame that
/// comes before the first answer is refused as not_ready, one that finds the record read twice
/// without a buffer as no_buffer. Frames of a queue complete in order. A multicast frame cannot be
/// given back for one of its receivers: it waits here for the answer.
///
/// Errors: the frame's CQE has opcode 14 and a CqeSyndrome, the queue goes to VF_WQ_ERR, frames
/// behind it complete as flushed. Where no CQE is possible, a work queue error event is posted.
class ReceiveQueues final : private DmaClient {
 public:
  ReceiveQueues(NicCore& core, DmaEngine& engine, CompletionQueues& cqs, EventQueues& events);

  /// Offers a frame to the function it is for (multicast: to all).
  FrameDrop frame(const std::uint8_t* bytes, std::uint32_t length);
  [[nodiscard]] RxSteering& steering() { return steering_; }
  /// Whether a frame to this address would find its function able to receive.
  [[nodiscard]] bool owns(const std::uint8_t* mac) const;
  /// The function was reset (after DmaEngine::abort()).
  void reset(std::uint32_t fn);
  [[nodiscard]] bool idle(std::uint32_t fn) const { return work_[fn] == 0; }

 private:
  static constexpr std::uint32_t kNone = ~0U;
  static constexpr std::uint32_t kMaxFrame = 10240;
  static constexpr std::uint32_t kMaxStride = 1024;
  static constexpr std::size_t kMaxLate = 64;

  struct Context {
    std::unique_ptr<std::uint8_t[]> frame;  // kMaxFrame
    std::array<std::uint8_t, kMaxStride> wqe;
    std::uint32_t next = kNone;
    std::uint32_t length = 0;
    std::uint32_t dmas = 0;
    RxTarget target;
    PacketView view;
    std::uint16_t gen = 0;
    std::uint16_t position = 0;  // stride, free running
    std::uint8_t fn = 0;
    std::uint8_t rq = 0;
    CqeSyndrome syndrome = CqeSyndrome::none;
    bool used = false;
    bool scattered = false;  // payload writes are started
  };
  /// A multicast frame for a function whose receive record is being read.
  struct Late {
    std::vector<std::uint8_t> frame;
    std::uint32_t fn = 0;
  };
  struct QueueState {
    std::uint32_t head = kNone, tail = kNone;  // frames in work
    std::uint16_t in_work = 0;
    std::uint16_t gen = 0;
    std::uint8_t empty_reads = 0;  // readings of the record in a row that showed no buffer
    bool reading = false;
    std::array<std::uint8_t, 8> record{};
  };

  void dma_done(std::uint64_t cookie, DmaResult result) override;
  [[nodiscard]] QueueState& state(std::uint32_t fn, std::uint32_t rq) {
    return states_[fn * VF_RQ_COUNT + rq];
  }
  FrameDrop multicast(const std::uint8_t* bytes, std::uint32_t length);
  [[nodiscard]] bool reads_record(std::uint32_t fn) const;
  void offer_late(std::uint32_t fn);
  FrameDrop offer(std::uint32_t fn, const std::uint8_t* bytes, std::uint32_t length);
  FrameDrop refuse(std::uint32_t fn, const std::uint8_t* bytes, std::uint32_t length,
                   FrameDrop why);
  [[nodiscard]] FrameDrop admit(std::uint32_t fn) const;
  FrameDrop check_buffer(std::uint32_t fn, std::uint32_t rq);
  FrameDrop find_buffer(std::uint32_t fn, RxTarget& target);
  [[nodiscard]] std::uint32_t known_free(std::uint32_t fn, std::uint32_t rq);
  void read_record(std::uint32_t fn, std::uint32_t rq);
  void record_read(std::uint32_t fn, std::uint32_t rq, DmaResult result);
  void accept(std::uint32_t fn, const std::uint8_t* bytes, std::uint32_t length,
              const RxTarget& target, const PacketView& view);
  void read_wqe(std::uint32_t index, const vf_wq& rq);
  void scatter(std::uint32_t index);
  void advance(std::uint32_t fn, std::uint32_t rq);
  void complete(Context& context, vf_wq& rq);
  void fill_success(const Context& context, Cqe& cqe) const;
  void count_no_buffer(std::uint32_t fn, std::uint32_t rq);
  void queue_error_event(std::uint32_t fn, std::uint32_t rq);

  NicCore& core_;
  DmaEngine& engine_;
  CompletionQueues& cqs_;
  EventQueues& events_;
  RxSteering steering_;
  std::vector<Context> contexts_;
  std::vector<std::uint32_t> free_;
  std::vector<QueueState> states_;
  std::array<std::uint32_t, kNicFunctions> work_{};
  std::vector<Late> late_;  // in order of arrival
};

}  // namespace vfsim::model
