// The command queue of one function: slots, mailboxes, polling and event mode, time-outs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "host_driver/platform/platform.hpp"
#include "host_driver/platform/result.hpp"

namespace vfsim::driver {

using Bytes = std::vector<std::uint8_t>;

/// Syndrome that the driver makes up for a device that is gone.
inline constexpr std::uint32_t kDeadSyndrome = 0xbadd00de;

struct CommandOptions {
  Nanoseconds timeout{60'000'000'000};        // command time-out
  Nanoseconds late_poll{5'000'000'000};       // wait after polling a missed completion by hand
  Nanoseconds init_timeout{120'000'000'000};  // pre-init wait for `initializing`
  bool checksums = false;        // fill and verify mailbox signatures, from the first command on
  Nanoseconds poll_step{2'000};  // polling mode: time between two looks at the ownership bit
  Nanoseconds poll_extra{1'000'000'000};  // polling mode: added to the time-out
  Nanoseconds queue_timeout{
      2'000'000'000};  // wait for `initializing` after the queue address was written
};

/// Thread safe with respect to Os threads: any number of callers; each occupies a slot. Slots
/// 0..N-2 serve ordinary commands (half of them general objects at most), slot N-1 MANAGE_PAGES
/// only. Tokens run 1..255. Output status other than OK becomes an Error with the errno, status and
/// syndrome of the interface's tables. Source: mlx5 device interface sections 2.1, 3, 3.5, 3.6.
class CommandChannel {
 public:
  CommandChannel(Platform& platform, CommandOptions options);
  ~CommandChannel();

  /// Init-segment handshake (pre-init, interface revision, queue address, init). EINVAL, ENODEV,
  /// ETIMEDOUT.
  [[nodiscard]] Result<void> start();
  /// Frees the queue page and the mailboxes; the device must not use them any more. start() may
  /// follow.
  void stop();
  /// Executes a command and blocks until its completion. Returns the output (out_bytes long).
  /// Errors: errno of delivery status or outbox status; ETIMEDOUT (slot lost until a late
  /// completion), EBUSY (no slot within the time-out), EAGAIN (all slots stalled), ENOTCONN
  /// (detached), ENXIO (device dead).
  [[nodiscard]] Result<Bytes> execute(const Bytes& in, std::size_t out_bytes);
  /// Posts a command and returns; `done` runs in a thread of its own when the command has ended,
  /// also by time-out or detach() (event mode only; EINVAL in polling mode). General objects: EBUSY
  /// instead of waiting for their share.
  [[nodiscard]] Result<void> execute_async(const Bytes& in, std::size_t out_bytes,
                                           std::function<void(Result<Bytes>)> done);

  /// Event mode: from now on completions are taken from on_event() (EQE type 0x0a). Ordinary
  /// callers wait until the mode switch is done.
  void use_events();
  void use_polling();
  /// While set, only this opcode may be issued (CREATE_EQ / DESTROY_EQ of the command EQ), others
  /// fail with ENXIO; 0 lifts it.
  void allow_only(std::uint16_t opcode);
  /// Completed slots, from the command EQE.
  void on_event(std::uint32_t vector);
  /// Hook for a missed completion: polls the command EQ once by hand.
  void set_eq_poll(std::function<void()> poll);
  /// All later commands fail with `code` (ENOTCONN: PF detached, ENXIO: device dead); running ones
  /// are failed too. A dead device's errors carry kDeadSyndrome, and what destroys, frees or
  /// disables something succeeds.
  void detach(int code);
  void attach();
  /// Whether mailboxes carry signatures from the next command on; the device starts without.
  void set_checksums(bool on);
  /// Slots that timed-out commands still hold.
  [[nodiscard]] std::uint32_t stalled_slots() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vfsim::driver
