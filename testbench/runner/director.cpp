#include "testbench/runner/director.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace vfsim::bench {
namespace {

constexpr driver::Nanoseconds kLook{20'000};     // how often the director looks whether traffic has settled

/// After the last packet and step: interrupts, their handlers' doorbells and events still under way.
driver::Nanoseconds settle_time(const Scenario& s) {
  constexpr std::int64_t kTrips = 20;
  const std::int64_t trip = 2LL * s.pcie.latency_ns + s.pcie.memory_ns + s.host.irq_latency_ns + s.nic.doorbell_ns +
                            10LL * (s.nic.fw_step_ns + s.nic.fw_register_ns);
  return driver::Nanoseconds(200'000 + kTrips * trip);
}

driver::Result<void> prefixed(const std::string& who, driver::Result<void> done) {
  return done ? std::move(done) : driver::fail(done.error().code, who + ": " + done.error().text);
}

driver::Result<void> take_pf_away(HostSide& host) {
  if (!host.pf_removed) {
    BOOST_OUTCOME_TRYV(prefixed(fmt::format("host {}: removing the PF", host_name(host.index)), host.pf.remove()));
  }
  // SR-IOV went first: whoever still holds a VF is told so.
  const auto late = host.vfs.front()->migration.data_size();
  return !late && late.error().code == ENOTCONN
             ? driver::Result<void>(BOOST_OUTCOME_V2_NAMESPACE::success())
             : driver::fail(EPROTO, fmt::format("host {}: a VF of a removed PF does not answer ENOTCONN", host_name(host.index)));
}

}  // namespace

Director::Director(Simulation& simulation, Result& result)
    : sim_(simulation), result_(result), os_(simulation.hosts[0]->os), crew_(os_), steps_{sim_, result_, crew_} {}

void Director::run() {
  if (prepare()) {
    start_traffic();
    if (do_steps() && wait_until_idle()) {
      working_ = false;
      leaving_ = true;
      sim_.judge_traffic();
      shut_down();
    }
  }
  finished_ = true;
}

bool Director::failed(const std::string& what) {
  if (result_.error.empty()) {
    result_.error = what;
  }
  return false;
}

bool Director::keep(const driver::Result<void>& done) { return done || failed(done.error().text); }

bool Director::boot() {
  std::vector<std::pair<SimOs*, Task>> boots;
  for (auto& host : sim_.hosts) {
    boots.emplace_back(&host->os, [&host = *host] { return prefixed(fmt::format("host {}", host_name(host.index)), host.boot()); });
  }
  return keep(crew_.side_by_side(boots));
}

bool Director::probe_guests() {
  std::vector<std::pair<SimOs*, Task>> probes;
  for (std::uint32_t g = 0; g < sim_.guests.size(); ++g) {
    for (auto& host : sim_.hosts) {
      host->assign(g, *sim_.rules);
    }
    sim_.observer().vcpus(g, 0, true);
    probes.emplace_back(&sim_.guests[g]->os(),
                        [this, g] { return prefixed(fmt::format("guest {}", g), sim_.guests[g]->probe()); });
  }
  return keep(crew_.side_by_side(probes));
}

void Director::start_traffic() {
  working_ = true;
  traffic_start_ = os_.now();
  for (std::uint32_t g = 0; g < sim_.guests.size(); ++g) {
    for (const auto& nic : sim_.guests[g]->nics()) {
      sim_.peer.start(nic->vf(), nic->schedule().to_guest);
    }
    sim_.guests[g]->start();
  }
}

bool Director::do_steps() {
  for (const Step& step : sim_.scenario().steps) {
    const driver::Nanoseconds at = traffic_start_ + driver::Nanoseconds(static_cast<std::int64_t>(step.number("at")));
    if (at > os_.now()) {
      os_.sleep(at - os_.now());
    }
    if (!keep(do_step(steps_, step))) {
      return false;
    }
  }
  return true;
}

void Director::shut_down() {
  std::vector<std::pair<SimOs*, Task>> tasks;
  for (auto& guest : sim_.guests) {
    tasks.emplace_back(&guest->os(), [&guest = *guest] {
      return prefixed(fmt::format("guest {}: unloading its driver", guest.core().number), guest.remove());
    });
  }
  keep(crew_.side_by_side(tasks));
  tasks.clear();
  for (auto& host : sim_.hosts) {
    tasks.emplace_back(&host->os, [&host = *host] { return take_pf_away(host); });
  }
  keep(crew_.side_by_side(tasks));
}

/// Where every guest is, is known now; those whose host has no PF any more have no device.
void Director::count_losses() {
  for (const auto& guest : sim_.guests) {
    if (sim_.hosts[guest->core().host]->pf_removed) {
      guest->lose_devices();
      for (const auto& nic : guest->nics()) {
        sim_.peer.stop(nic->vf());
      }
    }
  }
}

/// What was started beside the steps may start traffic of its own.
bool Director::wait_until_idle() {
  do {
    if (!keep(crew_.join()) || !wait_until_settled()) {
      return false;
    }
  } while (crew_.busy());
  return true;
}

bool Director::wait_until_settled() {
  count_losses();
  const driver::Nanoseconds limit(std::int64_t{sim_.scenario().workload.time_limit_ms} * 1'000'000);
  for (const auto& guest : sim_.guests) {
    const auto heard = [&](const auto& nic) { return sim_.peer.done(nic->vf()); };
    while (!std::all_of(guest->nics().begin(), guest->nics().end(), heard) || !guest->settled()) {
      if (!guest->error().empty()) {
        return failed(fmt::format("guest {}: {}", guest->core().number, guest->error()));
      }
      if (os_.now() - traffic_start_ > limit) {
        return failed(fmt::format("guest {}: traffic has not ended after {} ms (workload.time_limit_ms)",
                                  guest->core().number, sim_.scenario().workload.time_limit_ms));
      }
      os_.sleep(kLook);
    }
  }
  os_.sleep(settle_time(sim_.scenario()));
  return true;
}

}  // namespace vfsim::bench
