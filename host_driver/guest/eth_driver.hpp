// The guest's driver of its (virtual) function: an Ethernet device.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host_driver/cmd/eth_commands.hpp"
#include "host_driver/platform/platform.hpp"
#include "host_driver/resources/send_queue.hpp"

namespace vfsim::driver {

struct EthOptions {
  CommandOptions command;
  std::optional<Mac> mac;             // default: the permanent address of the vport context
  std::uint8_t log_sq_size = 8;       // log2 of send requests, 16-bit counters: at most 15
  std::uint8_t log_rq_size = 8;       // log2 of receive buffers
  std::uint32_t channels = 1;         // completion vectors, each with a send and a receive queue
  std::uint32_t buffer_bytes = 2048;  // per frame; divides or is a multiple of 4096
  std::uint32_t pa_key_every =
      4;  // every n-th buffer goes through the physical key instead of the page list; 0: none
  std::uint8_t log_command_eq = 6;  // event queue sizes, log2 of entries
  std::uint8_t log_async_eq = 6;
  std::uint8_t log_completion_eq = 8;
  bool relaxed_ordering = false;  // the device may move frames with relaxed ordering
  bool split_tails = false;       // receive entries have room for split_tails()
  bool health_poll = false;
};

/// Where the end of received frames goes instead of their buffer: another device's BAR.
struct PeerTail {
  std::uint64_t address = 0;  // bus address; the bytes do not cross a page
  std::uint32_t bytes = 0;
  std::uint32_t frame_bytes = 0;  // of the frames that are split, with their tail
};

/// A work request or receive buffer that ended in error.
struct WorkError {
  bool send = false;
  std::uint32_t queue = 0;  // SQ or RQ number
  std::uint16_t wqe_counter = 0;
  std::uint8_t syndrome = 0;
};

struct EthCounters {
  std::uint64_t sends_posted = 0;
  std::uint64_t sends_completed = 0;  // error completions included
  std::uint64_t sends_abandoned = 0;  // by give_up()
  std::uint64_t received = 0;
  std::uint64_t send_errors = 0;
  std::uint64_t receive_errors = 0;
  std::uint64_t queue_errors = 0;  // asynchronous queue error events
  std::uint64_t unexpected = 0;    // completions that name no request
  std::uint64_t interrupts = 0;    // completion events handled
};

/// Brings up the function through its own command queue as the stock Ethernet driver does, sends
/// and receives frames. Keeps no time and nothing of the host it runs on: the machine may move
/// between any two platform calls. send() may be called by any thread. Receiver and error handler
/// run in the interrupt thread and may call send(), but must not take locks that a caller of send()
/// holds.
class EthDriver {
 public:
  EthDriver(Platform& platform, EthOptions options);
  ~EthDriver();

  /// On failure everything done is undone.
  [[nodiscard]] Result<void> probe();
  /// Full teardown, all firmware pages taken back. The first error is returned, but everything is
  /// tried.
  [[nodiscard]] Result<void> remove();
  /// The function is gone, or was reset under the driver: gives everything up without asking it.
  /// Sends that have not completed never will (EthCounters::sends_abandoned). probe() may follow.
  void give_up();

  /// Copies the frame and rings. EAGAIN when the ring is full, EINVAL for a length that does not
  /// fit.
  [[nodiscard]] Result<void> send(const std::uint8_t* frame, std::uint32_t length);
  /// As send(), without ringing, on channel 0: a peer device may ring with doorbell().
  [[nodiscard]] Result<void> post_only(const std::uint8_t* frame, std::uint32_t length);
  /// Posts a request for memory that the caller names, and rings: what a buggy or hostile driver
  /// would do. A key or address that is not the function's own ends in an error completion, and the
  /// queue is dead then.
  [[nodiscard]] Result<void> send_raw(std::uint32_t lkey, std::uint64_t address,
                                      std::uint32_t length);
  /// From now on the device writes the last bytes of each frame of tail.frame_bytes bytes to a peer
  /// device, through a key of that page; the receiver is given what is before them. Longer frames
  /// do not fit a receive entry any more. Needs EthOptions::split_tails; call it once, while no
  /// frames come. EINVAL: the tail does not fit frame or page.
  [[nodiscard]] Result<void> split_tails(const PeerTail& tail);
  /// The key that reaches all of the function's memory by its DMA addresses.
  [[nodiscard]] std::uint32_t physical_key() const;
  /// The doorbell of the oldest request of channel 0 that nobody rang for.
  [[nodiscard]] SendDoorbell doorbell() const;

  void set_receiver(std::function<void(const std::uint8_t* frame, std::uint32_t length)> receiver);
  void set_error_handler(std::function<void(const WorkError&)> handler);

  [[nodiscard]] const EthCounters& counters() const;
  [[nodiscard]] std::uint64_t sends_posted() const { return counters().sends_posted; }
  [[nodiscard]] std::uint64_t sends_completed() const { return counters().sends_completed; }
  [[nodiscard]] std::uint64_t received() const { return counters().received; }
  [[nodiscard]] const Mac& mac() const;
  [[nodiscard]] bool link_up() const;
  /// Send requests of channel 0 that are free.
  [[nodiscard]] std::uint32_t send_room() const;
  [[nodiscard]] CommandChannel& commands();
  /// Host pages that the firmware holds for the function.
  [[nodiscard]] std::size_t firmware_pages() const;

  /// What is inconsistent when nothing is going on: completions or events nobody took although
  /// their queue is armed, counters that disagree. Empty if all is well.
  [[nodiscard]] std::vector<std::string> self_check() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vfsim::driver
