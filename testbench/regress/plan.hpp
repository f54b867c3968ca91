// Which cases a regression has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "testbench/regress/case.hpp"

namespace vfsim::bench {

struct Plan {
  std::vector<std::string> scenarios;  // files, or names of shipped ones
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 1;
  std::uint64_t shard = 1;   // this part ...
  std::uint64_t shards = 1;  // ... of so many
  std::vector<std::string> overrides;
  std::vector<std::string> faults;
  double limit_s = 0;  // of one case; 0: none
};

/// Files, names of shipped scenarios and folders of scenario files, as scenarios that `vfsim run`
/// takes, each once; nothing: all shipped ones. False: `error` is one line.
[[nodiscard]] bool find_scenarios(const std::vector<std::string>& paths,
                                  std::vector<std::string>& scenarios, std::string& error);

/// Cases of the whole, all shards.
[[nodiscard]] std::size_t total_cases(const Plan& plan);
/// The cases of the plan's shard. All scenarios come with the first seed, then all with the next;
/// case `id` belongs to shard id % shards + 1.
[[nodiscard]] std::vector<Case> cases_of(const Plan& plan);

/// The command that runs a case alone: "./vfsim run random --seed 17 --set nic.vfs=2".
[[nodiscard]] std::string replay_command(const RunRequest& run);
/// The options in it that change the scenario: " --set a.b=1 --fault c".
[[nodiscard]] std::string changes_in_words(const RunRequest& run);

}  // namespace vfsim::bench
