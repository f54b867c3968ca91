// One send and one receive queue of the Ethernet driver, with their completion queues and buffers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host_driver/guest/eth_driver.hpp"
#include "host_driver/resources/completion_queue.hpp"
#include "host_driver/resources/function_core.hpp"
#include "host_driver/resources/mkey.hpp"
#include "host_driver/resources/receive_queue.hpp"
#include "host_driver/resources/undo_stack.hpp"

namespace vfsim::driver {

/// What the channels of a driver have in common.
struct EthShared {
  FunctionCore& core;
  const EthOptions& options;
  EthCounters counters{};
  std::uint32_t pd = 0, tisn = 0, physical_key = 0;
  std::uint8_t min_inline_mode = 0;
  std::uint8_t counter_set = 0;
  std::function<void(const std::uint8_t*, std::uint32_t)> receiver{};
  std::function<void(const WorkError&)> error_handler{};
};

class EthChannel {
 public:
  EthChannel(EthShared& shared, std::uint32_t index);
  /// Key and buffers, CQs, SQ (ready), RQ (ready, all buffers posted); the CQs are armed.
  [[nodiscard]] Result<void> open();
  [[nodiscard]] Result<void> close();

  [[nodiscard]] Result<void> send(const std::uint8_t* frame, std::uint32_t length, bool ring);
  /// EthDriver::send_raw().
  [[nodiscard]] Result<void> send_raw(std::uint32_t lkey, std::uint64_t address,
                                      std::uint32_t length);
  /// EthDriver::split_tails().
  [[nodiscard]] Result<void> split_tails(const PeerTail& tail);
  [[nodiscard]] const SendQueue& sq() const { return *sq_; }
  [[nodiscard]] std::uint32_t rqn() const { return rq_->number(); }
  void check(std::vector<std::string>& findings) const;

 private:
  struct Buffer {
    std::uint32_t key;
    std::uint64_t key_address;  // address in the key
    std::size_t offset;         // in the buffer memory
  };

  Result<void> make_buffers();
  Result<void> make_queues();
  Result<void> fill_receive_ring();
  [[nodiscard]] Buffer buffer(std::uint32_t slot) const;
  void on_send_completions();
  void on_receive_completions();
  void take_send(const Cqe& entry);
  void take_receive(const Cqe& entry);
  void report(bool send, const Cqe& entry);

  EthShared& shared_;
  std::uint32_t index_;
  std::unique_ptr<Mutex> lock_;  // of the send queue
  DmaBuffer memory_;             // send slots, then receive slots
  Mkey key_;
  Mkey tail_key_;               // of a peer's page, see split_tails()
  std::uint32_t buffered_ = 0;  // bytes of a frame that its buffer takes
  std::unique_ptr<CompletionQueue> send_cq_, receive_cq_;
  std::unique_ptr<SendQueue> sq_;
  std::unique_ptr<ReceiveQueue> rq_;
  std::vector<std::uint8_t> frame_;
  UndoStack undo_;
};

}  // namespace vfsim::driver
