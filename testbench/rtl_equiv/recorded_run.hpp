// What a run of a shipped scenario asked of one block.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <stdexcept>
#include <string>
#include <sys/wait.h>

#include "systemc/common/calendar.hpp"

namespace vfsim::bench {

struct RecordedRun {
  const char* name;               // of the test
  const char* host;               // "A" or "B": whose NIC
  const char* run;                // scenario and options
  model::Ps period = model::kNs;  // clock of the RTL it is played into
};
inline std::ostream& operator<<(std::ostream& out, const RecordedRun& run) {
  return out << run.host << " of " << run.run;
}

/// Runs it in a process of its own, and reads what `block` was asked for.
/// @param read  doorbell_steps or walker_steps
template <class Read>
auto recorded(const RecordedRun& run, const std::string& block, const Read& read) {
  const std::string path = block + '_' + run.name + ".jsonl";
  const std::string command =
      std::string(VFSIM " run ") + run.run + " --block-stimulus " + path + " > /dev/null 2>&1";
  const int status = std::system(command.c_str());
  if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) {  // 1: a run with a fault
    throw std::runtime_error("failed: " + command);
  }
  std::ifstream file(path);
  auto steps = read(file, std::string(run.host) + '.' + block);
  std::filesystem::remove(path);
  return steps;
}

}  // namespace vfsim::bench
