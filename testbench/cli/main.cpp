// The command line: reads options and calls the command.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <string>
#include <vector>

#include <systemc>

#include "testbench/cli/faults_command.hpp"
#include "testbench/cli/fuzz_command.hpp"
#include "testbench/cli/image_corrupt_command.hpp"
#include "testbench/cli/coverage_command.hpp"
#include "testbench/cli/image_view.hpp"
#include "testbench/cli/linux_command.hpp"
#include "testbench/cli/list.hpp"
#include "testbench/cli/regress_command.hpp"
#include "testbench/cli/run_command.hpp"
#include "testbench/cli/view_command.hpp"
#include "testbench/scenarios/names.hpp"
#include "testbench/shell/shell_command.hpp"

namespace {

using namespace vfsim::bench;

/// CLI11 takes "-1" and what does not fit for a number; this does not.
std::string whole_number(const std::string& text) {
  errno = 0;
  (void)std::strtoull(text.c_str(), nullptr, 10);
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return digits && errno == 0
             ? ""
             : fmt::format("'{}' is no number; allowed is 0 .. 18446744073709551615", text);
}

std::string file_name(const std::string& text) {
  return text.empty() ? "a name is missing" : "";
}

/// What changes a scenario, in every command that runs one.
void add_changes(CLI::App& app, std::vector<std::string>& overrides,
                 std::vector<std::string>& faults) {
  app.add_option("--set", overrides, "group.name=value: overrides a parameter (vfsim list params)")
      ->allow_extra_args(false);
  app.add_option("--fault", faults, "builds in a deliberate defect (vfsim list faults)")
      ->allow_extra_args(false);
}

/// Files that are drawn while a run goes on.
void add_picture_options(CLI::App& app, PictureOptions& pictures, WaveOptions& waves) {
  app.add_option("--wave", pictures.wave, "write waves (FST) to this file")->check(file_name);
  app.add_option("--wave-groups", waves.groups,
                 "signals in it: groups with commas between, or all (vfsim list signals)");
  app.add_option("--wave-from", waves.from, "and from when on, as in 104.2ms");
  app.add_option("--wave-to", waves.to, "and until when");
  app.add_option("--wave-last", waves.last,
                 "only that much before the first violation or, without one, the end");
  app.add_option("--events", pictures.events,
                 "write the event log to this file, one JSON object a line")
      ->check(file_name);
  app.add_option("--timeline", pictures.timeline,
                 "write a time line (Chrome trace format) to this file")
      ->check(file_name);
}

/// Options that `run` and `migrate` share.
void add_run_options(CLI::App& app, RunCommand& command) {
  app.add_option("--seed", command.what.seed, "seed of everything that is drawn at random")
      ->check(whole_number)
      ->capture_default_str();
  add_changes(app, command.what.overrides, command.what.faults);
  add_picture_options(app, command.run, command.wave);
  app.add_option("--report", command.report,
                 "write the report page to this file (HTML, needs nothing else)")
      ->check(file_name);
  app.add_option("--rtl-coverage", command.run.rtl_coverage,
                 "write the cover counts of RTL blocks to this file (verilator_coverage)")
      ->check(file_name);
  app.add_option("--block-stimulus", command.run.block_stimulus,
                 "write what the NICs ask of command doorbells and key walker to this file, one JSON "
                 "object a line")
      ->check(file_name);
  app.add_option("--json", command.json, "write the result to this file")->check(file_name);
  app.add_option("--out", command.run.out_dir,
                 "folder for result, account, report page, time line and images")
      ->check(file_name);
  app.add_option("--log", command.run.log_level, "error, warning, info, debug or trace")
      ->check(CLI::IsMember({"error", "warning", "info", "debug", "trace"}))
      ->capture_default_str();
}

void add_shell_command(CLI::App& app, ShellCommand& command, int& status) {
  CLI::App* shell = app.add_subcommand(
      "shell", "step through a run, look at everything, change it, and go back in time");
  command.what.scenario = "migrate";
  shell->add_option("scenario", command.what.scenario, "file, or name of a shipped scenario")
      ->capture_default_str();
  shell->add_option("--seed", command.what.seed, "seed of everything that is drawn at random")
      ->check(whole_number)
      ->capture_default_str();
  add_changes(*shell, command.what.overrides, command.what.faults);
  shell->add_option("--script", command.script, "take the commands from this file")
      ->check(file_name);
  shell->add_option("-c,--command", command.commands, "do this command first")
      ->allow_extra_args(false);
  shell->add_option("--log", command.log_level, "log lines shown while time passes: error, warning, info, debug or trace")
      ->check(CLI::IsMember({"error", "warning", "info", "debug", "trace"}))
      ->capture_default_str();
  shell->callback([&] { status = shell_command(command); });
}

void add_corrupt_options(CLI::App& image_app, ImageCorruptCommand& command, int& status) {
  CLI::App* app = image_app.add_subcommand("corrupt", "a spoiled copy of an image, for tests");
  app->add_option("in", command.in, "good image")->required();
  app->add_option("out", command.out, "file to write")->required()->check(file_name);
  app->add_option("--kind", command.kind, "vfsim list corruptions")->required();
  app->add_option("--seed", command.seed, "decides where and how")
      ->check(whole_number)
      ->capture_default_str();
  app->add_option("--field", command.field, "kind field: NAME or NAME=VALUE, as in cq.ci=5");
  app->callback([&] { status = image_corrupt(command); });
}

void add_faults_command(CLI::App& app, FaultsCommand& command, int& status) {
  CLI::App* faults_app = app.add_subcommand(
      "faults", "run every deliberate defect, and show that its rule catches it");
  faults_app->add_option("names", command.names, "these only (vfsim list faults); without: all");
  faults_app->add_option("--jobs", command.jobs, "runs at a time; without: one per processor")
      ->check(CLI::Range(1U, 1024U));
  faults_app->add_option("--json", command.json, "write the table to this file")->check(file_name);
  faults_app->add_option("--seed", command.seed, "seed of the runs")
      ->check(whole_number)
      ->capture_default_str();
  faults_app->callback([&] { status = faults_command(command); });
}

void add_fuzz_options(CLI::App& app, FuzzCommand& command, int& status) {
  CLI::App* fuzz =
      app.add_subcommand("fuzz", "hostile bytes for every door; exit status 1 on a finding");
  fuzz->add_option("door", command.door, "vfsim list doors, or all")->capture_default_str();
  fuzz->add_option("--cases", command.cases, "how many; of all doors together")
      ->check(whole_number)
      ->capture_default_str();
  fuzz->add_option("--seed", command.seed, "decides every case")
      ->check(whole_number)
      ->capture_default_str();
  fuzz->add_option("--case", command.number, "run this case of the seed only")->check(whole_number);
  fuzz->add_option("--bytes", command.bytes, "run the bytes of this file only")->check(file_name);
  fuzz->add_option("--jobs", command.jobs, "worker processes; 0: one per processor")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  fuzz->add_option("--out", command.out_dir, "folder for the bytes of findings")
      ->check(file_name)
      ->capture_default_str();
  fuzz->add_option("--fault", command.faults, "builds in a deliberate defect (vfsim list faults)")
      ->allow_extra_args(false);
  fuzz->callback([&] { status = fuzz_command(command); });
}

void add_regress_outputs(CLI::App& app, RegressOutputs& files, const std::string& out) {
  app.add_option("--junit", files.junit, "write JUnit XML to this file")->check(file_name);
  app.add_option("--html", files.html, "write an index page to this file")->check(file_name);
  app.add_option("--baseline", files.baseline,
                 "compare with an earlier regression: its --out folder, or a results.jsonl")
      ->check(file_name);
  app.add_option("--out", files.out_dir, out)->check(file_name);
}

void add_regress_command(CLI::App& app, RegressCommand& command, MergeCommand& merging,
                         int& status) {
  CLI::App* regress =
      app.add_subcommand("regress", "run scenarios with many seeds, each in a process of its own");
  regress->add_option("paths", command.paths,
                      "scenario files, names, folders of them; none: all shipped scenarios");
  regress->add_option("--seeds", command.plan.seeds, "seeds of each scenario")
      ->check(CLI::Range(UINT64_C(1), UINT64_C(10000000)))
      ->capture_default_str();
  regress->add_option("--seed", command.plan.first_seed, "the first of them")
      ->check(whole_number)
      ->capture_default_str();
  regress->add_option("--jobs", command.jobs, "runs at a time; without: one per processor")
      ->check(CLI::Range(1U, 1024U));
  regress->add_option("--shard", command.shard, "I/N: the I-th of N parts of the cases")
      ->check(wrong_shard);
  regress->add_option("--time", command.time_s, "seconds after which no further case starts")
      ->check(CLI::Range(0.001, 1e9));
  regress->add_option("--limit", command.plan.limit_s, "seconds after which a case is killed")
      ->check(CLI::Range(0.001, 1e9))
      ->capture_default_str();
  add_regress_outputs(*regress, command.files,
                      "folder for results.jsonl, summary.txt, and what explains failing cases");
  regress->add_option("--evidence", command.evidence,
                      "with --out: so many failing cases get a report page and waves")
      ->check(whole_number)
      ->capture_default_str();
  regress->add_flag("--rtl-coverage", command.rtl_coverage,
                    "collect and merge the cover counts of RTL blocks: rtl_coverage.dat in --out");
  add_changes(*regress, command.plan.overrides, command.plan.faults);
  CLI::App* merge = regress->add_subcommand("merge", "the results of several shards as one");
  merge->add_option("folders", merging.folders, "--out of each")->required();
  add_regress_outputs(*merge, merging.files, "folder for the merged results");
  regress->callback(
      [&, merge] { status = merge->parsed() ? merge_command(merging) : regress_command(command); });
}

void add_linux_command(CLI::App& app, LinuxCommand& command, int& status) {
  CLI::App* linux_app =
      app.add_subcommand("linux", "stock Linux kernels drive the NIC; ./vfsim linux --kernel 6.12, 6.1 or TREE builds "
                         "kernel and initramfs, and fills in these two options");
  linux_app
      ->add_option("tier", command.tier,
                   "what they do: 1 (one host), 1_chunks (a NIC that saves in chunks), 1_dropped (a command that is never answered), "
                   "2 (two hosts and a VM), "
                   "3 (the VM has the stock Ethernet driver, and pings), 3_stream (a TCP stream from it), 3_receive (one to it), 3_rollback (a LOAD fails)")
      ->check(CLI::IsMember({"1", "1_chunks", "1_dropped", "2", "3", "3_stream", "3_receive", "3_rollback"}))
      ->capture_default_str();
  linux_app->add_option("--script", command.script, "in place of the tier's: a shell script for host A, or a folder with a.sh, b.sh "
                   "(another host) and vm.sh (a VM with VF 0 of A)")
      ->check(file_name);
  linux_app->add_flag("--shell", command.shell, "a shell on the console of guest A instead of its script; its end: exit, poweroff or Ctrl-C");
  linux_app->add_option("--kernel-image", command.run.kernel, "User Mode Linux binary")->required();
  linux_app->add_option("--initramfs", command.run.initramfs, "its initramfs")->required();
  add_picture_options(*linux_app, command.run, command.wave);
  linux_app->add_option("--json", command.json, "write the result to this file")->check(file_name);
  linux_app->add_option("--report", command.report, "write the report page to this file (HTML, needs nothing else)")->check(file_name);
  linux_app
      ->add_option("--limit", command.run.limit_s, "simulated seconds after which a run has failed")
      ->check(CLI::Range(1U, 1000000U))
      ->capture_default_str();
  add_changes(*linux_app, command.what.overrides, command.what.faults);
  linux_app->callback([&] { status = linux_command(command); });
}

int show_list(const std::string& topic, bool markdown) {
  const std::string text = list(topic, markdown);
  if (text.empty()) {
    return bad_input(fmt::format("list: unknown topic '{}'{}; allowed are {}", topic,
                                 did_you_mean(topic, list_topics()), comma_list(list_topics())));
  }
  fmt::print("{}", text);
  return kHeld;
}

/// The command that a mistake is about: the innermost one that was recognised.
const CLI::App& innermost(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : innermost(*parsed.front());
}

/// "image inspect": the command as it is typed; "" for the program itself.
std::string typed(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? "" : (typed(*parent) + " " + command.get_name());
}

/// One line about a mistake on the command line: what is wrong, what is allowed.
std::string explain(const CLI::App& app, const CLI::ParseError& mistake) {
  const CLI::App& command = innermost(app);
  const std::string where = &command == &app ? "" : typed(command).substr(1) + ": ";
  std::vector<std::string> rest = app.remaining(true);
  // What looks like an option comes first: the word behind it may be its value.
  std::stable_partition(rest.begin(), rest.end(),
                        [](const std::string& word) { return word[0] == '-'; });
  const auto commands = command.get_subcommands([](const CLI::App*) { return true; });
  std::string allowed;
  for (const CLI::App* other : commands) {
    allowed += (allowed.empty() ? "" : " ") + other->get_name();
  }
  if (command.get_require_subcommand_min() > 0 && (rest.empty() || rest.front()[0] != '-')) {
    return rest.empty()
               ? fmt::format("{}a command is needed; allowed are {}", where, comma_list(allowed))
               : fmt::format("{}unknown command '{}'{}; allowed are {}", where, rest.front(),
                             did_you_mean(rest.front(), allowed), comma_list(allowed));
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&mistake) == nullptr || rest.empty()) {
    return fmt::format("{}{}; see vfsim{} --help", where, mistake.what(), typed(command));
  }
  allowed.clear();
  for (const CLI::Option* option : command.get_options()) {
    allowed += option->get_positional() ? "" : " " + option->get_name();
  }
  return rest.front()[0] == '-'
             ? fmt::format("{}unknown option '{}'{}; allowed are {}", where, rest.front(),
                           did_you_mean(rest.front(), allowed), comma_list(allowed))
             : fmt::format("{}'{}' is one word too many", where, rest.front());
}

