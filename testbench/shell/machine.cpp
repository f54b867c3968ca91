#include "testbench/shell/machine.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "testbench/scenarios/names.hpp"

namespace vfsim::bench {

/// Deletes nothing: the machine keeps it until the process ends.
class Machine::Chore final : public model::Timer {
 public:
  explicit Chore(std::function<void()> body) : body_(std::move(body)) {}

 private:
  void fire() override { body_(); }
  std::function<void()> body_;
};

Machine::Machine(Simulation& the_sim, Director& the_director, Result& the_result, Watcher& the_watcher,
                 waves::SignalBoard& the_board, const NameTable& the_names, std::uint64_t the_seed)
    : sim(the_sim), director(the_director), result(the_result), watcher(the_watcher), board(the_board), names(the_names),
      seed(the_seed) {}

Machine::~Machine() = default;

void Machine::later(std::function<void()> body) {
  chores_.push_back(std::make_unique<Chore>(std::move(body)));
  sim.calendar.arm(*chores_.back(), sim.calendar.now());
}

void Machine::task(SimOs& os, const std::string& what, Task body) {
  // A thread cannot be made while another one is in the middle of its work.
  later([this, &os, what, body = std::move(body)] {
    director.steps().crew.start(os, [this, what, body] {
      if (const auto done = body(); !done) {
        notices.push_back(fmt::format("{}: {}", what, done.error().text));
      }
      return driver::Result<void>(BOOST_OUTCOME_V2_NAMESPACE::success());
    });
  });
}

namespace {

/// "vf3": VF 3; "pf": 0. kFunctionIndices: no such name.
std::uint32_t function_number(std::string_view name) {
  if (name == "pf") {
    return 0;
  }
  const auto vf = name.substr(0, 2) == "vf" ? number_of(name.substr(2)) : std::nullopt;
  return vf && *vf < VF_MAX_FUNCTIONS - 1 ? static_cast<std::uint32_t>(*vf) + 1 : kFunctionIndices;
}

std::uint8_t host_of_vf(const Machine& machine, std::uint32_t fn) {
  for (const auto& guest : machine.sim.guests) {
    for (const auto& nic : guest->nics()) {
      if (fn == nic->vf() + 1) {
        return guest->core().host;
      }
    }
  }
  return 0;
}

std::string all_functions(const Machine& machine) {
  std::string names = "A.pf B.pf";
  for (std::uint32_t vf = 0; vf < machine.sim.scenario().nic.vfs; ++vf) {
    names += fmt::format(" A.vf{0} B.vf{0}", vf);
  }
  return names;
}

}  // namespace

bool find_function(const Machine& machine, std::string_view word, model::FnRef& who, std::string& error) {
  const bool with_host = word.size() > 2 && word[1] == '.' && (word[0] == 'A' || word[0] == 'B');
  const std::uint32_t fn = function_number(with_host ? word.substr(2) : word);
  const std::uint32_t vfs = machine.sim.scenario().nic.vfs;
  if (fn > vfs) {
    error = fmt::format("there is no function '{}'{}; allowed are pf, vf0 .. vf{}, with A. or B. before it", word,
                        did_you_mean(word, all_functions(machine)), vfs - 1);
    return false;
  }
  who.fn = static_cast<std::uint8_t>(fn);
  who.host = with_host ? static_cast<std::uint8_t>(word[0] - 'A') : fn == 0 ? std::uint8_t{0} : host_of_vf(machine, fn);
  return true;
}

bool find_guest(const Machine& machine, std::string_view word, std::uint32_t& guest, std::string& error) {
  const auto number = number_of(word.substr(0, 5) == "guest" ? word.substr(5) : word);
  if (!number || *number >= machine.sim.guests.size()) {
    error = fmt::format("there is no guest '{}'; allowed are guest0 .. guest{}", word, machine.sim.guests.size() - 1);
    return false;
  }
  guest = static_cast<std::uint32_t>(*number);
  return true;
}

namespace {

#define SHELL_RUN(function) nullptr
#define SHELL_SESSION(function) nullptr
#define SHELL_LOOK(function) shell_##function
#define SHELL_ACT(function) shell_##function
#define COMMAND(function, name, kind, usage, example, doc) \
  {name, ShellKind::kind, usage, example, doc, SHELL_##kind(function)},
const std::vector<CommandRow> kCommands = {
#include "testbench/shell/commands.def"
};
#undef COMMAND
#undef SHELL_RUN
#undef SHELL_SESSION
#undef SHELL_LOOK
#undef SHELL_ACT

}  // namespace

const std::vector<CommandRow>& command_table() { return kCommands; }

std::string command_names() {
  std::string names;
  for (const CommandRow& row : kCommands) {
    names += (names.empty() ? "" : " ") + std::string(row.name);
  }
  return names;
}

const CommandRow* find_command(std::string_view word, std::string& error) {
  const CommandRow* found = nullptr;
  std::string several;
  for (const CommandRow& row : kCommands) {
    if (row.name == word) {
      return &row;
    }
    if (row.name.substr(0, word.size()) == word) {
      found = &row;
      several += " " + std::string(row.name);
    }
  }
  if (found == nullptr) {
    error = fmt::format("unknown command '{}'{}; help lists them", word, did_you_mean(word, command_names()));
  } else if (found->name != several.substr(1)) {
    error = fmt::format("'{}' may be {}", word, comma_list(several.substr(1)));
    return nullptr;
  }
  return found;
}

std::string usage_of(const CommandRow& row) {
  return fmt::format("usage: {}{}{}; for example: {}", row.name, row.usage.empty() ? "" : " ", row.usage, row.example);
}

Answer wrong_usage(std::string_view command) {
  std::string error;
  const CommandRow* row = find_command(command, error);
  return wrong(row == nullptr ? error : usage_of(*row));
}

}  // namespace vfsim::bench
