// The VMM's copy of a VM's memory on the other host.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "systemc/common/probe.hpp"
#include "testbench/faults/page_faults.hpp"
#include "testbench/linux_host/vm_memory.hpp"
#include "testbench/oracle/oracle.hpp"

namespace vfsim::bench {

/// What a VMM does with a VM's memory while its VF migrates. When dirty tracking of the VF starts,
/// all of the memory is sent to the other host; at each dirty report the pages that it names, and
/// those that the VM's CPUs wrote. A page that the device wrote and no report names is not sent:
/// the other host has the older one, and the VM goes on with that. Without dirty tracking all of
/// the memory counts as dirty until the state of the stopped VF has been saved, and is sent then.
///
/// The CPUs' pages are those that differ from what they were at the last look, and from what the
/// device wrote since: a VM runs only when the simulator lets it, so that a look is a moment.
class VmCopier final : public model::Observer {
 public:
  struct Figures {
    model::Ps begin = 0;       // of the copy
    std::uint64_t bytes = 0;   // of pages sent
    std::uint32_t rounds = 0;  // reports while the VM ran
  };

  /// @param oracle  compares the memories (rule D2)
  /// @param fn      function of the VM's VF, on either host
  /// @param faults  deliberate defects of the layer `vmm`
  VmCopier(model::ProbeBus& probes, Oracle& oracle, VmMemory& memory, std::uint8_t fn,
           const vf_fault_set& faults);

  void dirty_tracking(model::Ps t, model::FnRef who, bool on) override;
  void dirty_report(model::Ps t, model::FnRef who, const std::uint64_t* pages,
                    std::size_t count) override;
  void tlp_landed(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                  const std::uint8_t* payload, bool ok) override;

  /// The VM's CPUs stand still.
  void stopped() { stopped_ = true; }
  /// They do, and the VF's whole state has been saved.
  void saved(model::Ps t);
  /// The VF of the other host is about to run: both memories are compared, once.
  void complete(model::Ps t);
  /// The VM runs again, on that host: on the other one with the copy. A migration that has come so
  /// far as complete() is over then, and so is its copy.
  void run_on(std::uint8_t host);
  /// Of the newest migration that has begun.
  [[nodiscard]] const Figures& figures() const { return figures_; }

 private:
  [[nodiscard]] bool is_here(model::FnRef who) const {
    return who.fn == fn_ && who.host == memory_.host();
  }
  /// Sends everything.
  void begin(model::Ps t);
  /// Sends the pages of a report, and those of the CPUs.
  void sync(std::vector<std::uint64_t> pages);
  [[nodiscard]] std::vector<std::uint64_t> written_by_cpus();
  void send(std::uint64_t page);
  [[nodiscard]] std::uint8_t* seen(std::uint64_t page) {
    return seen_->view(page - memory_.here().start, VmMemory::kPage);
  }

  Oracle& oracle_;
  VmMemory& memory_;
  const std::uint8_t fn_;
  PageFaults faults_;
  std::unique_ptr<model::HostMemory> seen_;  // of the last look; none: there is no copy
  Figures figures_;
  bool tracked_ = false;
  bool stopped_ = false;
  bool compared_ = false;
};

}  // namespace vfsim::bench
