// Common to both sides of a migration: steps, phases, report.
#pragma once

#include <atomic>
#include <optional>
#include <string_view>
#include <vector>

#include "host_driver/vmm/message.hpp"
#include "host_driver/vmm/vmm.hpp"

namespace vfsim::driver {

struct RunContext {
  Os& os;
  const VmmParams& params;
  const VmmOptions& options;
  std::optional<VmmStep> fail_at;
  std::atomic<bool>& cancelled;
};

class MigrationRun {
 protected:
  MigrationRun(RunContext context, GuestVm& guest, Channel& channel)
      : context_(context), guest_(guest), link_(channel), devices_(guest.devices()) {}

  /// Enters a step: fails when it was told to (EIO), or when the migration was cancelled
  /// (ECANCELED).
  [[nodiscard]] Result<void> step(VmmStep which);
  void begin_phase(std::string_view name);
  void end_phase();
  void vcpus(bool running);
  /// How long the other side may take for an answer.
  [[nodiscard]] Nanoseconds patience() const;
  [[nodiscard]] Nanoseconds now() const { return context_.os.now(); }
  [[nodiscard]] static bool has(const VfioDevice& device, std::uint64_t flags) {
    return (device.migration_flags() & flags) == flags;
  }
  /// All devices that can to RUNNING_P2P; those in RUNNING or PRE_COPY stay. The first error, after
  /// trying all.
  [[nodiscard]] Result<void> devices_to_p2p();
  /// How much of the devices' state was kept when they were to run, worst last.
  enum class Kept : std::uint8_t { all, reset, lost };
  /// To RUNNING although it failed before: a reset if need be; lost when the device is gone.
  [[nodiscard]] Kept run_or_reset(VfioDevice& device);
  /// Tells the other side why, and closes the channel.
  void give_up(const Error& error);
  void note_failure(const Error& error);

  RunContext context_;
  GuestVm& guest_;
  MessageLink link_;
  std::vector<VfioDevice*> devices_;
  MigrationReport report_;

 private:
  VmmStep current_ = VmmStep::setup;
  std::uint32_t skipped_ = 0;
  bool in_phase_ = false;
};

class SourceRun : private MigrationRun {
 public:
  SourceRun(RunContext context, GuestVm& guest, Channel& channel);
  [[nodiscard]] MigrationReport run();

 private:
  struct Device {
    VfioDevice* device = nullptr;
    std::shared_ptr<MigStream> stream;
    bool logging = false;
  };

  [[nodiscard]] Result<void> migrate();
  [[nodiscard]] Result<void> set_up();
  [[nodiscard]] Result<void> start_logging();
  [[nodiscard]] Result<void> precopy();
  [[nodiscard]] Result<void> rounds();
  [[nodiscard]] Result<void> enter_precopy();
  [[nodiscard]] Result<void> switch_over();
  [[nodiscard]] Result<void> stop_devices();
  [[nodiscard]] Result<void> finish();
  /// Pages dirty since the last time, ascending; all used ones when a device cannot tell.
  [[nodiscard]] Result<std::vector<std::uint64_t>> dirty_pages();
  [[nodiscard]] Result<void> send_pages(const std::vector<std::uint64_t>& pages);
  /// Reads a stream to its end, or to its temporary end in PRE_COPY.
  [[nodiscard]] Result<void> send_stream(std::size_t index, bool last);
  [[nodiscard]] Result<std::uint64_t> device_rest();
  [[nodiscard]] Result<std::uint64_t> what_is_left(std::vector<std::uint64_t>& pages);
  [[nodiscard]] bool fits(std::uint64_t bytes) const;
  [[nodiscard]] Result<void> send(Message message);
  [[nodiscard]] Result<Message> expect(MessageType type);
  void stop_logging();
  void roll_back(const Error& error);
  [[nodiscard]] Kept devices_run_again();

  std::vector<Device> sources_;
  std::uint64_t busy_bytes_ = 0;  // sent while measuring
  Nanoseconds busy_time_{0};
  Nanoseconds stopped_at_{0};
  bool vcpus_stopped_ = false;
  bool logging_ = false;
  bool untracked_ = false;  // a device writes memory without telling where
  bool committed_ = false;  // the destination may run
  bool refused_ = false;    // the destination said that it does not
};

class DestinationRun : private MigrationRun {
 public:
  DestinationRun(RunContext context, GuestVm& guest, Channel& channel);
  [[nodiscard]] MigrationReport run();

 private:
  struct Device {
    std::shared_ptr<MigStream> stream;
    bool loaded = false, configured = false;
  };

  [[nodiscard]] Result<void> migrate();
  [[nodiscard]] Result<void> set_up();
  [[nodiscard]] Result<void> check_hello(const Message& hello) const;
  void clear_memory();
  [[nodiscard]] Result<void> take(const Message& message);
  [[nodiscard]] Result<void> take_pages(const std::vector<std::uint8_t>& payload);
  [[nodiscard]] Result<void> take_config(const Message& message);
  [[nodiscard]] Result<void> resume();
  [[nodiscard]] Result<void> run_devices();
  void clean();

  std::vector<Device> targets_;
  Kept kept_ = Kept::all;
};

/// Payload of hello.
[[nodiscard]] std::vector<std::uint8_t> encode_hello(GuestVm& guest,
                                                     const std::vector<VfioDevice*>& devices);

}  // namespace vfsim::driver
