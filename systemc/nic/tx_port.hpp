// The sending half of the Ethernet port.
#pragma once

#include <cstdint>
#include <vector>

#include "systemc/nic/delay_line.hpp"
#include "systemc/nic/nic_core.hpp"
#include "systemc/nic/send_context.hpp"

namespace vfsim::model {

/// Told when a context's last frame has left the line (or at its turn, if it has none).
class TxPortClient {
 public:
  virtual ~TxPortClient() = default;
  /// False: the context must not be transmitted any more (its queue is in error, its function was
  /// reset).
  [[nodiscard]] virtual bool may_transmit(const SendContext& context) const = 0;
  virtual void transmitted(std::uint32_t context) = 0;
};

/// Sends contexts in the order of push(), frame by frame, as the line gets free. With the link down
/// frames are discarded, as by any Ethernet port.
class TxPort {
 public:
  TxPort(NicCore& core, SendContexts& contexts, TxPortClient& client);
  void push(std::uint32_t context);

 private:
  void advance();
  void send_next(SendContext& context);
  void count(const SendContext& context, const std::uint8_t* frame, std::uint32_t length);

  NicCore& core_;
  SendContexts& contexts_;
  TxPortClient& client_;
  Ring<std::uint32_t> queue_;
  std::vector<std::uint8_t> frame_;
  std::uint64_t packets_ = 0;
  bool advancing_ = false;
  MethodTimer<TxPort, &TxPort::advance> line_free_{*this};
};

}  // namespace vfsim::model
