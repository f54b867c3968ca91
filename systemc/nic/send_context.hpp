// Send WQEs in work.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "systemc/nic/send_wqe.hpp"

namespace vfsim::model {

/// One send WQE from its decoding to its completion.
struct SendContext {
  SendWork work;
  std::unique_ptr<std::uint8_t[]> frame;  // kMaxSendBytes; only touched pages cost memory
  std::uint32_t next = 0;                 // in its send queue
  std::uint32_t reads = 0;                // payload reads not yet ended
  std::uint32_t frames_sent = 0;
  std::uint16_t gen = 0;       // of the send queue
  std::uint16_t position = 0;  // first block, free running
  std::uint8_t fn = 0;
  std::uint8_t sq = 0;  // index
  std::uint8_t blocks = 0;
  bool used = false;
  bool on_port = false;
  bool dead = false;  // the function was reset
};

/// Fixed pool of contexts.
class SendContexts {
 public:
  explicit SendContexts(std::uint32_t count) : contexts_(count) {
    for (std::uint32_t i = count; i-- > 0;) {
      contexts_[i].frame.reset(new std::uint8_t[kMaxSendBytes]);
      free_.push_back(i);
    }
  }
  [[nodiscard]] bool available() const { return !free_.empty(); }
  std::uint32_t take() {
    const std::uint32_t index = free_.back();
    free_.pop_back();
    contexts_[index].used = true;
    return index;
  }
  void release(std::uint32_t index) {
    contexts_[index].used = false;
    free_.push_back(index);
  }
  [[nodiscard]] SendContext& operator[](std::uint32_t index) { return contexts_[index]; }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(contexts_.size()); }

 private:
  std::vector<SendContext> contexts_;
  std::vector<std::uint32_t> free_;
};

}  // namespace vfsim::model
