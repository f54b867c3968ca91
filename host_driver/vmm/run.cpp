#include "host_driver/vmm/run.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>

#include "firmware/interface/layout.h"

namespace vfsim::driver {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

constexpr const char* kStepNames[] = {
#define STEP(name, doc) #name,
#include "host_driver/vmm/vmm_steps.def"
#undef STEP
};

}  // namespace

const char* to_string(VmmStep step) {
  return kStepNames[static_cast<std::size_t>(step)];
}

std::optional<VmmStep> find_vmm_step(std::string_view name) {
  const auto* found = std::find(std::begin(kStepNames), std::end(kStepNames), name);
  if (found == std::end(kStepNames)) {
    return std::nullopt;
  }
  return static_cast<VmmStep>(found - std::begin(kStepNames));
}

std::vector<std::string_view> vmm_step_names() {
  return {std::begin(kStepNames), std::end(kStepNames)};
}

Vmm::Vmm(Os& os, VmmParams params, VmmOptions options)
    : os_(os), params_(std::move(params)), options_(std::move(options)) {}

namespace {

Result<std::optional<VmmStep>> wanted_failure(const VmmOptions& options) {
  const auto found = find_vmm_step(options.fail_at);
  if (!options.fail_at.empty() && !found) {
    return fail(EINVAL, "no migration step named " + options.fail_at);
  }
  return found;
}

}  // namespace

Result<MigrationReport> Vmm::migrate_out(GuestVm& guest, Channel& to) {
  auto fail_at = wanted_failure(options_);
  if (!fail_at) {
    return fail_at.error();
  }
  MigrationReport report =
      SourceRun({os_, params_, options_, fail_at.value(), cancelled_}, guest, to).run();
  cancelled_ = false;
  return report;
}

Result<MigrationReport> Vmm::migrate_in(GuestVm& guest, Channel& from) {
  auto fail_at = wanted_failure(options_);
  if (!fail_at) {
    return fail_at.error();
  }
  MigrationReport report =
      DestinationRun({os_, params_, options_, fail_at.value(), cancelled_}, guest, from).run();
  cancelled_ = false;
  return report;
}

Result<void> MigrationRun::step(VmmStep which) {
  current_ = which;
  if (context_.cancelled) {
    return fail(ECANCELED, "migration was cancelled");
  }
  if (context_.fail_at == which && skipped_++ >= context_.options.fail_skip) {
    return fail(EIO, std::string("injected failure at step ") + to_string(which));
  }
  return success();
}

void MigrationRun::begin_phase(std::string_view name) {
  end_phase();
  report_.phases.push_back({std::string(name), now(), now()});
  in_phase_ = true;
  if (context_.options.observer != nullptr) {
    context_.options.observer->phase(guest_.id(), name, true);
  }
}

void MigrationRun::end_phase() {
  if (in_phase_) {
    in_phase_ = false;
    report_.phases.back().end = now();
    if (context_.options.observer != nullptr) {
      context_.options.observer->phase(guest_.id(), report_.phases.back().name, false);
    }
  }
}

void MigrationRun::vcpus(bool running) {
  if (!running) {
    guest_.stop_vcpus();
  }
  if (context_.options.observer != nullptr) {
    context_.options.observer->vcpus(guest_.id(), guest_.host(), running);
  }
  if (running) {
    guest_.start_vcpus();
  }
}

// Before it refuses, a command may have to time out there and be looked for by hand
// (CommandOptions::late_poll), and its devices are reset. Who gives up earlier knows nothing of the
// guest any more.
Nanoseconds MigrationRun::patience() const {
  constexpr Nanoseconds kLatePollAndResets{30'000'000'000};
  return std::chrono::milliseconds(context_.params.command_timeout_ms) + kLatePollAndResets;
}

Result<void> MigrationRun::devices_to_p2p() {
  Result<void> first = success();
  for (VfioDevice* device : devices_) {
    auto state = device->state();
    const bool runs =
        state && (state.value() == MigState::running || state.value() == MigState::pre_copy);
    if (state && (runs || !has(*device, VF_MIG_FLAG_P2P))) {
      continue;
    }
    auto done = device->set_state(MigState::running_p2p);
    if (!done && first) {
      first = done.error();
    }
  }
  return first;
}

MigrationRun::Kept MigrationRun::run_or_reset(VfioDevice& device) {
  // A pre-copy clean-up that fails has closed the session all the same: the second walk finds the
  // way free.
  if (device.set_state(MigState::running) || device.set_state(MigState::running)) {
    return Kept::all;
  }
  auto reset = device.reset();
  if (!reset) {
    context_.os.log(LogLevel::error,
                    "device reset after a failed migration: " + reset.error().text);
  }
  return !reset && reset.error().code == ENOTCONN ? Kept::lost : Kept::reset;
}

void MigrationRun::give_up(const Error& error) {
  const auto code = static_cast<std::uint64_t>(error.code);
  // The other side may be gone already; then the closed channel tells it.
  (void)link_.send({MessageType::refuse, 0, code, {error.text.begin(), error.text.end()}});
  link_.close();
}

void MigrationRun::note_failure(const Error& error) {
  report_.error = error;
  report_.failed_step = to_string(current_);
  context_.os.log(LogLevel::warning, "migration of guest " + std::to_string(guest_.id()) +
                                         " failed at step " + report_.failed_step + ": " +
                                         error.text);
}

}  // namespace vfsim::driver