int command_line(int argc, char** argv) {
  CLI::App app{
      "vfsim: an SR-IOV NIC whose virtual functions migrate under traffic, and the hosts around it",
      "vfsim"};
  app.require_subcommand(1);
  app.footer(
      "Exit status: 0 all held; 1 a rule was violated or the goal was missed; 2 bad usage or "
      "input; 3 internal error.");
  app.set_version_flag("--version", std::string("vfsim ") + VF_VERSION);
  int status = kHeld;

  RunCommand command;
  CLI::App* run_app =
      app.add_subcommand("run", "run a scenario file, or a shipped scenario by name");
  run_app
      ->add_option("scenario", command.what.scenario, "file (TOML) or name (vfsim list scenarios)")
      ->required();
  add_run_options(*run_app, command);
  run_app->callback([&] { status = run_command(command); });

  RunCommand main_job;
  main_job.what.scenario = "migrate";
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
    status = run_command(main_job);
  });

  std::string topic;
  bool markdown = false;
  CLI::App* list_app = app.add_subcommand("list", "what there is: " + list_topics());
  list_app->add_option("topic", topic, list_topics())->required();
  list_app->add_flag("--markdown", markdown, "as a page");
  list_app->callback([&] { status = show_list(topic, markdown); });

  FaultsCommand faults;
  add_faults_command(app, faults, status);

  RegressCommand regress;
  regress.plan.limit_s = 300;
  MergeCommand merging;
  add_regress_command(app, regress, merging, status);

  ShellCommand shell;
  add_shell_command(app, shell, status);

  std::vector<std::string> files;
  bool fields = false;
  CLI::App* image_app = app.add_subcommand("image", "look into a saved VF image, or spoil one")
                            ->require_subcommand(1);
  CLI::App* inspect_app = image_app->add_subcommand("inspect", "header and records");
  inspect_app->add_option("file", files)->required()->expected(1);
  inspect_app->add_flag("--fields", fields, "every field of every record");
  inspect_app->callback([&] { status = image_inspect(files[0], fields); });
  CLI::App* diff_app =
      image_app->add_subcommand("diff", "records and fields that differ; exit status 1 if any");
  diff_app->add_option("files", files)->required()->expected(2);
  diff_app->callback([&] { status = image_diff(files[0], files[1]); });
  ImageCorruptCommand spoil;
  add_corrupt_options(*image_app, spoil, status);

  LinuxCommand linux_guests;
  add_linux_command(app, linux_guests, status);

  FuzzCommand fuzz;
  add_fuzz_options(app, fuzz, status);

  CoverageCommand coverage;
  CLI::App* coverage_app =
      app.add_subcommand("coverage", "what regressions and runs covered of the protocol, holes first");
  coverage_app->add_option("path", coverage.paths, "folders of --out, or result files")->required();
  coverage_app->add_option("--json", coverage.json, "write it to this file, too")->check(file_name);
  coverage_app->callback([&] { status = coverage_command(coverage); });

  std::string waves;
  CLI::App* view_app = app.add_subcommand("view", "open waves in GTKWave, with their view");
  view_app->add_option("file", waves, "wave file, view, or a folder with one")->required();
  view_app->callback([&] { status = view_command(waves); });

  for (const std::string name : {"test", "bench", "build"}) {
    app.add_subcommand(name, "in a checkout: ./vfsim " + name)->allow_extras()->callback([&, name] {
      status = bad_input(name + " is a command of the launcher: ./vfsim " + name);
    });
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help, --version
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    return bad_input(explain(app, e));
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
