// One host of the simulation: its hardware and the drivers that run on it.
#pragma once

#include <memory>
#include <vector>

#include "host_driver/migration/peer_device.hpp"
#include "host_driver/migration/vf_migration_driver.hpp"
#include "host_driver/pf/pf_driver.hpp"
#include "rtl_models/common/rtl_session.hpp"
#include "systemc/nic/nic.hpp"
#include "systemc/pcie/host.hpp"
#include "systemc/pcie/peer_device.hpp"
#include "testbench/checkers/rule_set.hpp"
#include "testbench/faults/in_place_of.hpp"
#include "testbench/faults/faulty_device.hpp"
#include "testbench/faults/faulty_platform.hpp"
#include "testbench/faults/nic_decorators.hpp"
#include "testbench/runner/layout_of_machine.hpp"
#include "testbench/scenarios/scenario.hpp"
#include "testbench/sim_platform/function_platform.hpp"
#include "testbench/sim_platform/watched_device.hpp"

namespace vfsim::bench {

class BlockRecorder;
class FaultyPort;

/// What all parts of a run share.
struct Context {
  model::Calendar& calendar;
  model::ProbeBus& probes;
  const Scenario& scenario;
  LogSink log;
  driver::DriverObserver& observer;
  rtl::RtlSession& rtl;
  std::uint64_t seed = 1;
  BlockRecorder* recorder = nullptr;  // of what the NICs ask of their blocks
};

/// A VF as its host's migration driver reaches it.
struct HostVf {
  HostVf(SimOs& os, HostDmaSpace& memory, driver::PfDriver& pf, model::Host& host, std::uint32_t index,
         const driver::VfMigrationOptions& options, const model::ProbeBus& probes)
      : platform(os, memory, {&host, vf_rid(index), vf_window(index)}),
        faulty_platform(make_faulty_vf_platform(platform, options.faults)),
        migration(pf, in_place_of<driver::Platform>(platform, faulty_platform), static_cast<std::uint16_t>(index), options),
        faulty_device(make_faulty_device(migration, options.faults)),
        device(in_place_of<driver::VfioDevice>(migration, faulty_device),
               {options.host, static_cast<std::uint8_t>(index + 1)}, os.calendar(), probes) {}
  FunctionPlatform platform;
  std::unique_ptr<driver::Platform> faulty_platform;  // only where a fault asks for it
  driver::VfMigrationDriver migration;
  std::unique_ptr<driver::VfioDevice> faulty_device;  // the same
  WatchedDevice device;  // what the VMM is given
};

class HostSide {
 public:
  HostSide(const Context& context, std::uint8_t index);
  ~HostSide();

  /// Enumerates the devices, probes the PF, enables SR-IOV and binds the guests' VFs. Blocks (an SC_THREAD).
  [[nodiscard]] driver::Result<void> boot();
  /// Joins the NIC to its slot and its wire.
  void connect(model::WirePort& wire);
  /// Gives the IOMMU domains of the guest's VFs the guest's memory on this host, and each device of the guest the others'
  /// windows.
  void assign(std::uint32_t guest, RuleSet& rules);

  std::uint8_t index;
  model::Host host;
  model::Nic nic;
  std::unique_ptr<model::PeerDevice> peer;
  SimOs os;

 private:
  void connect_peer();
  void assign_vf(std::uint32_t guest, std::uint32_t vf, RuleSet& rules);
  /// The n-th VF of the guest reaches the windows of its others.
  void map_siblings(std::uint32_t guest, std::uint32_t n, RuleSet& rules);
  void assign_peer(RuleSet& rules);
  void announce(std::uint32_t guest, model::FnRef device);

  const Context& context_;
  NicDecorators decorators_;
  std::unique_ptr<FaultyPort> faulty_peer_port_;
  PageAllocator pages_;
  HostDmaSpace pf_memory_;
  FunctionPlatform pf_platform_;

 public:
  driver::PfDriver pf;
  bool pf_removed = false;  // by a step, before the end of the run
  std::vector<std::unique_ptr<HostVf>> vfs;  // the guests'
  std::unique_ptr<FunctionPlatform> peer_platform;
  std::unique_ptr<driver::PeerVfioDevice> peer_migration;
  std::unique_ptr<WatchedDevice> peer_device;  // what the VMM is given
};

}  // namespace vfsim::bench
