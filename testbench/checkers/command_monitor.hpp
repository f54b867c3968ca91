// Sees the commands of every function from outside: BAR writes, host memory, landed writes.
#pragma once

#include <array>
#include <vector>

#include "testbench/checkers/check_context.hpp"

namespace vfsim::bench {

/// One slot of a command queue, as the driver handed it over.
struct CommandSlot {
  bool active = false;  // handed to the device and not completed
  std::uint8_t token = 0;
  std::uint16_t opcode = 0;
  std::uint16_t op_mod = 0;
  std::uint32_t out_bytes = 0;
  model::Ps submitted = 0;
  std::vector<std::uint8_t> in;           // gathered input
  std::vector<std::uint64_t> in_blocks;   // bus addresses
  std::vector<std::uint64_t> out_blocks;  // bus addresses
};

/// A write of the device that landed in a function's command queue page.
struct QueueWrite {
  model::FnRef who;
  std::uint8_t slot = 0;
  std::uint32_t offset = 0;  // inside the slot
  std::uint32_t bytes = 0;
  bool active = false;     // the device owned the slot when the write landed
  bool completes = false;  // covers the ownership byte and gives it back
  std::uint8_t submitted_token = 0;
  std::array<std::uint8_t, 64> entry{};  // slot after the write
};

class QueueWriteListener {
 public:
  virtual ~QueueWriteListener() = default;
  virtual void queue_write(model::Ps t, const QueueWrite& write) = 0;
  /// The device wrote into an input mailbox block of an active command.
  virtual void input_write(model::Ps t, model::FnRef who, std::uint64_t iova,
                           std::uint32_t bytes) = 0;
};

/// Emits command_submitted and command_completed on the bus.
///
/// Submitted: a doorbell write rings a slot whose ownership bit says "device". Completed: a write
/// of the function lands on the ownership byte of such a slot and gives it back. Everything else
/// costs one page comparison per write. A queue moves to another host with its function:
/// copy_function().
class CommandMonitor final : public model::Observer {
 public:
  static constexpr std::uint32_t kSlots = 1U << VF_LOG_CMDQ_SIZE;
  struct Queue {
    std::uint64_t address = 0;  // bus address, 0: none
    std::uint32_t high = 0;     // upper half written last
    std::array<CommandSlot, kSlots> slots;
  };

  /// Subscribes itself. `context` and `bus` must outlive it.
  CommandMonitor(const CheckContext& context, model::ProbeBus& bus);

  void set_listener(QueueWriteListener* listener) { listener_ = listener; }
  [[nodiscard]] const Queue& queue(model::FnRef who) const { return queues_[function_index(who)]; }
  /// `queue` becomes the command queue of `who` (its state image was loaded there).
  void install(model::FnRef who, const Queue& queue);
  /// Whether the device may write there for an active command: its slot's output or an output
  /// mailbox block.
  [[nodiscard]] bool owns_output(model::FnRef who, std::uint64_t iova, std::uint32_t bytes) const;
  /// Whether it is the function's command queue page.
  [[nodiscard]] bool in_queue_page(model::FnRef who, std::uint64_t iova) const {
    return hot_[function_index(who)].page == iova >> VF_PAGE_SHIFT;
  }

  void access(model::Ps t, const model::AccessView& view) override;
  void tlp_landed(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                  const std::uint8_t* payload, bool ok) override;
  void function_reset(model::Ps t, model::FnRef who) override;

 private:
  void ring(model::Ps t, model::FnRef who, std::uint32_t vector);
  void submit(model::Ps t, model::FnRef who, std::uint8_t slot);
  void queue_write(model::Ps t, model::FnRef who, const model::Tlp& tlp);
  void judge_mailboxes(model::Ps t, model::FnRef who, const model::Tlp& tlp);
  void complete(model::Ps t, model::FnRef who, std::uint8_t slot, const std::uint8_t* entry);
  void gather(model::FnRef who, const std::vector<std::uint64_t>& blocks, std::uint32_t bytes,
              std::vector<std::uint8_t>& to) const;
  [[nodiscard]] std::vector<std::uint64_t> chain(model::FnRef who, std::uint64_t first,
                                                 std::uint32_t bytes) const;

  const CheckContext& context_;
  model::ProbeBus& bus_;
  QueueWriteListener* listener_ = nullptr;
  std::vector<Queue> queues_;  // by function_index
  struct Hot {
    std::uint64_t page = ~0ULL;  // page number of the queue, ~0 without one
    std::uint32_t active = 0;    // slots the device owns
  };
  std::vector<Hot> hot_;
  std::vector<std::uint8_t> output_;  // scratch
};

}  // namespace vfsim::bench
