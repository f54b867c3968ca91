#include "testbench/runner/host_side.hpp"

#include "firmware/interface/faults.h"
#include "systemc/rtl_bridge/rtl_blocks.hpp"
#include "testbench/faults/faulty_port.hpp"
#include "testbench/rtl_equiv/block_recorder.hpp"
#include "testbench/sim_platform/enumerate.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kMaxVfs = VF_MAX_FUNCTIONS - 1;
constexpr std::uint8_t kPeerFn = VF_MAX_FUNCTIONS;  // in observations: no function of the NIC

driver::PfOptions pf_options(const Scenario& scenario, std::uint8_t index) {
  driver::PfOptions options;
  options.host = index;
  options.command.timeout = driver::Nanoseconds(std::int64_t{scenario.vmm.command_timeout_ms} * 1'000'000);
  return options;
}

driver::VfMigrationOptions migration_options(const Context& context, std::uint8_t index) {
  const bool newest = context.scenario.vmm.flow == "newest";
  return {newest ? driver::MigFlow::newest : driver::MigFlow::v61, index, &context.observer, context.scenario.faults,
          context.scenario.vmm.chunk_kib * 1024, std::chrono::microseconds(context.scenario.vmm.reset_wait_us)};
}

/// Blocks as the scenario wants them, with a recorder in front of them if there is one.
model::BlockMakers block_makers(const Context& context, std::uint8_t number) {
  model::BlockMakers makers = model::rtl_blocks(context.scenario.nic, number, context.calendar, context.rtl);
  const std::string host(1, static_cast<char>('A' + number));
  return context.recorder == nullptr ? makers
                                     : context.recorder->in_front_of(std::move(makers), host, context.calendar);
}

}  // namespace

HostSide::HostSide(const Context& context, std::uint8_t number)
    : index(number),
      host(context.calendar, context.probes, context.scenario.host, context.scenario.pcie, number,
           context.seed),
      nic(context.calendar, context.probes, context.scenario.nic, context.scenario.pcie, number, model::Host::kNicRid,
          block_makers(context, number)),
      os(context.calendar, context.log, number == 0 ? "A" : "B"),
      context_(context),
      decorators_(context.calendar, context.probes, nic, host, number, context.scenario.faults),
      pages_(kDriverMemory, kDriverMemoryBytes),
      pf_memory_(host.memory(), host.iommu(), pages_, model::Host::kNicRid),
      pf_platform_(os, pf_memory_, {&host, model::Host::kNicRid, kPfWindow}),
      pf(pf_platform_, pf_options(context.scenario, number)) {
  if (context.scenario.workload.peer_device) {
    peer = std::make_unique<model::PeerDevice>(context.calendar, context.scenario.pcie, model::Host::kPeerRid);
    connect_peer();
    peer_platform = std::make_unique<FunctionPlatform>(os, pf_memory_, Place{&host, model::Host::kPeerRid, kPeerWindow});
    peer_migration = std::make_unique<driver::PeerVfioDevice>(
        *peer_platform, driver::PeerOptions{&context.observer, {number, kMaxVfs}});
    peer_device = std::make_unique<WatchedDevice>(*peer_migration, model::FnRef{number, kPeerFn}, context.calendar,
                                                  context.probes);
  }
  for (std::uint32_t vf = 0; vf < context.scenario.workload.vfs(); ++vf) {
    vfs.push_back(std::make_unique<HostVf>(os, pf_memory_, pf, host, vf, migration_options(context, number),
                                           context.probes));
  }
}

HostSide::~HostSide() = default;

void HostSide::connect_peer() {
  if (!FaultyPort::wanted(context_.scenario.faults)) {
    peer->connect(host.attach(*peer, model::Host::kPeerRid, 1));
    return;
  }
  faulty_peer_port_ = std::make_unique<FaultyPort>(context_.calendar, context_.probes, *peer, model::Host::kPeerRid, host,
                                                   index, context_.scenario.faults);
  faulty_peer_port_->connect(host.attach(*faulty_peer_port_, model::Host::kPeerRid, 1));
  peer->connect(*faulty_peer_port_);
}

void HostSide::connect(model::WirePort& wire) {
  decorators_.connect(context_.scenario.nic.vfs + 1, wire);
}

