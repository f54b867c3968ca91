// Steps that reset VFs and take PFs away, and the one that gives a guest back its life.
#include <fmt/format.h>

#include "host_driver/migration/record.hpp"
#include "testbench/runner/step_verbs.hpp"

namespace vfsim::bench {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;
using driver::MigState;

constexpr MigState kStates[] = {MigState::running,      MigState::running_p2p, MigState::stop,
                                MigState::stop_copy,    MigState::resuming,    MigState::pre_copy,
                                MigState::pre_copy_p2p, MigState::error};
constexpr std::size_t kSomeBytes = 64;

std::vector<MigState> states(const Step& step) {
  std::vector<MigState> wanted;
  for (const MigState state : kStates) {
    if (step.text("state") == "each" || step.text("state") == driver::to_string(state)) {
      wanted.push_back(state);
    }
  }
  return wanted;
}

driver::Error problem(MigState state, const std::string& what) {
  return driver::fail(EPROTO,
                      fmt::format("reset of a VF in {}: {}", driver::to_string(state), what));
}

/// Half of what the stream wants, so that it is in the middle of something.
driver::Result<void> use_a_little(driver::MigStream& stream, MigState state) {
  if (state == MigState::resuming) {
    driver::RecordHeader header;
    header.bytes = 2 * kSomeBytes;
    const auto head = header.encode();
    std::vector<std::uint8_t> bytes(head.begin(), head.end());
    bytes.resize(bytes.size() + kSomeBytes);
    BOOST_OUTCOME_TRYV(stream.write(bytes.data(), bytes.size()));
    return success();
  }
  BOOST_OUTCOME_TRYV(stream.read(kSomeBytes, false));
  return success();
}

/// After the reset the descriptor is dead.
bool alive(driver::MigStream& stream, MigState state) {
  const std::uint8_t byte = 0;
  const int error = state == MigState::resuming
                        ? [&] { const auto w = stream.write(&byte, 1); return w ? 0 : w.error().code; }()
                        : [&] { const auto r = stream.read(1, true); return r ? 0 : r.error().code; }();
  return error != ENODEV;
}

/// To the state, reset, and GET says RUNNING.
driver::Result<void> reset_in(driver::VfioDevice& device, MigState state) {
  auto reached = device.set_state(state);
  if (reached.has_value() == (state == MigState::error)) {
    return problem(state, reached ? "SET_STATE takes ERROR" : reached.error().text);
  }
  const auto stream = reached ? reached.value() : nullptr;
  if (stream) {
    BOOST_OUTCOME_TRYV(use_a_little(*stream, state));
  }
  BOOST_OUTCOME_TRYV(device.reset());
  BOOST_OUTCOME_TRY(now, device.state());
  if (now != MigState::running) {
    return problem(state, std::string("GET says ") + driver::to_string(now));
  }
  return !stream || !alive(*stream, state) ? driver::Result<void>(success())
                                           : problem(state, "its descriptor still works");
}

/// SET_STATE and reset side by side: one came first, so the state is RUNNING or that of SET_STATE.
driver::Result<void> race(StepRun& run, SimOs& os, driver::VfioDevice& device, MigState state,
                          driver::Nanoseconds after) {
  BOOST_OUTCOME_TRYV(run.crew.side_by_side({{&os,
                                             [&]() -> driver::Result<void> {
                                               (void)device.set_state(
                                                   state);  // the reset may have come in between
                                               return success();
                                             }},
                                            {&os, [&]() -> driver::Result<void> {
                                               os.sleep(after);
                                               return device.reset();
                                             }}}));
  BOOST_OUTCOME_TRY(now, device.state());
  if (now != MigState::running && now != state) {
    return problem(state, std::string("a race with it ends in ") + driver::to_string(now));
  }
  BOOST_OUTCOME_TRYV(device.set_state(MigState::running));
  return success();
}

driver::Result<void> reset_once(StepRun& run, const Step& step, MigState state,
                                driver::Nanoseconds after) {
  Guest& guest = run.guest(step);
  const bool own = step.text("device") == "own";
  const std::uint8_t host = guest.core().host ^ (own ? 0U : 1U);
  SimGuestVm& vm = guest.on(host);
  SimOs& os = run.sim.hosts[host]->os;
  driver::VfioDevice& device = *vm.devices().front();
  const auto reset = [&]() -> driver::Result<void> {
    return after.count() != 0 ? race(run, os, device, state, after) : reset_in(device, state);
  };
  if (!own) {
    return reset();
  }
  const bool stops = step.text("guest_runs") == "no";
  return guest.reset_under(
      [&]() -> driver::Result<void> {
        if (stops) {
          set_vcpus(run.sim, vm, false);
        }
        auto done = reset();
        if (stops) {
          set_vcpus(run.sim, vm, true);
        }
        return done;
      },
      run.crew);
}

}  // namespace

driver::Result<void> step_reset(StepRun& run, const Step& step) {
  SimOs& os = run.sim.hosts[0]->os;
  driver::Nanoseconds after = step_time(step, "race_after");
  for (std::uint64_t n = 0; n < step.number("times"); ++n) {
    for (const MigState state : states(step)) {
      BOOST_OUTCOME_TRYV(reset_once(run, step, state, after));
      os.sleep(step_time(step, "gap"));
    }
    after += step_time(step, "race_more");
  }
  return success();
}

// A guest's write to the reset bit ends in the host's driver, not in VFIO_DEVICE_RESET.
driver::Result<void> step_guest_reset(StepRun& run, const Step& step) {
  Guest& guest = run.guest(step);
  return guest.reset_under(
      [&]() -> driver::Result<void> {
        return run.sim.hosts[guest.core().host]->vfs[guest.first().vf()]->migration.reset();
      },
      run.crew);
}

driver::Result<void> step_resume(StepRun& run, const Step& step) {
  Guest& guest = run.guest(step);
  SimGuestVm& vm = guest.on(guest.core().host);
  if (!guest.core().gate.closed()) {
    return driver::fail(EINVAL, fmt::format("guest {} is not stopped", guest.core().number));
  }
  vm.take_over();
  for (const MigState state : {MigState::running_p2p, MigState::running}) {
    for (driver::VfioDevice* device : vm.devices()) {
      BOOST_OUTCOME_TRYV(device->set_state(state));
    }
  }
  set_vcpus(run.sim, vm, true);
  return success();
}

driver::Result<void> step_remove_pf(StepRun& run, const Step& step) {
  HostSide& host = run.host(step);
  if (host.pf_removed) {
    return driver::fail(EINVAL,
                        fmt::format("host {} has no PF driver any more", host_name(host.index)));
  }
  host.pf_removed = true;
  run.crew.start(host.os, [&host] { return host.pf.remove(); });
  return success();
}

}  // namespace vfsim::bench
