#include "testbench/runner/director.hpp"

#include <fmt/format.h>

#include "testbench/sim_platform/channel.hpp"

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

const char* host_name(std::uint8_t host) { return host == 0 ? "A" : "B"; }

std::uint64_t to_u64(driver::Nanoseconds t) { return static_cast<std::uint64_t>(t.count()); }

/// A migration's own failures are in its report; what is not is a wrong call.
driver::MigrationReport must(driver::Result<driver::MigrationReport> report) {
  if (!report) {
    throw std::logic_error(report.error().text);
  }
  return std::move(report.value());
}

}  // namespace

Director::Director(Simulation& simulation, Result& result)
    : sim_(simulation), result_(result), os_(simulation.hosts[0]->os) {}

void Director::run() {
  if (prepare()) {
    start_traffic();
    if (do_steps() && wait_until_settled()) {
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

void Director::side_by_side(const std::vector<std::pair<SimOs*, std::function<void()>>>& bodies) {
  std::size_t running = bodies.size();
  const auto ended = os_.make_event();
  for (const auto& [os, body] : bodies) {
    os->spawn("task", [&running, &ended, body = &body] {
      (*body)();
      --running;
      ended->notify();
    });
  }
  while (running != 0) {
    ended->wait(driver::kForever);
  }
}

bool Director::boot() {
  std::vector<std::pair<SimOs*, std::function<void()>>> boots;
  for (auto& host : sim_.hosts) {
    boots.emplace_back(&host->os, [this, &host = *host] {
      if (const auto up = host.boot(); !up) {
        failed(fmt::format("host {}: {}", host_name(host.index), up.error().text));
      }
    });
  }
  side_by_side(boots);
  return result_.error.empty();
}

bool Director::probe_guests() {
  std::vector<std::pair<SimOs*, std::function<void()>>> probes;
  for (std::uint32_t g = 0; g < sim_.guests.size(); ++g) {
    for (auto& host : sim_.hosts) {
      host->assign(g, *sim_.rules);
    }
    sim_.observer().vcpus(g, 0, true);
    probes.emplace_back(&sim_.guests[g]->os(), [this, g] {
      if (const auto up = sim_.guests[g]->probe(); !up) {
        failed(fmt::format("guest {}: {}", g, up.error().text));
      }
    });
  }
  side_by_side(probes);
  return result_.error.empty();
}

void Director::start_traffic() {
  traffic_start_ = os_.now();
  for (std::uint32_t g = 0; g < sim_.guests.size(); ++g) {
    sim_.peer.start(g, sim_.guests[g]->schedule().to_guest);
    sim_.guests[g]->start();
  }
}

bool Director::do_steps() {
  for (const Step& step : sim_.scenario().steps) {
    const driver::Nanoseconds at = traffic_start_ + driver::Nanoseconds(static_cast<std::int64_t>(step.number("at")));
    if (at > os_.now()) {
      os_.sleep(at - os_.now());
    }
    if (!do_step(step)) {
      return false;
    }
  }
  return true;
}

bool Director::do_step(const Step& step) {
  if (step.verb == "migrate") {
    return migrate(step);
  }
  Guest& guest = *sim_.guests[step.number("guest")];
  if (step.verb == "mask_interrupts" || step.verb == "unmask_interrupts") {
    guest.mask_interrupts(step.verb == "mask_interrupts");
  } else if (step.verb == "rogue_send") {
    guest.rogue_send();
  } else if (step.verb == "link_down" || step.verb == "link_up") {
    const std::uint8_t host = step.text("host") == "A" ? 0 : 1;
    sim_.oracle.cable(host, step.verb == "link_up");
    sim_.hosts[host]->nic.set_link(step.verb == "link_up");
  }
  return true;  // "wait" was done before
}

bool Director::migrate(const Step& step) {
  const auto number = static_cast<std::uint32_t>(step.number("guest"));
  Guest& guest = *sim_.guests[number];
  const std::uint8_t from = guest.core().host;
  const auto to = static_cast<std::uint8_t>(from ^ 1U);
  if (step.text("to") != "other" && step.text("to") != host_name(to)) {
    return failed(fmt::format("step in line {}: guest {} is on host {} already", step.line, number, host_name(from)));
  }
  HostSide& source = *sim_.hosts[from];
  HostSide& destination = *sim_.hosts[to];
  driver::VmmOptions options;
  options.observer = &sim_.observer();
  options.fail_at = step.text("fail_at") == "never" ? "" : step.text("fail_at");
  options.fail_skip = static_cast<std::uint32_t>(step.number("fail_skip"));
  const driver::Nanoseconds cancel_after(static_cast<std::int64_t>(step.number("cancel_after")));
  const auto ended = source.os.make_event();
  driver::Vmm out(source.os, sim_.scenario().vmm, options);
  driver::Vmm in(destination.os, sim_.scenario().vmm, options);
  auto ends = make_channel(source.os, destination.os, sim_.scenario().channel);
  driver::MigrationReport sent;
  sim_.expect_take_over(number, from, to);
  side_by_side({{&source.os,
                 [&] {
                   sent = must(out.migrate_out(guest.on(from), *ends.first));
                   ended->notify();
                 }},
                {&destination.os, [&] { (void)must(in.migrate_in(guest.on(to), *ends.second)); }},
                {&source.os, [&] {
                   if (cancel_after.count() > 0 && !ended->wait(cancel_after)) {
                     out.cancel();
                   }
                 }}});
  result_.migrations.push_back(record(sent, number, from));
  if (sent.outcome == "completed") {
    reset_devices(guest.on(from));
  }
  if (sent.outcome != step.text("expect")) {
    return failed(fmt::format("step in line {}: migration of guest {} ended '{}', expected '{}'{}{}", step.line, number,
                              sent.outcome, step.text("expect"), sent.error.text.empty() ? "" : ": ", sent.error.text));
  }
  return true;
}

MigrationResult Director::record(const driver::MigrationReport& report, std::uint32_t guest, std::uint8_t from) const {
  MigrationResult m;
  m.guest = guest;
  m.vf = guest;
  m.from = host_name(from);
  m.to = host_name(static_cast<std::uint8_t>(from ^ 1U));
  for (const driver::MigrationPhase& phase : report.phases) {
    m.phases.push_back({phase.name, to_u64(phase.begin), to_u64(phase.end)});
  }
  m.begin_ns = m.phases.empty() ? 0 : m.phases.front().begin_ns;
  m.end_ns = m.phases.empty() ? 0 : m.phases.back().end_ns;
  m.downtime_ns = report.downtime_ns;
  m.state_bytes = report.state_bytes;
  m.memory_bytes = report.memory_bytes;
  m.precopy_rounds = report.precopy_rounds;
  m.outcome = report.outcome;
  m.reason = report.error.text;
  return m;
}

// The guest is gone: what it left in the devices goes too, and they can take another one.
void Director::reset_devices(SimGuestVm& vm) {
  for (driver::VfioDevice* device : vm.devices()) {
    if (const auto reset = device->reset(); !reset) {
      failed(fmt::format("reset of a device on host {}: {}", host_name(vm.host()), reset.error().text));
    }
  }
}

void Director::shut_down() {
  std::vector<std::pair<SimOs*, std::function<void()>>> tasks;
  for (auto& guest : sim_.guests) {
    tasks.emplace_back(&guest->os(), [this, &guest = *guest] {
      if (const auto gone = guest.remove(); !gone) {
        failed(fmt::format("guest {}: unloading its driver: {}", guest.core().number, gone.error().text));
      }
    });
  }
  side_by_side(tasks);
  tasks.clear();
  for (auto& host : sim_.hosts) {
    tasks.emplace_back(&host->os, [this, &host = *host] {
      if (const auto gone = host.pf.remove(); !gone) {
        failed(fmt::format("host {}: removing the PF: {}", host_name(host.index), gone.error().text));
      }
      // SR-IOV went first: whoever still holds a VF is told so.
      const auto late = host.vfs.front()->migration.data_size();
      if (late || late.error().code != ENOTCONN) {
        failed(fmt::format("host {}: a VF of a removed PF does not answer ENOTCONN", host_name(host.index)));
      }
    });
  }
  side_by_side(tasks);
}

bool Director::wait_until_settled() {
  const driver::Nanoseconds limit(std::int64_t{sim_.scenario().workload.time_limit_ms} * 1'000'000);
  for (const auto& guest : sim_.guests) {
    while (!sim_.peer.done(guest->core().number) || !guest->settled()) {
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
