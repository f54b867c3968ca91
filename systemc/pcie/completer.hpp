// Answers of a device to requests that the fabric brought.
#pragma once

#include <algorithm>
#include <cstdint>

#include "systemc/pcie/port.hpp"

namespace vfsim::model {

/// Header of the last (or only) completion of a request.
inline Tlp completion_of(const Tlp& request, CplStatus status, std::uint32_t bytes) {
  Tlp tlp;
  tlp.kind = TlpKind::completion;
  tlp.status = status;
  tlp.last = true;
  tlp.requester = request.requester;
  tlp.completer = request.completer;
  tlp.tag = request.tag;
  tlp.bytes = bytes;
  return tlp;
}

/// Answers a mem_read (or cfg_read) with request.bytes bytes of `data`, in completions of at most
/// `max_payload`.
inline void complete_read(PciePort& port, const Tlp& request, const std::uint8_t* data,
                          std::uint32_t max_payload) {
  std::uint32_t done = 0;
  do {
    // As long as parts are powers of two and aligned, they end at read completion boundaries.
    const std::uint32_t room =
        max_payload - static_cast<std::uint32_t>(request.addr + done) % max_payload;
    Tlp tlp = completion_of(request, CplStatus::successful, std::min(request.bytes - done, room));
    tlp.offset = done;
    tlp.last = done + tlp.bytes == request.bytes;
    port.send(tlp, data + done);
    done += tlp.bytes;
  } while (done < request.bytes);
}

/// Answers a non-posted request without data: a configuration write, or any refusal.
inline void complete_empty(PciePort& port, const Tlp& request, CplStatus status) {
  port.send(completion_of(request, status, 0), nullptr);
}

}  // namespace vfsim::model
