#include "systemc/nic/tx_port.hpp"

#include <algorithm>

#include "firmware/interface/faults.h"
#include "systemc/nic/port_counters.hpp"

namespace vfsim::model {

namespace {
constexpr std::uint32_t kDuplicateEvery = 64;  // fault tx_duplicated
}

TxPort::TxPort(NicCore& core, SendContexts& contexts, TxPortClient& client)
    : core_(core), contexts_(contexts), client_(client), frame_(kMaxSendBytes + 1024) {}

void TxPort::push(std::uint32_t context) {
  contexts_[context].on_port = true;
  contexts_[context].frames_sent = 0;
  queue_.push(context);
  if (!line_free_.armed()) {
    advance();
  }
}

// Sends one frame and waits until the line is free again; only then is the frame's context looked
// at again.
void TxPort::advance() {
  if (advancing_) {
    return;
  }
  advancing_ = true;
  while (!queue_.empty() && !line_free_.armed()) {
    const std::uint32_t index = queue_.front();
    SendContext& context = contexts_[index];
    if (client_.may_transmit(context) && context.frames_sent < frame_count(context.work)) {
      const Ps free_at = core_.wire->tx_free_at();
      if (free_at > core_.now()) {
        core_.calendar.arm(line_free_, free_at);
        break;
      }
      send_next(context);
      core_.calendar.arm(line_free_, core_.wire->tx_free_at());
      break;
    }
    queue_.pop();
    context.on_port = false;
    client_.transmitted(index);
  }
  advancing_ = false;
}

void TxPort::send_next(SendContext& context) {
  const std::uint32_t length =
      build_frame(context.work, context.frame.get(), context.frames_sent, frame_.data());
  ++context.frames_sent;
  if (!core_.link_up) {
    core_.probes.emit<Probe::frame>(&Observer::frame_discarded, core_.now(), core_.ref(context.fn),
                                    frame_.data(), length);
    return;
  }
  count(context, frame_.data(), length);
  core_.wire->send(frame_.data(), length);
  core_.probes.emit<Probe::frame>(&Observer::frame_sent, core_.now(), core_.ref(context.fn),
                                  frame_.data(), length);
  if (core_.fault(VF_FAULT_tx_duplicated) && ++packets_ % kDuplicateEvery == 0) {
    core_.wire->send(frame_.data(), length);
    core_.probes.emit<Probe::frame>(&Observer::frame_sent, core_.now(), core_.ref(context.fn),
                                    frame_.data(), length);
  }
}

void TxPort::count(const SendContext& context, const std::uint8_t* frame, std::uint32_t length) {
  ++core_.stats.fn[context.fn].frames_sent;
  vf_port_counters& c = core_.context(context.fn).counters;
  count_frame(frame, length,
              {c.tx_unicast_packets, c.tx_unicast_octets, c.tx_multicast_packets,
               c.tx_multicast_octets, c.tx_broadcast_packets, c.tx_broadcast_octets});
}

}  // namespace vfsim::model
