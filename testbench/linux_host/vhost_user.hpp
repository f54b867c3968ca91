// vhost-user back-end of one virtio device of a guest.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "testbench/linux_host/descriptor.hpp"
#include "testbench/linux_host/split_queue.hpp"

namespace vfsim::bench {

/// The device behind the queues.
class VirtioDevice {
 public:
  virtual ~VirtioDevice() = default;
  /// The guest lets its devices reach [start, start + bytes) of its physical addresses: the part of
  /// a file from `offset`. False: refused, the guest is told so.
  [[nodiscard]] virtual bool memory(int file, std::uint64_t offset, std::uint64_t start,
                                    std::uint64_t bytes) = 0;
  /// The guest made buffers of a queue available. False: its kick is answered later, by
  /// VhostUser::answer_kick(); until then the guest stands still.
  [[nodiscard]] virtual bool kicked(std::uint32_t queue) = 0;
};

/// Protocol: QEMU docs/interop/vhost-user; the requests that User Mode Linux makes, with
/// notifications in band. One message at a time, each answered before the next is read.
class VhostUser {
 public:
  static constexpr std::uint32_t kQueues = 2;

  /// @param ram  where the queues lie; belongs to the guest, filled in by VirtioDevice::memory()
  VhostUser(const GuestRam& ram, VirtioDevice& device);

  /// False: the socket cannot be made there.
  [[nodiscard]] bool listen(const std::string& path);
  /// What to wait on: the connection, or the listener before there is one; -1: neither.
  [[nodiscard]] int descriptor() const;
  /// Takes the connection or one message. False: the peer talks nonsense: error().
  [[nodiscard]] bool serve();
  [[nodiscard]] const std::string& error() const { return error_; }

  [[nodiscard]] SplitQueue& queue(std::uint32_t index) { return queues_[index]; }
  void answer_kick();
  /// Tells the guest that buffers of the queue came back. The guest may ask its calendar before it
  /// answers: whoever calls this serves that, until call_answered() has taken the answer from
  /// call_descriptor(). False: the guest cannot be told.
  [[nodiscard]] bool call(std::uint32_t queue);
  [[nodiscard]] int call_descriptor() const { return calls_.get(); }
  [[nodiscard]] bool call_answered();

 private:
  struct Message;
  [[nodiscard]] bool fail(const std::string& why);
  bool reply(std::uint32_t request, std::uint64_t value);
  [[nodiscard]] bool handle(const Message& message, std::vector<Descriptor>& passed);
  [[nodiscard]] bool change_queue(const Message& message);
  [[nodiscard]] bool set_memory(const Message& message, const std::vector<Descriptor>& passed);
  [[nodiscard]] bool acknowledge(const Message& message, bool accepted);

  VirtioDevice& device_;
  std::array<SplitQueue, kQueues> queues_;
  Descriptor listener_;
  Descriptor peer_;
  Descriptor calls_;
  bool kick_waits_ = false;
  std::string error_;
};

}  // namespace vfsim::bench
