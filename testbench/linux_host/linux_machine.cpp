#include "testbench/linux_host/linux_machine.hpp"

#include "firmware/interface/layout.h"
#include "systemc/rtl_bridge/rtl_blocks.hpp"
#include "testbench/runner/check_inputs.hpp"
#include "testbench/runner/layout_of_machine.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kMostGuests = 256;  // what MAC addresses have room for

}  // namespace

LinuxMachine::LinuxMachine(const Scenario& scenario)
    : scenario_(scenario),
      rtl(calendar, probes, true),
      oracle(probes, kMostGuests),
      frames(probes, scenario.nic.mtu),
      wire(calendar, scenario.wire, scenario.nic.link_gbps),
      echo(oracle) {
  std::array<Hardware, kHosts> hardware{};
  for (std::uint8_t h = 0; h < kHosts; ++h) {
    hosts[h] = std::make_unique<model::Host>(calendar, probes, scenario.host, scenario.pcie, h);
    nics[h] = std::make_unique<model::Nic>(calendar, probes, scenario.nic, scenario.pcie, h,
                                           model::Host::kNicRid,
                                           model::rtl_blocks(scenario.nic, h, calendar, rtl.session()));
    decorators_[h] = std::make_unique<NicDecorators>(calendar, probes, *nics[h], *hosts[h], h,
                                                     scenario.faults);
    from_wire[h] = std::make_unique<SpoiledWire>(*nics[h]);
    decorators_[h]->connect(scenario.nic.vfs + 1,
                            wire.attach(*from_wire[h], nullptr, model::Relay::reflective));
    hardware[h] = {hosts[h].get(), nics[h].get()};
  }
  echo.connect(wire.attach(echo, &echo));
  check_context_ = check_context(hardware, scenario);
  disturbances = std::make_unique<Disturbances>(
      probes, std::array<model::Host*, kHosts>{hosts[0].get(), hosts[1].get()});
  rules = std::make_unique<RuleSet>(check_context_, probes);
  user_space = std::make_unique<UserSpace>(
      [this] { return calendar.now(); }, probes, rules->view(),
      [this](std::uint64_t flags) { rules->drivers_offer(flags); });
  events = std::make_unique<EventLog>(probes);
  show_sightings(oracle, *rules, calendar);
  for (std::uint8_t h = 0; h < kHosts; ++h) {
    for (std::uint32_t fn = 0; fn <= scenario.nic.vfs; ++fn) {
      const FunctionPlace p = place(h, fn);
      hosts[h]->map_window(p.window, p.window_bytes, p.rid);
      rules->map_window({h, static_cast<std::uint8_t>(fn)}, p.window, p.window_bytes);
    }
    nics[h]->power_on();
  }
}

FunctionPlace LinuxMachine::place(std::uint8_t host, std::uint32_t fn) {
  if (fn == 0) {
    return {hosts[host].get(), model::Host::kNicRid, kPfWindow, 1ULL << VF_BAR_LOG_PF_BYTES};
  }
  return {hosts[host].get(), vf_rid(fn - 1), vf_window(fn - 1), kVfWindowBytes};
}

void LinuxMachine::grant(std::uint8_t host, std::uint32_t fn, std::uint64_t start,
                         std::uint64_t bytes, std::uint64_t phys) {
  const FunctionPlace p = place(host, fn);
  const model::FnRef who{host, static_cast<std::uint8_t>(fn)};
  p.host->iommu().clear(p.rid);
  p.host->iommu().map(p.rid, {start, bytes, phys, true, true});
  rules->revoke(who);
  rules->grant(who, phys, bytes);
}

std::string LinuxMachine::told(const FunctionBus& bus, const std::string& line) {
  const auto call = parse_user_call(line);
  if (!call || bus.functions_at(call->device).empty()) {
    return "it is nothing that a program could tell of";
  }
  const std::string wrong = user_space->told(bus, *call);
  return wrong.empty() ? guest_traffic.told(bus, *call) : wrong;
}

void LinuxMachine::finish(Result& result) {
  rtl.finish();
  add_last_judgements({oracle, *rules, *events, wire, calendar.now()}, result);
}

}  // namespace vfsim::bench
