// A slot of a guest's PCI bus, and the CPU that reaches it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "testbench/linux_host/emulated_config.hpp"
#include "testbench/linux_host/function_place.hpp"
#include "testbench/linux_host/pcidev.hpp"
#include "testbench/linux_host/vhost_user.hpp"

namespace vfsim::bench {

/// Does the work of one guest's CPU on the bus, one piece after the other, in the time that the model
/// takes.
class GuestCpu {
 public:
  using Work = std::function<void()>;  // runs in an SC_THREAD: it may block

  /// Spawns it. @param name  of the guest
  GuestCpu(model::Calendar& calendar, const std::string& name);
  void push(Work work);
  [[nodiscard]] bool idle() const { return work_.empty(); }
  /// Called when it has nothing left to do.
  void on_idle(Work idle) { idle_ = std::move(idle); }

 private:
  void run();
  model::Calendar& calendar_;
  model::KernelEvent pushed_;
  std::deque<Work> work_;  // the first is being done
  Work idle_;
};

/// One virtio device of the guest: queue 0 brings accesses, queue 1 takes interrupts. Accesses are
/// carried out as the root complex of the function's host does: configuration accesses and reads wait
/// for their completion, writes to the BAR are posted; the guest sees answers in its queue.
class PciSlot final : public VirtioDevice {
 public:
  /// Told the slot's events, in the guest's or in calendar time.
  class Owner {
   public:
    virtual ~Owner() = default;
    [[nodiscard]] virtual bool memory(int file, std::uint64_t offset, std::uint64_t start,
                                      std::uint64_t bytes) = 0;
    /// The guest rang a command doorbell: its kick waits for PciSlot::link().answer_kick().
    virtual void command_rung(PciSlot& slot) = 0;
    /// Something waits for deliver().
    virtual void interrupted() = 0;
    /// The guest cannot go on: why, one line.
    virtual void failed(const std::string& why) = 0;
  };

  static constexpr std::uint32_t kInterrupts = 1;  // queue

  PciSlot(const GuestRam& ram, GuestCpu& cpu, Owner& owner, const FunctionPlace& place);

  /// The guest is a VM, and this a VF that it is given: it gets a configuration space of its own.
  void emulate_config(const model::PcieParams& pcie);

  [[nodiscard]] VhostUser& link() { return link_; }
  [[nodiscard]] const FunctionPlace& place() const { return place_; }
  /// The function is elsewhere from now on, and is set up there by the guest's CPU.
  void move_to(const FunctionPlace& place);
  /// Before the guest runs. @param quiet  it need not tell of accesses: look() will find them
  void prepare(bool quiet);
  /// Takes what the guest has done and not told of.
  void look();
  /// Takes what the guest has not told of while it runs on; as command_rung() if a command doorbell is among it: it polls
  /// for that command, and will be heard at once from now on.
  [[nodiscard]] bool find_command();
  /// Something is to be told to the guest.
  [[nodiscard]] bool wants_delivery() const { return !messages_.empty() || posted_ >= kReapAfter; }
  /// Hands interrupts and answered writes to the guest's queues. @return the queues that are to be
  /// called, as bits
  [[nodiscard]] std::uint32_t deliver();

  [[nodiscard]] bool memory(int file, std::uint64_t offset, std::uint64_t start,
                            std::uint64_t bytes) override {
    return owner_.memory(file, offset, start, bytes);
  }
  [[nodiscard]] bool kicked(std::uint32_t queue) override;

 private:
  // The driver frees the buffers of posted writes when it reads, or when it is called: the queue has
  // 256 entries, of which a read takes two.
  static constexpr std::uint32_t kReapAfter = 64;

  /// From now on messages of the function with this data go to the guest.
  void take_interrupt(std::uint32_t data);
  /// What is written to the BAR in the place of `value`: as with interrupt remapping, entries of the
  /// MSI-X table get the address of the host's interrupt window and keep the guest's data.
  [[nodiscard]] std::uint64_t remapped(std::uint64_t at, std::uint64_t value);
  /// @return whether a command doorbell is among them
  bool take_accesses();
  void count_unreaped(const PcidevAccess& access);
  void carry_out(const PcidevAccess& access);
  [[nodiscard]] bool in_window(const PcidevAccess& access, std::uint64_t at, std::uint32_t bytes) const;
  [[nodiscard]] std::uint64_t read(const PcidevAccess& access, std::uint64_t at, std::uint32_t bytes);
  void write(const PcidevAccess& access, std::uint64_t at, std::uint64_t value, std::uint32_t bytes);

  GuestCpu& cpu_;
  Owner& owner_;
  FunctionPlace place_;
  std::unique_ptr<EmulatedConfig> config_;  // of a VM
  VhostUser link_;
  std::set<std::uint32_t> routes_;      // data of messages that are the guest's
  std::deque<std::uint32_t> messages_;  // data of interrupts that the guest has not got
  bool polls_ = false;                  // it did, when it was expected to wait
  std::uint32_t posted_ = 0;            // writes answered since the last read
  std::uint32_t unreaped_ = 0;          // writes that came since, and whose entries are not free
};

}  // namespace vfsim::bench
