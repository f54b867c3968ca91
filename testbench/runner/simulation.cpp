#include "testbench/runner/simulation.hpp"

#include "testbench/runner/check_inputs.hpp"
#include "testbench/runner/switchover.hpp"

namespace vfsim::bench {
namespace {

std::array<Hardware, kHosts> hardware(const std::array<std::unique_ptr<HostSide>, 2>& hosts) {
  return {Hardware{&hosts[0]->host, &hosts[0]->nic}, Hardware{&hosts[1]->host, &hosts[1]->nic}};
}

}  // namespace

Simulation::Simulation(const Scenario& scenario, LogSink log, std::vector<Schedule> schedules, std::uint64_t seed,
                       bool judged, bool assertions, BlockRecorder* recorder)
    : scenario_(scenario),
      rtl(calendar, probes, assertions),
      context_{calendar, probes, scenario_, std::move(log), bridge_, rtl.session(), seed, recorder},
      hosts{std::make_unique<HostSide>(context_, 0), std::make_unique<HostSide>(context_, 1)},
      check_context_(check_context(hardware(hosts), scenario)),
      rules(std::make_unique<RuleSet>(check_context_, judged ? probes : unheard_)),
      coverage(std::make_unique<CoverageCollector>(check_context_, *rules, probes)),
      events(std::make_unique<EventLog>(probes)),
      oracle(probes, scenario.workload.vfs()),
      wire(calendar, scenario.wire, scenario.nic.link_gbps),
      peer(calendar, oracle, scenario.wire.retry_us * model::kUs) {
  show_sightings(oracle, *rules, calendar);
  for (auto& host : hosts) {
    host->connect(wire.attach(host->nic));
  }
  peer.connect(wire.attach(peer, &peer));
  for (std::uint32_t g = 0; g < scenario.workload.guests; ++g) {
    guests.push_back(std::make_unique<Guest>(context_, g, std::array<HostSide*, 2>{hosts[0].get(), hosts[1].get()},
                                             oracle, schedules));
  }
}

void Simulation::power_on() {
  for (auto& host : hosts) {
    host->nic.power_on();
  }
}

void Simulation::expect_take_over(std::uint32_t guest, std::uint8_t from, std::uint8_t to) {
  guests[guest]->on(from).on_take_over(nullptr);
  guests[guest]->on(to).on_take_over([this, guest, from, to](SimGuestVm&) { check_switchover(*this, guest, from, to); });
}

void Simulation::judge_traffic() {
  if (!std::exchange(traffic_judged_, true)) {
    for (const auto& guest : guests) {
      guest->report();
    }
  }
}

void Simulation::finish(Result& result) {
  judge_traffic();
  rtl.finish();
  add_last_judgements({oracle, *rules, *events, wire, calendar.now()}, result);
  result.coverage = coverage->hits();
}

}  // namespace vfsim::bench
