// send, migrate, set-state, reset, do: what hosts and guests are told to do, beside what goes on.
#include <fmt/format.h>

#include "host_driver/migration/fsm.hpp"
#include "testbench/scenarios/names.hpp"
#include "testbench/scenarios/steps.hpp"
#include "testbench/shell/act_tools.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;

constexpr std::uint64_t kMostPackets = 1'000'000;

driver::Nanoseconds time_limit(const Machine& machine) {
  return driver::Nanoseconds(std::int64_t{machine.sim.scenario().workload.time_limit_ms} *
                             1'000'000);
}

/// Options of a step that mean something only in a scenario: a step of the shell begins at once and
/// beside the others.
constexpr std::string_view kScenarioOnly = "at background";

std::string shell_options(const StepRow& row) {
  std::string names;
  for (const OptionRow& option : option_table()) {
    if (has_name(row.options, option.name) && !has_name(kScenarioOnly, option.name)) {
      append(names, option.name, " ");
    }
  }
  return names;
}

/// One OPTION=VALUE. False: `error`.
bool take_option(const StepRow& row, const std::string& word, Step& step, std::string& error) {
  const std::size_t equals = word.find('=');
  const std::string name = word.substr(0, equals);
  const std::string names = shell_options(row);
  if (equals == std::string::npos || equals == 0) {
    error = fmt::format("'{}' is no OPTION=VALUE; options of {} are {}", word, row.verb,
                        names.empty() ? "none" : comma_list(names));
    return false;
  }
  if (!has_name(names, name)) {
    error = has_name(kScenarioOnly, name)
                ? fmt::format("{}: a step begins at once here, and beside what goes on", name)
                : fmt::format("step {} has no option '{}'{}; {}", row.verb, name,
                              did_you_mean(name, names),
                              names.empty() ? "it has none" : "allowed are " + comma_list(names));
    return false;
  }
  return set_option(step, name, word.substr(equals + 1), error);
}

/// What is wrong with a step for this machine as it is now. False: `error`.
bool check_step(const Machine& machine, const Step& step, std::string& error) {
  const std::uint64_t guests = machine.sim.guests.size();
  if (step.options.count("guest") != 0 && step.number("guest") >= guests) {
    error = fmt::format("guest: {} is out of range; allowed is 0 .. {}", step.number("guest"),
                        guests - 1);
  } else if (step.options.count("vf") != 0 && step.number("vf") >= machine.sim.scenario().nic.vfs) {
    error = fmt::format("vf: {} is out of range; allowed is 0 .. {}", step.number("vf"),
                        machine.sim.scenario().nic.vfs - 1);
  } else if (step.verb == "join") {
    error =
        "join: there is nothing for a step of the shell to wait for; run, until and finish let "
        "time pass";
  } else if (step.verb == "migrate" && machine.sim.guests[step.number("guest")]->migrating) {
    error = fmt::format("a migration of guest{} is under way", step.number("guest"));
  }
  return error.empty();
}

Answer start_step(Machine& machine, const Step& step, const std::string& what) {
  std::string error;
  if (!check_step(machine, step, error)) {
    return wrong(error);
  }
  machine.task(machine.sim.hosts[0]->os, what,
               [&run = machine.director.steps(), step] { return do_step(run, step); });
  return lines(fmt::format("{} begins", what));
}

std::string text_of(const Words& words) {
  std::string text;
  for (const std::string& word : words) {
    append(text, word, " ");
  }
  return text;
}

std::string state_names() {
  std::string names;
  for (std::uint32_t value = 0; value < driver::kMigStates; ++value) {
    append(names, driver::to_string(static_cast<driver::MigState>(value)), " ");
  }
  return names;
}

/// In a thread of the guest, whose vCPUs may stand still; this one is the host's and waits.
driver::Result<void> send_in_guest(SimOs& os, Guest& guest, std::uint64_t count,
                                   driver::Nanoseconds limit) {
  struct Sending {
    std::unique_ptr<driver::Event> ended;
    driver::Result<void> result = driver::ok();
  };
  constexpr driver::Nanoseconds kLater{1'000'000};
  const auto sending = std::make_shared<Sending>();
  sending->ended = os.make_event();
  guest.os().spawn("more", [sending, &guest, count, limit] {
    sending->result = guest.send_more(count, limit);
    sending->ended->notify();
  });
  return sending->ended->wait(limit + kLater) ? sending->result
                                              : driver::fail(ETIMEDOUT, "the guest does not run");
}

/// A device that a VMM has: a VF of a guest, on either host. False: `error`.
bool find_device(const Machine& machine, std::string_view word, FnRef& who, std::string& error) {
  if (!find_function(machine, word, who, error)) {
    return false;
  }
  if (host_vf(machine, who) == nullptr) {
    error = fmt::format("no VMM has {}; allowed are vf0 .. vf{}, with A. or B. before it",
                        function_name(who), machine.sim.scenario().workload.vfs() - 1);
  }
  return error.empty();
}

}  // namespace

