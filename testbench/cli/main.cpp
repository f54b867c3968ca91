// The command line: reads options, prepares a scenario, runs it, reports.
#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fmt/format.h>
#include <string>
#include <system_error>
#include <vector>

#include <systemc>

#include "testbench/cli/image_view.hpp"
#include "testbench/cli/list.hpp"
#include "testbench/report/account.hpp"
#include "testbench/report/result.hpp"
#include "testbench/runner/runner.hpp"
#include "testbench/scenarios/scenario.hpp"
#include "testbench/scenarios/units.hpp"

namespace {

using namespace vfsim::bench;

volatile std::sig_atomic_t interrupted = 0;

/// The first Ctrl-C ends the run with what is known, the second one ends the process.
void on_interrupt(int) {
  interrupted = 1;
  std::signal(SIGINT, SIG_DFL);
}

int bad_input(const std::string& error) {
  fmt::print(stderr, "vfsim: {}\n", error);
  return kBadInput;
}

struct Command {
  std::string scenario;
  std::vector<std::string> overrides;
  std::vector<std::string> faults;
  std::string json;
  RunOptions run;
};

/// Options that `run` and `migrate` share.
void add_run_options(CLI::App& app, Command& command) {
  app.add_option("--seed", command.run.seed, "seed of everything that is drawn at random")
      ->capture_default_str();
  app.add_option("--set", command.overrides,
                 "group.name=value: overrides a parameter (vfsim list params)")
      ->allow_extra_args(false);
  app.add_option("--fault", command.faults, "builds in a deliberate defect (vfsim list faults)")
      ->allow_extra_args(false);
  app.add_option("--wave", command.run.wave, "write waves (FST) to this file");
  app.add_option("--timeline", command.run.timeline,
                 "write a time line (Chrome trace format) to this file");
  app.add_option("--json", command.json, "write the result to this file");
  app.add_option("--out", command.run.out_dir, "folder for result, account, time line and images");
  app.add_option("--log", command.run.log_level, "error, warning, info, debug or trace")
      ->check(CLI::IsMember({"error", "warning", "info", "debug", "trace"}))
      ->capture_default_str();
}

bool prepare(const Command& command, Scenario& scenario, std::string& error) {
  const std::string path = find_scenario(command.scenario, error);
  if (path.empty() || !load(path, scenario, error)) {
    return false;
  }
  for (const std::string& assignment : command.overrides) {
    if (!apply_override(assignment, scenario, error)) {
      return false;
    }
  }
  for (const std::string& fault : command.faults) {
    if (!apply_override("faults=" + fault, scenario, error)) {
      return false;
    }
  }
  return check(scenario, error);
}

bool save(const Command& command, const Result& result, std::string& error) {
  const std::string json = to_json(result);
  if (!command.json.empty() && !write_file(command.json, json, error)) {
    return false;
  }
  return command.run.out_dir.empty() ||
         (write_file(command.run.out_dir + "/result.json", json, error) &&
          write_file(command.run.out_dir + "/account.txt", account(result), error));
}

/// The folders of what a run writes.
bool make_folders(const Command& command, std::string& error) {
  for (const std::string& file :
       {command.run.wave, command.run.timeline, command.run.out_dir + "/x"}) {
    const auto folder = std::filesystem::path(file).parent_path();
    std::error_code code;
    if (!folder.empty() && folder != "/" && !std::filesystem::create_directories(folder, code) &&
        code) {
      error = folder.string() + ": no folder, and none can be made: " + code.message();
      return false;
    }
  }
  return true;
}

int run(Command command) {
  Scenario scenario;
  std::string error;
  if (!prepare(command, scenario, error)) {
    return bad_input(error);
  }
  if (!command.run.out_dir.empty() && command.run.timeline.empty()) {
    command.run.timeline = command.run.out_dir + "/timeline.json";
  }
  if (!make_folders(command, error)) {
    return bad_input(error);
  }
  command.run.stop = &interrupted;
  std::signal(SIGINT, on_interrupt);

  Result result;
  const auto begin = std::chrono::steady_clock::now();
  const int status = run_scenario(scenario, command.run, result);
  result.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (status == kBadInput) {
    return bad_input(result.error);
  }
  fmt::print("{}", account(result));
  return save(command, result, error) ? status : bad_input(error);
}

int show_list(const std::string& topic, bool markdown) {
  const std::string text = list(topic, markdown);
  if (text.empty()) {
    return bad_input(fmt::format("list: unknown topic '{}'{}; allowed are {}", topic,
                                 did_you_mean(topic, list_topics()), list_topics()));
  }
  fmt::print("{}", text);
  return kHeld;
}

int command_line(int argc, char** argv) {
  CLI::App app{
      "vfsim: an SR-IOV NIC whose virtual functions migrate under traffic, and the hosts around it",
      "vfsim"};
  app.require_subcommand(1);
  app.footer(
      "Exit status: 0 all held; 1 a rule was violated or the goal was missed; 2 bad usage or "
      "input; 3 internal error.");
  int status = kHeld;

  Command command;
  CLI::App* run_app =
      app.add_subcommand("run", "run a scenario file, or a shipped scenario by name");
  run_app->add_option("scenario", command.scenario, "file (TOML) or name (vfsim list scenarios)")
      ->required();
  add_run_options(*run_app, command);
  run_app->callback([&] { status = run(command); });

  Command main_job;
  main_job.scenario = "migrate";
  main_job.run.out_dir = "out";
  CLI::App* migrate_app = app.add_subcommand(
      "migrate", "the main job: migrate a VF under captured traffic; writes out/");
  add_run_options(*migrate_app, main_job);
  bool no_wave = false;
  migrate_app->add_flag("--no-wave", no_wave, "no waves; without it they go to out/waves.fst");
  migrate_app->callback([&] {
    if (main_job.run.wave.empty() && !no_wave) {
      main_job.run.wave = main_job.run.out_dir + "/waves.fst";
    }
    status = run(main_job);
  });

  std::string topic;
  bool markdown = false;
  CLI::App* list_app = app.add_subcommand("list", "what there is: " + list_topics());
  list_app->add_option("topic", topic, list_topics())->required();
  list_app->add_flag("--markdown", markdown, "as a page");
  list_app->callback([&] { status = show_list(topic, markdown); });

  std::vector<std::string> files;
  bool fields = false;
  CLI::App* image_app =
      app.add_subcommand("image", "look into a saved VF image")->require_subcommand(1);
  CLI::App* inspect_app = image_app->add_subcommand("inspect", "header and records");
  inspect_app->add_option("file", files)->required()->expected(1);
  inspect_app->add_flag("--fields", fields, "every field of every record");
  inspect_app->callback([&] { status = image_inspect(files[0], fields); });
  CLI::App* diff_app =
      image_app->add_subcommand("diff", "records and fields that differ; exit status 1 if any");
  diff_app->add_option("files", files)->required()->expected(2);
  diff_app->callback([&] { status = image_diff(files[0], files[1]); });

  for (const char* name : {"test", "bench"}) {
    app.add_subcommand(name, std::string("in a checkout: ./vfsim ") + name)
        ->allow_extras()
        ->callback([&status, name] {
          status = bad_input(
              fmt::format("{0} builds what it needs first: use the launcher, ./vfsim {0}", name));
        });
  }

  const std::string commands = "run migrate list image test bench";
  if (argc > 1 && argv[1][0] != '-' &&
      (" " + commands + " ").find(" " + std::string(argv[1]) + " ") == std::string::npos) {
    return bad_input(fmt::format("unknown command '{}'{}; allowed are {}", argv[1],
                                 did_you_mean(argv[1], commands), commands));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    return bad_input(std::string(e.what()) + "; see vfsim --help");
  }
  return status;
}

}  // namespace

int sc_main(int argc, char** argv) {
  sc_core::sc_report_handler::set_actions(sc_core::SC_FATAL,
                                          sc_core::SC_DISPLAY | sc_core::SC_THROW);
  try {
    return command_line(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "vfsim: internal error: {}\n", e.what());
    return kInternal;
  }
}

/// libsystemc has a main() too; this one keeps its banner out of our output.
int main(int argc, char** argv) {
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
