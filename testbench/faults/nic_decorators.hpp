// What stands around a NIC so that the faults of a run show.
#pragma once

#include <cstdint>
#include <memory>

#include "firmware/interface/faults.h"
#include "systemc/nic/nic.hpp"
#include "systemc/pcie/host.hpp"

namespace vfsim::bench {

class FaultyFirmwarePort;
class FaultyPort;

/// Gives a NIC its defects: those built into it, the decorator of its firmware's door, and that of
/// its link. Of the last two only what a fault asks for exists. Outlives the simulation of the NIC.
class NicDecorators {
 public:
  /// @param host  that the NIC is attached to, number `index`
  NicDecorators(model::Calendar& calendar, model::ProbeBus& probes, model::Nic& nic,
                model::Host& host, std::uint8_t index, vf_fault_set faults);
  ~NicDecorators();

  /// Joins the NIC to its slot and its wire.
  void connect(std::uint32_t functions, model::WirePort& wire);

 private:
  model::Nic& nic_;
  model::Host& host_;
  std::unique_ptr<FaultyPort> port_;
  std::unique_ptr<FaultyFirmwarePort> firmware_port_;
};

}  // namespace vfsim::bench
