// Driver of the physical function: bring-up, events, pages, SR-IOV, and the services that VF
// migration needs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "host_driver/cmd/command_channel.hpp"
#include "host_driver/platform/observer.hpp"
#include "host_driver/platform/platform.hpp"
#include "host_driver/platform/result.hpp"
#include "host_driver/resources/health_monitor.hpp"

namespace vfsim::driver {

struct PfOptions {
  CommandOptions command;
  std::uint32_t completion_vectors = 1;
  std::uint8_t host = 0;           // for observations
  std::uint8_t log_async_eq = 13;  // log2 of entries of the asynchronous event queue
  bool health_poll = true;         // watch the health counter every health_period
  Nanoseconds health_period{2'000'000'000};
  Nanoseconds sriov_settle{100'000'000};  // wait after VF Enable was set
  Nanoseconds vf_pages_timeout{120'000'000'000};
};

/// Tells VF users (migration drivers) that their VF comes or goes. Called outside of any lock of
/// the PF driver.
class VfListener {
 public:
  virtual ~VfListener() = default;
  virtual void vf_enabled(std::uint16_t vf) = 0;
  /// Must close sessions and trackers of the VF before it returns; later commands for it answer
  /// ENOTCONN.
  virtual void vf_disabled(std::uint16_t vf) = 0;
};

/// Order of commands and register accesses: mlx5 device interface sections 2.1, 6.1, 1.3.
class PfDriver {
 public:
  PfDriver(Platform& platform, PfOptions options);
  ~PfDriver();

  /// Bring-up until the completion EQ exists and commands run in event mode.
  [[nodiscard]] Result<void> probe();
  /// Removes the function: SR-IOV is disabled first, then the objects, pages and the command queue
  /// go.
  [[nodiscard]] Result<void> remove();
  /// ENABLE_HCA 1..n, NumVFs, VF Enable | VF MSE, 100 ms; listeners are told before each
  /// ENABLE_HCA.
  [[nodiscard]] Result<void> enable_sriov(std::uint16_t vfs);
  /// Listeners are told from the last VF to the first, VF Enable cleared, DISABLE_HCA from the
  /// last.
  [[nodiscard]] Result<void> disable_sriov();
  [[nodiscard]] std::uint16_t num_vfs() const;
  /// TotalVFs of the SR-IOV capability; 0 without one.
  [[nodiscard]] std::uint16_t total_vfs() const;
  [[nodiscard]] Health health() const;
  /// Link state as the newest port event (or the query at probe) said.
  [[nodiscard]] bool link_up() const;
  /// Current capabilities, area VF_CAP_*: 4096 bytes, zeros if not offered. Valid after probe().
  [[nodiscard]] const Bytes& capability(std::uint32_t type) const;
  /// Host pages that the firmware holds, of all functions.
  [[nodiscard]] std::size_t firmware_pages() const;

  void add_listener(VfListener& listener);
  void remove_listener(VfListener& listener);

  [[nodiscard]] CommandChannel& commands();
  [[nodiscard]] Platform& platform();
  [[nodiscard]] const PfOptions& options() const;
  /// A UAR page for doorbells and the completion EQ for CQs (page tracker).
  [[nodiscard]] std::uint32_t uar() const;
  [[nodiscard]] std::uint8_t completion_eqn() const;
  /// Calls `handler` (interrupt thread) for every completion event of this CQ.
  void on_completion(std::uint32_t cqn, std::function<void()> handler);
  void forget_completion(std::uint32_t cqn);
  /// Calls `handler` (interrupt thread) for every asynchronous event: type, sub type, 28 data
  /// bytes. Returns an id for forget_async(). A handler may not execute synchronous commands: it
  /// would wait for itself.
  std::uint32_t on_async(
      std::function<void(std::uint8_t type, std::uint8_t sub_type, const std::uint8_t* data)>
          handler);
  void forget_async(std::uint32_t id);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vfsim::driver
