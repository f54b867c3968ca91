// Hears everything that is observed in a run, and keeps what the shell shows of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "testbench/checkers/rule_set.hpp"
#include "testbench/shell/happening.hpp"
#include "testbench/shell/image_keeper.hpp"
#include "testbench/shell/open_requests.hpp"
#include "testbench/shell/vmm_view.hpp"

namespace vfsim::bench {

/// Told of each observation, after everybody else was.
class HappeningListener {
 public:
  virtual ~HappeningListener() = default;
  /// Observation number `count` (from 1) was made. A rule that spoke because of it is told before it, with the same number.
  /// May return late: whoever stops a run waits in here.
  virtual void happened(const Happening& h, std::uint64_t count) = 0;
};

/// Subscribe it last: what it tells the listener is the state behind the observation. Costs one small record per
/// observation; nothing is printed before somebody asks.
class Watcher final : public model::Observer {
 public:
  static constexpr std::size_t kKept = 1U << 14;  // newest observations

  /// @param rules, listener  outlive this
  Watcher(model::ProbeBus& bus, RuleSet& rules, model::Rid base_rid, HappeningListener& listener);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// The newest observations, oldest first, at most `most`, of those that `wanted` takes.
  [[nodiscard]] std::vector<Happening> last(std::size_t most, const std::function<bool(const Happening&)>& wanted) const;
  [[nodiscard]] const OpenRequests& open_requests() const { return open_; }
  [[nodiscard]] const VmmView& vmm() const { return vmm_; }
  [[nodiscard]] const ImageKeeper& images() const { return images_; }

  void tlp_sent(model::Ps t, std::uint8_t host, const model::Tlp& tlp, const std::uint8_t* payload) override;
  void tlp_landed(model::Ps t, std::uint8_t host, const model::Tlp& tlp, const std::uint8_t* payload, bool ok) override;
  void tlp_received(model::Ps t, std::uint8_t host, const model::Tlp& tlp) override;
  void iommu_fault(model::Ps t, std::uint8_t host, model::Rid requester, std::uint64_t iova, bool write) override;
  void msi(model::Ps t, model::FnRef who, std::uint32_t vector, model::MsiAction action) override;
  void access(model::Ps t, const model::AccessView& view) override;
  void command_submitted(model::Ps t, const model::CommandView& view) override;
  void command_completed(model::Ps t, const model::CommandView& view) override;
  void frame_sent(model::Ps t, model::FnRef who, const std::uint8_t* bytes, std::uint32_t length) override;
  void frame_discarded(model::Ps t, model::FnRef who, const std::uint8_t* bytes, std::uint32_t length) override;
  void frame_received(model::Ps t, model::FnRef who, const std::uint8_t* bytes, std::uint32_t length,
                      model::FrameDrop drop) override;
  void function_reset(model::Ps t, model::FnRef who) override;
  void vfio_state(model::Ps t, model::FnRef who, std::uint32_t from, std::uint32_t to, int error) override;
  void set_state_done(model::Ps t, model::FnRef who, std::uint32_t requested, std::uint32_t now, int error) override;
  void device_reset(model::Ps t, model::FnRef who, std::uint32_t now, int error) override;
  void stream(model::Ps t, const model::StreamView& view) override;
  void precopy_info(model::Ps t, const model::PrecopyView& view) override;
  void migration(model::Ps t, const model::MigrationView& view) override;
  void dirty_report(model::Ps t, model::FnRef who, const std::uint64_t* pages, std::size_t count) override;
  void dirty_tracking(model::Ps t, model::FnRef who, bool on) override;
  void vcpu(model::Ps t, std::uint32_t guest, bool running, std::uint8_t host) override;
  void phase(model::Ps t, std::uint32_t guest, const char* name, bool begin) override;

 private:
  Happening& next(HappeningKind kind, model::Ps t, model::FnRef who, bool good = true);
  void done(const Happening& h);
  void tlp(HappeningKind kind, model::Ps t, std::uint8_t host, const model::Tlp& tlp, bool good);
  void command(HappeningKind kind, model::Ps t, const model::CommandView& view);
  [[nodiscard]] model::FnRef function(std::uint8_t host, model::Rid rid) const;

  RuleSet& rules_;
  const model::Rid base_rid_;
  HappeningListener& listener_;
  OpenRequests open_;
  VmmView vmm_;  // hears everything before this
  ImageKeeper images_;
  std::vector<Happening> kept_;  // ring
  std::uint64_t written_ = 0;
  std::uint64_t count_ = 0;
  std::vector<Happening> violations_;  // of the observation under way
};

}  // namespace vfsim::bench
