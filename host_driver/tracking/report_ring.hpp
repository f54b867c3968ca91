// Host side of the tracker's queue pair: receive ring, message memory, completion queue.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "host_driver/cmd/commands.hpp"
#include "host_driver/pf/pf_driver.hpp"

namespace vfsim::driver {

/// One report message.
struct ReportMessage {
  std::uint8_t opcode = 0;  // CQE opcode; only VF_CQE_RESP_SEND_IMM is a report
  std::uint8_t state = 0;   // VF_PAGE_TRACK_* after the message
  std::vector<std::uint64_t> pages;
};

/// Memory and doorbells; the queue pair itself belongs to the tracker. Order of creation:
/// create_cq(), [CREATE_QP], create_memory(), ..., post_all(). Source: mlx5 device interface
/// sections 4.7, 5.1, 5.5, 6.7.
class ReportRing {
 public:
  explicit ReportRing(PfDriver& pf) : pf_(pf) {}
  ~ReportRing() { free_memory(); }
  ReportRing(const ReportRing&) = delete;
  ReportRing& operator=(const ReportRing&) = delete;

  /// Sizes for messages of 2^log_message bytes; CREATE_CQ, first arm. `wake` runs at each
  /// completion event.
  [[nodiscard]] Result<void> create_cq(std::uint8_t log_message, std::function<void()> wake);
  /// Allocates the receive ring; its part of CREATE_QP.
  [[nodiscard]] Result<void> describe(QpSpec& spec);
  /// Allocates the message memory, CREATE_MKEY.
  [[nodiscard]] Result<void> create_memory(std::uint32_t pd);
  /// Posts every receive entry.
  void post_all();
  /// The next message, its entry posted again; nothing when the queue is empty.
  [[nodiscard]] std::optional<ReportMessage> take();
  /// Asks for an event at the next completion.
  void arm();
  void destroy_memory_key();
  void destroy_cq();
  void free_memory();

  [[nodiscard]] std::uint32_t cqn() const { return cqn_; }
  [[nodiscard]] std::uint32_t entries() const { return 1U << log_entries_; }

 private:
  struct Memory {
    std::uint64_t address = 0;
    std::size_t bytes = 0;
  };
  [[nodiscard]] Result<void> allocate(Memory& memory, std::size_t bytes);
  void post(std::uint32_t index);
  void publish_receives();

  PfDriver& pf_;
  std::uint8_t log_message_ = 0, log_entries_ = 0;
  Memory cqes_, records_, entries_, messages_;  // records_: CQ record at 0, QP record at 64
  std::uint32_t cqn_ = 0, mkey_ = 0;
  bool has_cq_ = false, has_mkey_ = false;
  std::uint32_t consumer_ = 0;  // CQ index, free running
  std::uint32_t producer_ = 0;  // receive entries posted, free running
  std::uint32_t arm_sequence_ = 0;
};

}  // namespace vfsim::driver
