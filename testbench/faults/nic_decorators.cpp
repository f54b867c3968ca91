#include "testbench/faults/nic_decorators.hpp"

#include "systemc/nic/nic_impl.hpp"
#include "testbench/faults/faulty_firmware_port.hpp"
#include "testbench/faults/faulty_port.hpp"

namespace vfsim::bench {

NicDecorators::NicDecorators(model::Calendar& calendar, model::ProbeBus& probes, model::Nic& nic,
                             model::Host& host, std::uint8_t index, vf_fault_set faults)
    : nic_(nic), host_(host) {
  nic.set_faults(faults);
  if (FaultyPort::wanted(faults)) {
    port_ = std::make_unique<FaultyPort>(calendar, probes, nic, model::Host::kNicRid, host, index,
                                         faults);
  }
  if (FaultyFirmwarePort::wanted(faults)) {
    firmware_port_ = std::make_unique<FaultyFirmwarePort>(calendar, nic.impl().registers,
                                                          *nic.impl().firmware, faults);
    nic.impl().firmware->set_port(*firmware_port_);
  }
}

NicDecorators::~NicDecorators() = default;

void NicDecorators::connect(std::uint32_t functions, model::WirePort& wire) {
  if (port_) {
    port_->connect(host_.attach(*port_, model::Host::kNicRid, functions));
    nic_.connect(*port_, wire);
  } else {
    nic_.connect(host_.attach(nic_, model::Host::kNicRid, functions), wire);
  }
}

}  // namespace vfsim::bench
