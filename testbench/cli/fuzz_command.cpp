#include "testbench/cli/fuzz_command.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>
#include <utility>

#include "testbench/cli/image_file.hpp"
#include "testbench/cli/interrupt.hpp"
#include "testbench/cli/run_command.hpp"
#include "testbench/faults/fault_set.hpp"
#include "testbench/fuzz/fuzz_run.hpp"
#include "testbench/runner/runner.hpp"
#include "testbench/scenarios/names.hpp"

namespace vfsim::bench {
namespace {

struct Job {
  const DoorRow* door;
  std::uint64_t cases;
};

/// The doors and their share of the cases.
std::vector<Job> jobs_of(const FuzzCommand& command) {
  const DoorRow* one = find_door(command.door);
  if (one != nullptr) {
    return {{one, command.cases}};
  }
  std::vector<Job> jobs;
  std::uint64_t left = command.cases;
  for (const DoorRow& row : door_table()) {
    const bool last = &row == &door_table().back();
    const std::uint64_t share = last ? left
                                     : std::min(left, command.cases / 1000 * row.weight +
                                                          command.cases % 1000 * row.weight / 1000);
    jobs.push_back({&row, share});
    left -= share;
  }
  return jobs;
}

std::string most_frequent(const std::map<std::string, std::uint64_t>& refused) {
  constexpr std::size_t kShown = 4;
  std::vector<std::pair<std::uint64_t, std::string>> rows;
  for (const auto& [answer, count] : refused) {
    rows.emplace_back(count, answer);
  }
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, rows.size()); ++i) {
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", rows[i].second, rows[i].first);
  }
  return rows.size() > kShown ? fmt::format("{}, {} more", text, rows.size() - kShown) : text;
}

std::string fault_words(const FuzzCommand& command) {
  std::string words;
  for (const std::string& fault : command.faults) {
    words += " --fault " + fault;
  }
  return words;
}

/// One finding: what, how to replay it, where its bytes are.
void show(const FuzzCommand& command, const DoorRow& row, Door& door, const FuzzFinding& finding) {
  fmt::print("finding: {} case {}: {}\n", row.name, finding.number, finding.what);
  fmt::print("  replay: vfsim fuzz {} --seed {} --case {}{}\n", row.name, command.seed,
             finding.number, fault_words(command));
  std::error_code failed;
  std::filesystem::create_directories(command.out_dir, failed);
  const std::string stem =
      fmt::format("{}/{}-{}-{}", command.out_dir, row.name, command.seed, finding.number);
  std::string error;
  const CaseBytes bytes = fuzz_case(door, row.name, command.seed, finding.number);
  if (!write_bytes(stem + ".bin", bytes, error)) {
    fmt::print("  bytes: {}\n", error);
    return;
  }
  fmt::print("  bytes: {}.bin ({} bytes)\n", stem, bytes.size());
  if (!finding.output.empty() &&
      write_bytes(stem + ".txt", {finding.output.begin(), finding.output.end()}, error)) {
    fmt::print("  output: {}.txt\n", stem);
  }
}

bool prepare(const FuzzCommand& command, FuzzOptions& options, std::string& error) {
  if (command.door != "all" && find_door(command.door) == nullptr) {
    error =
        fmt::format("fuzz: unknown door '{}'{}; allowed are all, {}", command.door,
                    did_you_mean(command.door, door_names() + " all"), comma_list(door_names()));
    return false;
  }
  if ((!command.number.empty() || !command.bytes.empty()) && command.door == "all") {
    error = "fuzz: --case and --bytes need one door, not all";
    return false;
  }
  const auto faults = parse_faults(command.faults);
  if (!faults) {
    error = "fuzz: " + faults.error().text;
    return false;
  }
  options.faults = faults.value();
  options.seed = command.seed;
  options.jobs =
      command.jobs != 0 ? command.jobs : std::max(1U, std::thread::hardware_concurrency());
  options.stop = &interrupted();
  return true;
}

/// Runs a list of doors, one after the other. @return ExitStatus
int run_doors(const FuzzCommand& command, const std::vector<Job>& jobs, FuzzOptions options) {
  std::uint64_t findings = 0;
  std::uint64_t digest = 0;
  fmt::print("{:<9} {:>9} {:>9} {:>9} {:>9}  {}\n", "door", "cases", "accepted", "refused",
             "findings", "most frequent refusals");
  for (const Job& job : jobs) {
    options.cases = job.cases;
    const FuzzReport report = fuzz_door(*job.door, options);
    fmt::print("{:<9} {:>9} {:>9} {:>9} {:>9}  {}\n", report.door, report.cases, report.accepted,
               report.cases - report.accepted, report.findings, most_frequent(report.refused));
    std::fflush(stdout);
    if (!report.shown.empty()) {
      const std::unique_ptr<Door> door = job.door->make({});
      for (const FuzzFinding& finding : report.shown) {
        show(command, *job.door, *door, finding);
      }
    }
    findings += report.findings;
    digest = digest * 0x9e3779b97f4a7c15ULL + report.digest;
    if (interrupted() != 0) {
      fmt::print("stopped by the user\n");
      return kViolated;
    }
    if (report.cases < job.cases) {
      fmt::print("given up after {} of {} cases\n", report.cases, job.cases);
    }
  }
  fmt::print("digest {:016x}, {} finding{}\n", digest, findings, findings == 1 ? "" : "s");
  return findings == 0 ? kHeld : kViolated;
}

/// One case, from the generator or a file.
int replay(const FuzzCommand& command, FuzzOptions options) {
  options.jobs = 1;
  options.cases = 1;
  const DoorRow& row = *find_door(command.door);
  if (!command.number.empty()) {
    options.first = std::stoull(command.number);
    return run_doors(command, {{&row, 1}}, options);
  }
  std::ifstream in(command.bytes, std::ios::binary);
  std::error_code ignored;
  if (!in || std::filesystem::is_directory(command.bytes, ignored)) {
    return bad_input(command.bytes + ": cannot be read; the bytes of a case are needed");
  }
  const CaseBytes bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const DoorOutcome outcome = row.make(options.faults)->run(bytes);
  fmt::print("{}: {}{}\n", command.bytes,
             outcome.accepted ? "accepted: " : "refused: ", outcome.answer);
  if (!outcome.finding.empty()) {
    fmt::print("finding: {}\n", outcome.finding);
  }
  return outcome.finding.empty() ? kHeld : kViolated;
}

}  // namespace

int fuzz_command(const FuzzCommand& command) {
  FuzzOptions options;
  std::string error;
  if (!prepare(command, options, error)) {
    return bad_input(error);
  }
  let_end({SIGINT}, SecondSignal::kills);
  return command.number.empty() && command.bytes.empty()
             ? run_doors(command, jobs_of(command), options)
             : replay(command, options);
}

}  // namespace vfsim::bench