driver::Result<void> HostSide::boot() {
  const model::PcieParams& pcie = context_.scenario.pcie;
  const std::uint64_t bytes = enumerate_function(host, model::Host::kNicRid, kPfWindow, pcie);
  host.map_window(kPfWindow, bytes, model::Host::kNicRid);
  place_vf_windows(host, model::Host::kNicRid, kVfWindows);
  BOOST_OUTCOME_TRYV(pf.probe());
  BOOST_OUTCOME_TRYV(pf.enable_sriov(static_cast<std::uint16_t>(context_.scenario.nic.vfs)));
  for (std::uint32_t vf = 0; vf < vfs.size(); ++vf) {
    host.map_window(vf_window(vf), kVfWindowBytes, vf_rid(vf));
    enumerate_function(host, vf_rid(vf), 0, pcie);
    BOOST_OUTCOME_TRYV(vfs[vf]->migration.bind());
  }
  if (peer) {
    host.map_window(kPeerWindow, enumerate_function(host, model::Host::kPeerRid, kPeerWindow, pcie), model::Host::kPeerRid);
  }
  return BOOST_OUTCOME_V2_NAMESPACE::success();
}

void HostSide::announce(std::uint32_t guest, model::FnRef device) {
  context_.probes.emit<model::Probe::driver>(&model::Observer::assigned, context_.calendar.now(), guest, device);
}

void HostSide::assign(std::uint32_t guest, RuleSet& rules) {
  const std::uint32_t each = context_.scenario.workload.vfs_per_guest;
  for (std::uint32_t n = 0; n < each; ++n) {
    assign_vf(guest, guest * each + n, rules);
  }
  for (std::uint32_t n = 0; n < each; ++n) {
    map_siblings(guest, n, rules);
  }
  if (peer && guest == 0) {
    assign_peer(rules);
  }
}

void HostSide::assign_vf(std::uint32_t guest, std::uint32_t vf, RuleSet& rules) {
  const std::uint64_t bytes = context_.scenario.workload.guest_memory_mib * kMiB;
  const std::uint64_t phys = guest_phys(guest, bytes);
  const model::FnRef who = vf_ref(index, vf);
  // The fault is one of the switch-over: the source is set up as it should be.
  const bool foreign = index == 1 && vf_fault(context_.scenario.faults, VF_FAULT_iommu_foreign_memory) != 0;
  host.iommu().map(vf_rid(vf), {0, bytes, foreign ? guest_phys(guest ^ 1U, bytes) : phys, true, true});
  rules.grant(who, phys, bytes);
  rules.map_window(who, vf_window(vf), kVfWindowBytes);
  announce(guest, who);
}

void HostSide::map_siblings(std::uint32_t guest, std::uint32_t n, RuleSet& rules) {
  const std::uint32_t each = context_.scenario.workload.vfs_per_guest;
  const std::uint32_t vf = guest * each + n;
  for (std::uint32_t other = 0; other < each; ++other) {
    if (other != n) {
      const std::uint64_t phys = vf_window(guest * each + other);
      host.iommu().map(vf_rid(vf), {guest_vf_window(other), kVfWindowBytes, phys, true, true});
      rules.grant(vf_ref(index, vf), phys, kVfWindowBytes);
      rules.map_peers(vf_ref(index, vf), guest_vf_window(other), kVfWindowBytes);
    }
  }
}

void HostSide::assign_peer(RuleSet& rules) {
  const model::FnRef first = vf_ref(index, 0);
  host.iommu().map(vf_rid(0), {kGuestPeerWindow, VF_PEER_BAR_BYTES, kPeerWindow, true, true});
  host.iommu().map(model::Host::kPeerRid, {guest_vf_window(0), kVfWindowBytes, vf_window(0), false, true});
  rules.grant(first, kPeerWindow, VF_PEER_BAR_BYTES);
  rules.map_window({index, kPeerFn}, kPeerWindow, VF_PEER_BAR_BYTES);
  rules.map_peers(first, kGuestPeerWindow, VF_PEER_BAR_BYTES);
  announce(0, {index, kPeerFn});
}

}  // namespace vfsim::bench
