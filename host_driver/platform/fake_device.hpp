// A command device for unit tests: takes slots from the command queue and answers as a test tells
// it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "host_driver/platform/fake_platform.hpp"

namespace vfsim::driver {

/// One command as it arrived.
struct FakeCommand {
  std::uint32_t slot = 0;
  std::uint16_t opcode = 0;
  std::uint16_t op_mod = 0;
  std::vector<std::uint8_t> in;                      // whole input
  std::uint32_t out_bytes = 0;                       // what the driver takes
  std::array<std::uint8_t, 64> entry{};              // as fetched
  std::vector<std::uint64_t> in_blocks, out_blocks;  // mailbox addresses
  bool polled = true;                                // no command event queue existed
};

/// What to answer.
struct FakeReply {
  std::vector<std::uint8_t> out;  // output; the rest is zero
  std::uint8_t delivery = 0;      // delivery status
  Nanoseconds delay{1'000};       // from doorbell to completion
  bool drop = false;              // never complete
  bool no_event = false;          // complete without a command event
};
/// An answer with status and syndrome only.
[[nodiscard]] FakeReply fake_status(std::uint8_t status, std::uint32_t syndrome);

/// Sits on the registers of a FakePlatform. Without a script it answers every command with OK and
/// plausible numbers, keeps event and completion queues, and asks for boot_pages / init_pages
/// pages, so a whole bring-up runs against it.
class FakeDevice {
 public:
  using Script = std::function<FakeReply(const FakeCommand&)>;

  explicit FakeDevice(FakePlatform& platform);

  /// Answers this opcode from now on. Use standard() to add to the built-in answer.
  void on(std::uint32_t opcode, Script script) { scripts_[opcode] = std::move(script); }
  /// The built-in answer (with its effect on queues and pages).
  [[nodiscard]] FakeReply standard(const FakeCommand& command);
  /// Every command so far, in order.
  [[nodiscard]] const std::vector<FakeCommand>& commands() const { return commands_; }
  /// Opcodes of all commands so far, in order.
  [[nodiscard]] std::vector<std::uint32_t> opcodes() const;
  void forget_commands() { commands_.clear(); }
  /// Completes a dropped command late.
  void complete(const FakeCommand& command, const FakeReply& reply);

  /// Capability areas by type, 4096 bytes each, same for maximum and current; change before
  /// bring-up.
  [[nodiscard]] std::vector<std::uint8_t>& capability(std::uint32_t type) {
    return capability_[type];
  }
  std::int32_t boot_pages = 3;
  std::int32_t init_pages = 5;
  bool checksums = false;  // writes mailbox signatures

  /// Posts an event on the EQ whose mask has the type. false: there is none.
  bool post_event(std::uint8_t type, std::uint8_t sub_type, const std::vector<std::uint8_t>& data);
  /// Writes a completion (owner bit is set here) and, if the queue is armed, its event.
  void post_cqe(std::uint32_t cqn, std::array<std::uint8_t, 64> cqe);
  [[nodiscard]] bool cq_armed(std::uint32_t cqn) const { return cqs_.at(cqn).armed; }
  /// Pages that the firmware holds, per function.
  [[nodiscard]] const std::map<std::uint16_t, std::vector<std::uint64_t>>& pages() const {
    return pages_;
  }
  /// Objects that exist now (created minus destroyed), all kinds.
  [[nodiscard]] int live_objects() const { return live_objects_; }
  /// Doorbell writes to 0x800..0xfff of any UAR: offset, value.
  [[nodiscard]] const std::vector<std::pair<std::uint64_t, std::uint64_t>>& send_doorbells() const {
    return send_;
  }
  /// Called for each of them.
  void on_send_doorbell(std::function<void(std::uint64_t)> hook) { on_send_ = std::move(hook); }

 private:
  struct Queue {  // event or completion queue
    std::vector<std::uint64_t> pages;
    std::uint8_t log_size = 0;
    std::uint32_t producer = 0, consumer = 0;
    bool armed = false;
    std::uint64_t mask = 0;
    std::uint32_t vector = 0;  // EQ
    std::uint32_t eqn = 0;     // CQ
  };

  void written(std::uint64_t offset, std::uint64_t value, std::uint32_t bytes);
  void uar_written(std::uint64_t offset, std::uint64_t value);
  void take(std::uint32_t slot);
  void read_chain(FakeCommand& command);
  void write_output(const FakeCommand& command, const FakeReply& reply);
  void post_eqe(std::uint32_t eqn, std::uint8_t type, std::uint8_t sub_type,
                const std::vector<std::uint8_t>& data);
  void fire_if_due(std::uint32_t cqn);
  void put_entry(Queue& queue, std::array<std::uint8_t, 64> entry);
  [[nodiscard]] std::vector<std::uint8_t> number(std::size_t bytes, std::size_t off,
                                                 std::uint32_t value) const;
  FakeReply create_queue(const FakeCommand& command);
  FakeReply pages_command(const FakeCommand& command);
  FakeReply query(const FakeCommand& command);

  FakePlatform& platform_;
  std::map<std::uint32_t, Script> scripts_;
  std::vector<FakeCommand> commands_;
  std::map<std::uint32_t, std::vector<std::uint8_t>> capability_;
  std::map<std::uint32_t, Queue> eqs_, cqs_;
  std::map<std::uint16_t, std::vector<std::uint64_t>> pages_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> send_;
  std::function<void(std::uint64_t)> on_send_;
  std::uint64_t queue_address_ = 0;
  std::uint32_t next_number_ = 1;
  int live_objects_ = 0;
};

}  // namespace vfsim::driver
