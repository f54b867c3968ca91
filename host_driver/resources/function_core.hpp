// What every driver of a function (physical or virtual) does first and last: bring-up, event
// queues, pages, teardown.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host_driver/cmd/commands.hpp"
#include "host_driver/resources/event_queue.hpp"
#include "host_driver/resources/health_monitor.hpp"
#include "host_driver/resources/page_manager.hpp"
#include "host_driver/resources/undo_stack.hpp"

namespace vfsim::driver {

struct CoreOptions {
  CommandOptions command;
  bool physical = false;  // a PF also tells the device the host's byte order
  std::uint32_t completion_vectors = 1;
  std::uint8_t log_command_eq = 8;  // event queue sizes, log2 of entries
  std::uint8_t log_async_eq = 13;
  std::uint8_t log_completion_eq = 11;
  bool health_poll = true;
  Nanoseconds health_period{2'000'000'000};
  std::string driver_version = "vfsim,host_driver,1.0.0";
};

/// Asynchronous event: type, sub type, 28 data bytes.
using AsyncHandler =
    std::function<void(std::uint8_t type, std::uint8_t sub_type, const std::uint8_t* data)>;

/// Order of commands: mlx5 device interface section 6.1, newest generation.
/// Handlers run in the function's interrupt thread: they may notify and take locks, but a
/// synchronous command in one would wait for itself.
class FunctionCore {
 public:
  FunctionCore(Platform& platform, CoreOptions options);
  ~FunctionCore();

  /// Until the completion EQs exist and commands run in event mode. On failure everything done is
  /// undone.
  [[nodiscard]] Result<void> start();
  /// Reverse order; the first error is returned, but everything is tried.
  [[nodiscard]] Result<void> stop();
  [[nodiscard]] bool started() const { return started_; }

  [[nodiscard]] CommandChannel& commands() { return channel_; }
  [[nodiscard]] Platform& platform() { return platform_; }
  [[nodiscard]] PageManager& pages() { return pages_; }
  [[nodiscard]] Health health() const { return health_.health(); }
  [[nodiscard]] std::uint32_t uar() const { return uar_; }
  [[nodiscard]] std::uint8_t completion_eqn(std::uint32_t index) const {
    return completion_eqs_.at(index)->number();
  }
  /// Current values; 4096 bytes, zeros for an area that is not offered.
  [[nodiscard]] const Bytes& capability(std::uint32_t type) const;

  void on_completion(std::uint32_t cqn, std::function<void()> handler) {
    completions_[cqn] = std::move(handler);
  }
  void forget_completion(std::uint32_t cqn) { completions_.erase(cqn); }
  std::uint32_t on_async(AsyncHandler handler);
  void forget_async(std::uint32_t id) { asyncs_.erase(id); }
  /// All event queues, for checks.
  [[nodiscard]] std::vector<const EventQueue*> event_queues() const;

 private:
  using Step = Result<void> (FunctionCore::*)();

  Result<void> start_queue();
  Result<void> enable();
  Result<void> select_issi();
  Result<void> boot_pages();
  Result<void> set_registers();
  Result<void> set_capabilities();
  Result<void> init();
  Result<void> read_capabilities();
  Result<void> make_uar();
  Result<void> make_command_eq();
  Result<void> make_async_eqs();
  Result<void> make_completion_eqs();
  Result<std::shared_ptr<EventQueue>> add_eq(std::uint8_t log_size, std::uint32_t vector,
                                             std::uint64_t mask);
  Result<void> remove_eq(const std::shared_ptr<EventQueue>& eq);
  void interrupt(std::uint32_t vector);
  void dispatch(const EqEvent& event);
  void drain(EventQueue& eq);

  Platform& platform_;
  CoreOptions options_;
  CommandChannel channel_;
  PageManager pages_;
  HealthMonitor health_;
  UndoStack undo_;
  std::map<std::uint32_t, Bytes> capabilities_;
  std::uint32_t uar_ = 0;
  std::map<std::uint32_t, std::vector<std::shared_ptr<EventQueue>>> vectors_;
  std::vector<std::shared_ptr<EventQueue>> completion_eqs_;
  std::map<std::uint32_t, std::function<void()>> completions_;
  std::map<std::uint32_t, AsyncHandler> asyncs_;
  std::uint32_t next_async_ = 1;
  bool started_ = false;
};

}  // namespace vfsim::driver
