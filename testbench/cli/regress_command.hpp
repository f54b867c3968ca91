// vfsim regress: many runs, their summary and their files; vfsim regress merge: of several shards.
#pragma once

#include <string>
#include <vector>

#include "testbench/regress/plan.hpp"

namespace vfsim::bench {

/// What a regression writes; "" is not wanted.
struct RegressOutputs {
  std::string junit;
  std::string html;      // index page
  std::string baseline;  // earlier regression that it is compared with: --out folder, or results file
  std::string out_dir;
};

struct RegressCommand {
  std::vector<std::string> paths;  // scenario files, names, folders; none: all shipped
  Plan plan;                       // but for its scenarios
  std::string shard;               // "I/N"; "" the whole
  unsigned jobs = 0;               // 0: one per processor
  double time_s = 0;               // no case starts after it; 0: no end
  RegressOutputs files;
  std::size_t evidence = 200;  // failing cases that get a report and waves, with --out
  bool rtl_coverage = false;   // needs --out
};

/// Runs the cases; says what failed, with the command that repeats it. Ctrl-C ends it with what is
/// known.
/// @return kHeld, kViolated if a case did not pass or the user stopped it, kBadInput
[[nodiscard]] int regress_command(RegressCommand command);

struct MergeCommand {
  std::vector<std::string> folders;  // --out of regressions
  RegressOutputs files;
};

/// The parts as one regression. @return as regress_command(); also kViolated if a part is missing
[[nodiscard]] int merge_command(const MergeCommand& command);

/// Option checks: "" or one line about what is wrong.
[[nodiscard]] std::string wrong_shard(const std::string& text);

}  // namespace vfsim::bench
