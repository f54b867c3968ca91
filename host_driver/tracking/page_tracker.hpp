// Dirty tracking of one VF by the device: PAGE_TRACK object, and the queue pair that carries its
// reports.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "host_driver/cmd/commands.hpp"
#include "host_driver/migration/sync.hpp"
#include "host_driver/migration/vf_session.hpp"
#include "host_driver/migration/vfio_device.hpp"
#include "host_driver/tracking/report_ring.hpp"

namespace vfsim::driver {

/// start(), report() and stop() are serialised by the caller's state mutex; mark_error() and
/// on_async() may come from any thread. Source: mlx5 device interface sections 4.3, 4.7, 5.5, 6.7.
class PageTracker : public std::enable_shared_from_this<PageTracker> {
 public:
  /// Builds the objects in the order of section 6.7 and starts tracking. @param page_size wanted;
  /// clamped to what the device offers, see page_size(). @errors EOPNOTSUPP (summed ranges outside
  /// of the device's limits), ENOMEM, errors of the commands; everything built is taken down again.
  [[nodiscard]] static Result<std::shared_ptr<PageTracker>> start(
      PfDriver& pf, std::uint16_t vhca_id, const MigCapabilities& caps, std::uint64_t page_size,
      const std::vector<IovaRange>& ranges);
  explicit PageTracker(PfDriver& pf);
  ~PageTracker();

  /// Bytes of a tracked page.
  [[nodiscard]] std::uint64_t page_size() const { return page_size_; }
  /// Dirty pages of the range since the last report, ascending. EIO: the tracker is dead.
  [[nodiscard]] Result<std::vector<std::uint64_t>> report(std::uint64_t iova, std::uint64_t length);
  /// Takes everything down; errors are ignored.
  void stop();
  /// The tracker is dead: a report that runs ends with EIO.
  void mark_error();
  /// Asynchronous event of the PF: CQ and WQ errors, object changes. @param data 28 bytes of event
  /// data.
  void on_async(std::uint8_t type, const std::uint8_t* data);

 private:
  [[nodiscard]] Result<void> build(std::uint16_t vhca_id, const MigCapabilities& caps,
                                   std::uint64_t page_size, const std::vector<IovaRange>& ranges);
  [[nodiscard]] Result<void> build_queues(const MigCapabilities& caps, std::uint8_t log_message);
  [[nodiscard]] Result<void> connect(const MigCapabilities& caps);
  /// Takes what the ring holds. True: the report has ended.
  [[nodiscard]] Result<bool> drain(std::vector<std::uint64_t>& pages);
  [[nodiscard]] Result<bool> wait_for_more(std::vector<std::uint64_t>& pages);
  [[nodiscard]] bool dead();
  [[nodiscard]] Result<bool> ask_state(std::vector<std::uint64_t>& pages);

  PfDriver& pf_;
  std::unique_ptr<Mutex> lock_;
  std::shared_ptr<Event> wake_;
  ReportRing ring_;
  std::uint64_t page_size_ = VF_PAGE_BYTES;
  // Numbers of what was built; 0 where noted by the flags.
  std::uint32_t pd_ = 0, host_qp_ = 0, firmware_qp_ = 0, object_ = 0;
  bool has_pd_ = false, has_host_qp_ = false, has_firmware_qp_ = false, has_object_ = false;
  bool dead_ = false;            // guarded by lock_
  bool object_changed_ = false;  // guarded by lock_
};

}  // namespace vfsim::driver
