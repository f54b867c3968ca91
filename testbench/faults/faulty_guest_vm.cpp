#include "testbench/faults/faulty_guest_vm.hpp"

#include <utility>

#include "firmware/interface/fault_set.hpp"
#include "testbench/faults/page_faults.hpp"
#include "testbench/sim_platform/forwarding_device.hpp"

namespace vfsim::bench {
namespace {

using driver::MigState;
using driver::Result;
using StreamPtr = std::shared_ptr<driver::MigStream>;

constexpr vf_fault_set kVmmFaults = contract::fault_set(
    {VF_FAULT_cpu_page_missed, VF_FAULT_last_sync_skipped, VF_FAULT_page_misplaced,
     VF_FAULT_p2p_stage_rushed, VF_FAULT_resume_out_of_step, VF_FAULT_source_runs_too,
     VF_FAULT_rollback_forgets_device, VF_FAULT_refuses_too_late});

/// What the VMM does at present, as its parts see it.
struct Procedure {
  VmmSide side;
  vf_fault_set faults;
  bool vcpus_stopped = false;
  [[nodiscard]] bool has(VmmSide where, enum vf_fault fault) const {
    return side == where && vf_fault(faults, fault) != 0;
  }
  [[nodiscard]] bool skips_sync() const {
    return side == VmmSide::source && PageFaults(faults).skips_sync(vcpus_stopped);
  }
};

/// Orders from a VMM that gets them wrong.
class MisledDevice final : public ForwardingDevice {
 public:
  MisledDevice(driver::VfioDevice& device, const Procedure& vmm, bool first)
      : ForwardingDevice(device), vmm_(vmm), first_(first) {}

  Result<StreamPtr> set_state(MigState target) override {
    return vmm_.side == VmmSide::source ? on_source(target) : on_destination(target);
  }

  Result<std::vector<std::uint64_t>> logging_report(std::uint64_t iova,
                                                    std::uint64_t length) override {
    auto pages = inner().logging_report(iova, length);
    if (pages && vmm_.skips_sync()) {
      pages.value().clear();
    }
    return pages;
  }

 private:
  static Result<StreamPtr> nothing() { return StreamPtr(); }

  Result<StreamPtr> on_source(MigState target) {
    if (target == MigState::running &&
        vmm_.has(VmmSide::source, VF_FAULT_rollback_forgets_device)) {
      return nothing();
    }
    if (target == MigState::stop && vmm_.has(VmmSide::source, VF_FAULT_source_runs_too)) {
      return inner().set_state(MigState::running);
    }
    if (!first_ || !vmm_.vcpus_stopped || !vmm_.has(VmmSide::source, VF_FAULT_p2p_stage_rushed)) {
      return inner().set_state(target);
    }
    if (target == MigState::stop_copy) {
      return std::exchange(early_, nullptr);
    }
    auto staged = inner().set_state(target);
    auto stopped = staged ? inner().set_state(MigState::stop_copy) : staged;
    if (!stopped) {
      return stopped;
    }
    early_ = stopped.value();
    return staged;
  }

  Result<StreamPtr> on_destination(MigState target) {
    const bool early = first_ && target == MigState::running_p2p &&
                       vmm_.has(VmmSide::destination, VF_FAULT_resume_out_of_step);
    auto done = inner().set_state(early ? MigState::running : target);
    const bool misjudged = first_ && target == MigState::running &&
                           vmm_.has(VmmSide::destination, VF_FAULT_refuses_too_late);
    return misjudged ? driver::fail(EIO, "taken for failed") : std::move(done);
  }

  const Procedure& vmm_;
  const bool first_;
  StreamPtr early_;  // opened when it was not yet asked for
};

class FaultyGuestVm final : public driver::GuestVm {
 public:
  FaultyGuestVm(driver::GuestVm& guest, VmmSide side, vf_fault_set faults)
      : guest_(guest), vmm_{side, faults, false}, pages_(faults) {
    for (driver::VfioDevice* device : guest.devices()) {
      devices_.push_back(std::make_unique<MisledDevice>(*device, vmm_, devices_.empty()));
    }
  }

  std::uint32_t id() const override { return guest_.id(); }
  std::uint8_t host() const override { return guest_.host(); }
  std::uint64_t memory_bytes() const override { return guest_.memory_bytes(); }
  std::vector<std::uint64_t> used_pages() const override { return guest_.used_pages(); }
  void read_page(std::uint64_t gpa, std::uint8_t* to) const override { guest_.read_page(gpa, to); }

  void write_page(std::uint64_t gpa, const std::uint8_t* from) override {
    guest_.write_page(vmm_.side == VmmSide::destination ? pages_.place(gpa) : gpa, from);
  }

  void cpu_log(bool on) override { guest_.cpu_log(on); }

  std::vector<std::uint64_t> cpu_report() override {
    std::vector<std::uint64_t> pages = guest_.cpu_report();
    if (vmm_.skips_sync()) {
      pages.clear();
    }
    pages_.lose_some(pages);
    return pages;
  }

  void stop_vcpus() override {
    guest_.stop_vcpus();
    vmm_.vcpus_stopped = true;
  }
  void start_vcpus() override {
    vmm_.vcpus_stopped = false;
    guest_.start_vcpus();
  }
  void take_over() override { guest_.take_over(); }

  std::vector<driver::VfioDevice*> devices() override {
    std::vector<driver::VfioDevice*> all;
    for (const auto& device : devices_) {
      all.push_back(device.get());
    }
    return all;
  }

 private:
  driver::GuestVm& guest_;
  Procedure vmm_;
  std::vector<std::unique_ptr<MisledDevice>> devices_;
  PageFaults pages_;
};

}  // namespace

std::unique_ptr<driver::GuestVm> make_faulty_guest_vm(driver::GuestVm& guest, VmmSide side,
                                                      vf_fault_set faults) {
  return !contract::intersects(faults, kVmmFaults)
             ? nullptr
             : std::make_unique<FaultyGuestVm>(guest, side, faults);
}

}  // namespace vfsim::bench
