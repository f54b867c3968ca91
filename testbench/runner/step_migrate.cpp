// The step that migrates a guest, and the one that waits for those under way.
#include <fmt/format.h>

#include "firmware/interface/tables.hpp"
#include "host_driver/vmm/vmm.hpp"
#include "testbench/faults/in_place_of.hpp"
#include "testbench/faults/faulty_channel.hpp"
#include "testbench/faults/faulty_guest_vm.hpp"
#include "testbench/fuzz/image_corrupt.hpp"
#include "testbench/runner/broken_channel.hpp"
#include "testbench/runner/step_verbs.hpp"
#include "testbench/scenarios/names.hpp"
#include "testbench/sim_platform/channel.hpp"

namespace vfsim::bench {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

std::uint64_t to_u64(driver::Nanoseconds t) { return static_cast<std::uint64_t>(t.count()); }

MigrationResult record(const driver::MigrationReport& report, Guest& guest, std::uint8_t from) {
  MigrationResult m;
  m.guest = guest.core().number;
  m.vf = guest.first().vf();
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

/// The guest is gone: what it left in the devices goes too, and they can take another one.
driver::Result<void> reset_devices(SimGuestVm& vm) {
  for (driver::VfioDevice* device : vm.devices()) {
    // ENOTCONN: the host has lost its PF meanwhile, and nobody will have that VF.
    if (const auto reset = device->reset(); !reset && reset.error().code != ENOTCONN) {
      return driver::fail(reset.error().code, fmt::format("reset of a device on host {}: {}", host_name(vm.host()),
                                                          reset.error().text));
    }
  }
  return success();
}

/// One migration of a step.
struct Attempt {
  driver::VmmOptions vmm;
  driver::Nanoseconds cancel_after{0};
  ChannelDefect channel;
};

std::vector<std::string_view> fail_steps(const std::string& which) {
  std::vector<std::string_view> steps;
  for (const std::string_view name : driver::vmm_step_names()) {
    const bool destination = name.substr(0, 3) == "in_";
    if (which == name || (which == "each_destination" && destination) || (which == "each_source" && !destination)) {
      steps.push_back(name);
    }
  }
  return steps.empty() ? std::vector<std::string_view>{""} : steps;
}

std::vector<std::string_view> corruptions(const std::string& which) {
  std::vector<std::string_view> kinds;
  for (const CorruptionRow& row : kCorruptions) {
    if (which == row.name || (which == "each" && row.kind != Corruption::field)) {
      kinds.push_back(row.name);
    }
  }
  return kinds.empty() ? std::vector<std::string_view>{""} : kinds;
}

std::vector<Attempt> attempts(Simulation& sim, const Step& step) {
  std::vector<Attempt> all;
  for (std::uint64_t n = 0; n < step.number("times"); ++n) {
    for (const std::string_view fail_at : fail_steps(step.text("fail_at"))) {
      for (const std::string_view kind : corruptions(step.text("corrupt"))) {
        Attempt one;
        one.vmm = {&sim.observer(), std::string(fail_at), static_cast<std::uint32_t>(step.number("fail_skip"))};
        one.cancel_after = driver::Nanoseconds(
            static_cast<std::int64_t>(step.number("cancel_after") + n * step.number("cancel_more")));
        one.channel = {std::string(kind), step.number("corrupt_seed") + n, sim.scenario().vmm.flow == "newest",
                       step.text("cut") == "no" ? "" : step.text("cut")};
        all.push_back(one);
      }
    }
  }
  return all;
}

void announce(Simulation& sim, const model::MigrationView& view) {
  sim.probes.emit<model::Probe::driver>(&model::Observer::migration, sim.calendar.now(), view);
}

/// Both sides, each in a thread of its host; the source's report.
driver::Result<driver::MigrationReport> both_sides(StepRun& run, const Attempt& attempt, Guest& guest, HostSide& source,
                                                   HostSide& destination) {
  const auto ended = source.os.make_event();
  driver::Vmm out(source.os, run.sim.scenario().vmm, attempt.vmm);
  driver::Vmm in(destination.os, run.sim.scenario().vmm, attempt.vmm);
  auto ends = make_channel(source.os, destination.os, run.sim.scenario().channel);
  if (attempt.channel.any()) {
    ends.first = make_broken_channel(std::move(ends.first), attempt.channel);
  }
  const vf_fault_set faults = run.sim.scenario().faults;
  ends.first = with_channel_faults(std::move(ends.first), faults);
  if (run.sim.on_channel) {
    ends.first = watch_channel(std::move(ends.first), source.index, run.sim.calendar, run.sim.on_channel);
    ends.second = watch_channel(std::move(ends.second), destination.index, run.sim.calendar, run.sim.on_channel);
  }
  const auto faulty_source = make_faulty_guest_vm(guest.on(source.index), VmmSide::source, faults);
  const auto faulty_destination = make_faulty_guest_vm(guest.on(destination.index), VmmSide::destination, faults);
  auto& leaving = in_place_of<driver::GuestVm>(guest.on(source.index), faulty_source);
  auto& arriving = in_place_of<driver::GuestVm>(guest.on(destination.index), faulty_destination);
  driver::MigrationReport sent;
  BOOST_OUTCOME_TRYV(run.crew.side_by_side({{&source.os,
                                             [&]() -> driver::Result<void> {
                                               BOOST_OUTCOME_TRY(report, out.migrate_out(leaving, *ends.first));
                                               sent = std::move(report);
                                               ended->notify();
                                               return success();
                                             }},
                                            {&destination.os,
                                             [&]() -> driver::Result<void> {
                                               BOOST_OUTCOME_TRYV(in.migrate_in(arriving, *ends.second));
                                               return success();
                                             }},
                                            {&source.os, [&]() -> driver::Result<void> {
                                               if (attempt.cancel_after.count() > 0 && !ended->wait(attempt.cancel_after)) {
                                                 out.cancel();
                                               }
                                               return success();
                                             }}}));
  return sent;
}

bool as_expected(const Step& step, const std::string& outcome) {
  if (step.text("expect") == "any" && step.may_end_otherwise()) {
    return outcome != "unknown";
  }
  return outcome == (step.text("expect") == "any" ? "completed" : step.text("expect"));
}

/// A spoiled image must be refused with one of the syndromes that its row names.
bool says_why(const driver::MigrationReport& report, const std::string& corruption) {
  const CorruptionRow* row = find_corruption(corruption);
  if (row == nullptr || row->kind == Corruption::field) {
    return true;
  }
  for (const auto& syndrome : contract::kSyndromes) {
    if (has_name(row->syndromes, syndrome.name) &&
        report.error.text.find(fmt::format("syndrome 0x{:08x}", syndrome.value)) != std::string::npos) {
      return true;
    }
  }
  return false;
}

/// A guest that is being migrated, for a scope.
struct Migrating {
  explicit Migrating(Guest& the_guest) : guest(the_guest) { guest.migrating = true; }
  ~Migrating() { guest.migrating = false; }
  Migrating(const Migrating&) = delete;
  Migrating& operator=(const Migrating&) = delete;
  Guest& guest;
};

driver::Result<void> migrate_once(StepRun& run, const Step& step, const Attempt& attempt) {
  Guest& guest = run.guest(step);
  const std::uint32_t number = guest.core().number;
  if (guest.migrating) {
    return driver::fail(EBUSY, fmt::format("a migration of guest {} is under way", number));
  }
  const Migrating under_way(guest);
  const std::uint8_t from = guest.core().host;
  const auto to = static_cast<std::uint8_t>(from ^ 1U);
  if (step.text("to") != "other" && step.text("to") != host_name(to)) {
    return driver::fail(EINVAL, fmt::format("guest {} is on host {} already", number, host_name(from)));
  }
  run.sim.expect_take_over(number, from, to);
  announce(run.sim, {number, from, to, true, ""});
  BOOST_OUTCOME_TRY(sent, both_sides(run, attempt, guest, *run.sim.hosts[from], *run.sim.hosts[to]));
  announce(run.sim, {number, from, to, false, sent.outcome.c_str()});
  run.result.migrations.push_back(record(sent, guest, from));
  if (guest.core().host == to) {
    BOOST_OUTCOME_TRYV(reset_devices(guest.on(from)));
  }
  if (!as_expected(step, sent.outcome)) {
    return driver::fail(EPROTO, fmt::format("migration of guest {} ended '{}', expected '{}'{}{}", number, sent.outcome,
                                            step.text("expect"), sent.error.text.empty() ? "" : ": ", sent.error.text));
  }
  if (!says_why(sent, attempt.channel.corrupt)) {
    return driver::fail(EPROTO, fmt::format("migration of guest {} with image corruption {} ended '{}' without its syndrome: {}",
                                            number, attempt.channel.corrupt, sent.outcome, sent.error.text));
  }
  return success();
}

driver::Result<void> migrate(StepRun& run, const Step& step) {
  for (const Attempt& attempt : attempts(run.sim, step)) {
    BOOST_OUTCOME_TRYV(migrate_once(run, step, attempt));
  }
  return success();
}

}  // namespace

driver::Result<void> step_migrate(StepRun& run, const Step& step) {
  if (step.text("background") == "no") {
    return migrate(run, step);
  }
  run.crew.start(run.sim.hosts[0]->os, [&run, &step] { return migrate(run, step); });
  return success();
}

driver::Result<void> step_join(StepRun& run, const Step&) { return run.crew.join(); }

}  // namespace vfsim::bench