Answer shell_send(Machine& machine, const Words& words) {
  if (words.size() < 2 || words.size() > 3) {
    return wrong_usage(words[0]);
  }
  std::uint64_t count = 0;
  std::uint32_t number = 0;
  std::string error;
  if (!may_step(machine, error) || !take_number(words, 1, "N", count, error) ||
      (words.size() == 3 && !find_guest(machine, words[2], number, error))) {
    return wrong(error);
  }
  if (count == 0 || count > kMostPackets) {
    return wrong(fmt::format("N: {} is out of range; allowed is 1 .. {}", count, kMostPackets));
  }
  const WorkloadParams& params = machine.sim.scenario().workload;
  if (params.p2p_sends != 0 || (params.peer_device && number == 0)) {
    return wrong(fmt::format("another device rings for what guest{} sends (workload.{})", number,
                             params.peer_device ? "peer_device" : "p2p_sends"));
  }
  Guest& guest = *machine.sim.guests[number];
  SimOs& os = machine.sim.hosts[0]->os;
  machine.task(os, text_of(words), [&os, &guest, count, limit = time_limit(machine)] {
    return send_in_guest(os, guest, count, limit);
  });
  return lines(
      fmt::format("guest{} posts {} more packets through vf{}", number, count, guest.first().vf()));
}

Answer shell_migrate(Machine& machine, const Words& words) {
  const StepRow& row = *find_step("migrate");
  Step step = make_step(row, 0);
  step.options["expect"] = "any";
  std::uint32_t number = 0;
  std::string error;
  std::size_t at = 1;
  if (!may_step(machine, error)) {
    return wrong(error);
  }
  if (at < words.size() && words[at].find('=') == std::string::npos) {
    if (!find_guest(machine, words[at++], number, error)) {
      return wrong(error);
    }
    step.options["guest"] = std::to_string(number);
  }
  for (; at < words.size(); ++at) {
    if (!take_option(row, words[at], step, error)) {
      return wrong(error);
    }
  }
  return start_step(machine, step, fmt::format("migrate guest{}", step.number("guest")));
}

Answer shell_do(Machine& machine, const Words& words) {
  if (words.size() < 2) {
    return wrong_usage(words[0]);
  }
  std::string error;
  if (!may_step(machine, error)) {
    return wrong(error);
  }
  const StepRow* row = find_step(words[1]);
  if (row == nullptr) {
    return wrong(fmt::format("there is no step '{}'{}; allowed are {}", words[1],
                             did_you_mean(words[1], step_names()), comma_list(step_names())));
  }
  Step step = make_step(*row, 0);
  for (std::size_t at = 2; at < words.size(); ++at) {
    if (!take_option(*row, words[at], step, error)) {
      return wrong(error);
    }
  }
  return start_step(machine, step, text_of({words.begin() + 1, words.end()}));
}

Answer shell_set_state(Machine& machine, const Words& words) {
  if (words.size() != 3) {
    return wrong_usage(words[0]);
  }
  FnRef who;
  std::string error;
  if (!may_step(machine, error) || !find_device(machine, words[1], who, error)) {
    return wrong(error);
  }
  std::uint32_t value = 0;
  while (value < driver::kMigStates &&
         words[2] != driver::to_string(static_cast<driver::MigState>(value))) {
    ++value;
  }
  if (value == driver::kMigStates) {
    return wrong(fmt::format("there is no VFIO state '{}'{}; allowed are {}", words[2],
                             did_you_mean(words[2], state_names()), comma_list(state_names())));
  }
  machine.task(machine.sim.hosts[who.host]->os,
               fmt::format("set-state {} {}", function_name(who), words[2]),
               [&device = host_vf(machine, who)->device, value]() -> driver::Result<void> {
                 BOOST_OUTCOME_TRYV(device.set_state(static_cast<driver::MigState>(value)));
                 return driver::ok();
               });
  return lines(fmt::format("the VMM sets {} to {}", function_name(who), words[2]));
}

Answer shell_reset(Machine& machine, const Words& words) {
  if (words.size() != 2) {
    return wrong_usage(words[0]);
  }
  FnRef who;
  std::string error;
  if (!may_step(machine, error) || !find_device(machine, words[1], who, error)) {
    return wrong(error);
  }
  machine.task(machine.sim.hosts[who.host]->os, "reset " + function_name(who),
               [&device = host_vf(machine, who)->device] { return device.reset(); });
  return lines(fmt::format("the VMM resets {}", function_name(who)));
}

}  // namespace vfsim::bench
