#include "testbench/cli/run_command.hpp"

#include <chrono>
#include <fmt/format.h>

#include "testbench/cli/case_report.hpp"
#include "testbench/cli/interrupt.hpp"
#include "testbench/cli/outputs.hpp"
#include "testbench/regress/plan.hpp"
#include "testbench/report/account.hpp"
#include "testbench/report/result.hpp"

namespace vfsim::bench {
namespace {

bool save(const RunCommand& command, Scenario& scenario, const Result& result, const Story& story,
          std::string& error) {
  const std::string json = to_json(result);
  if (!command.json.empty() && !write_file(command.json, json, error)) {
    return false;
  }
  if (!command.report.empty() &&
      !write_report(command.report, replay_command(command.what), scenario, result, story, error)) {
    return false;
  }
  return command.run.out_dir.empty() ||
         (write_file(command.run.out_dir + "/result.json", json, error) &&
          write_file(command.run.out_dir + "/account.txt", account(result), error));
}

Outputs outputs_of(const RunCommand& command) {
  Outputs outputs;
  outputs.folder("--out", command.run.out_dir);
  outputs.file("--json", command.json);
  outputs.file("--wave", command.run.wave);
  outputs.file("--report", command.report);
  outputs.file("--timeline", command.run.timeline);
  outputs.file("--events", command.run.events);
  outputs.file("--rtl-coverage", command.run.rtl_coverage);
  outputs.file("--block-stimulus", command.run.block_stimulus);
  return outputs;
}

}  // namespace

int bad_input(const std::string& error) {
  fmt::print(stderr, "vfsim: {}\n", error);
  return kBadInput;
}

int run_command(RunCommand command) {
  Scenario scenario;
  std::string error;
  if (!apply(command.wave, command.run, error) || !prepare(command.what, scenario, error)) {
    return bad_input(error);
  }
  command.run.seed = command.what.seed;
  if (!command.run.out_dir.empty() && command.run.timeline.empty()) {
    command.run.timeline = command.run.out_dir + "/timeline.json";
  }
  if (!command.run.out_dir.empty() && command.report.empty()) {
    command.report = command.run.out_dir + "/report.html";
  }
  Story story;
  command.run.story = command.report.empty() ? nullptr : &story;
  Outputs outputs = outputs_of(command);
  if (!outputs.prepare(error)) {
    return bad_input(error);
  }
  command.run.stop = &interrupted();
  let_end({SIGINT}, SecondSignal::kills);

  Result result;
  const auto begin = std::chrono::steady_clock::now();
  const int status = run_scenario(scenario, command.run, result);
  result.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (status == kBadInput) {
    outputs.undo();
    return bad_input(result.error);
  }
  fmt::print("{}", account(result));
  return save(command, scenario, result, story, error) ? status : bad_input(error);
}

}  // namespace vfsim::bench
