#include "testbench/cli/regress_command.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <thread>
#include <unistd.h>
#include <utility>

#include "testbench/cli/failure_evidence.hpp"
#include "testbench/cli/interrupt.hpp"
#include "testbench/cli/outputs.hpp"
#include "testbench/cli/rtl_coverage.hpp"
#include "testbench/cli/run_command.hpp"
#include "testbench/regress/index_page.hpp"
#include "testbench/regress/pool.hpp"
#include "testbench/regress/trend.hpp"

namespace vfsim::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostCases = 10'000'000;
constexpr const char* kResults = "/results.jsonl";
constexpr const char* kSummary = "/summary.txt";

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// One line that is written over on a terminal; elsewhere a line now and then. Failures at once.
class Progress {
 public:
  explicit Progress(std::size_t cases) : cases_(cases) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void done(const CaseResult& c) {
    ++ended_;
    if (c.ran() && !c.passed()) {
      ++failed_;
      clear();
      if (failed_ <= kTold) {
        fmt::print(stderr, "failed: {}: {}\n", c.what.label, reason(c));
      }
    }
    const double pause = terminal_ ? 0.1 : 10;
    if (since(shown_) >= pause && ended_ < cases_) {
      show();
    }
  }

 private:
  static constexpr std::size_t kTold = 20;

  void show() {
    shown_ = Clock::now();
    fmt::print(stderr, "{}{} of {} cases, {} failed, {:.1f} cases/s{}", terminal_ ? "\r\033[K" : "",
               ended_, cases_, failed_, static_cast<double>(ended_) / since(begin_),
               terminal_ ? "" : "\n");
    line_ = terminal_;
  }
  void clear() {
    if (std::exchange(line_, false)) {
      fmt::print(stderr, "\r\033[K");
    }
  }

  std::size_t cases_;
  std::size_t ended_ = 0;
  std::size_t failed_ = 0;
  bool terminal_ = ::isatty(STDERR_FILENO) != 0;
  bool line_ = false;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point shown_ = begin_;
};

/// Each scenario can run at all, with the options given: found out before any does.
bool try_scenarios(const Plan& plan, std::string& error) {
  return std::all_of(plan.scenarios.begin(), plan.scenarios.end(), [&](const std::string& name) {
    Scenario scenario;
    return prepare({name, plan.overrides, plan.faults, plan.first_seed}, scenario, error);
  });
}

bool complete(RegressCommand& command, std::string& error) {
  Plan& plan = command.plan;
  if (!command.shard.empty()) {
    const std::size_t slash = command.shard.find('/');
    plan.shard = std::strtoull(command.shard.c_str(), nullptr, 10);
    plan.shards = std::strtoull(command.shard.c_str() + slash + 1, nullptr, 10);
  }
  if (command.rtl_coverage && command.files.out_dir.empty()) {
    error = "regress: --rtl-coverage needs --out, the folder that rtl_coverage.dat goes to";
    return false;
  }
  if (!find_scenarios(command.paths, plan.scenarios, error)) {
    return false;
  }
  if (plan.seeds > kMostCases / plan.scenarios.size()) {
    error = fmt::format("--seeds {}: {} scenarios with so many seeds are more than {} cases",
                        plan.seeds, plan.scenarios.size(), kMostCases);
    return false;
  }
  return try_scenarios(plan, error);
}

unsigned jobs_of(const RegressCommand& command) {
  return command.jobs != 0 ? command.jobs : std::max(1U, std::thread::hardware_concurrency());
}

Regression run(const RegressCommand& command) {
  std::vector<Case> cases = cases_of(command.plan);
  if (command.rtl_coverage) {
    for (Case& one : cases) {
      one.rtl_coverage = rtl_coverage_part(command.files.out_dir, one.id);
    }
  }
  const auto begin = Clock::now();
  PoolOptions options;
  options.jobs = jobs_of(command);
  options.stop = &interrupted();
  Regression regression;
  regression.total = total_cases(command.plan);
  if (command.time_s > 0) {
    options.more = [&] {
      const bool more = since(begin) < command.time_s;
      if (!more) {
        regression.ended = fmt::format("the time budget of {} s was used up", command.time_s);
      }
      return more;
    };
  }
  {
    Progress progress(cases.size());
    options.done = [&](const CaseResult& c) { progress.done(c); };
    regression.cases = run_cases(cases, options);
  }
  regression.wall_s = since(begin);
  if (interrupted() != 0) {
    regression.ended = "stopped by the user";
  }
  return regression;
}

Outputs outputs_of(const RegressOutputs& files) {
  Outputs outputs;
  outputs.folder("--out", files.out_dir);
  outputs.file("--junit", files.junit);
  outputs.file("--html", files.html);
  return outputs;
}

bool read_results(const std::string& path, const char* option, Regression& part, std::string& error) {
  std::error_code ignored;
  const std::string file = fs::is_directory(path, ignored) ? path + kResults : path;
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) {
    error = fmt::format("{}{}{}: cannot be read; --out of vfsim regress makes it", option,
                        *option != 0 ? " " : "", file);
    return false;
  }
  if (!from_lines(text.str(), part, error)) {
    error = fmt::format("{}{}{}: {}", option, *option != 0 ? " " : "", file, error);
    return false;
  }
  return true;
}

bool read_baseline(const RegressOutputs& files, Regression& baseline, std::string& error) {
  return files.baseline.empty() || read_results(files.baseline, "--baseline", baseline, error);
}

/// How the page finds what lies in the folder of the regression.
std::string way_to(const std::string& out_dir, const std::string& html) {
  if (out_dir.empty()) {
    return "";
  }
  const fs::path from = fs::absolute(html).lexically_normal().parent_path();
  const fs::path way = (fs::absolute(out_dir) / "").lexically_normal().lexically_relative(from);
  return way == "." ? "" : (way / "").string();
}

/// Evidence of a part, seen from the folder of the whole; without that, from here.
std::string evidence_from(const std::string& part, const std::string& evidence,
                          const std::string& whole) {
  if (evidence.empty()) {
    return "";
  }
  std::error_code ignored;
  const fs::path folder = fs::is_directory(part, ignored) ? fs::path(part) : fs::path(part).parent_path();
  const fs::path place = fs::absolute(folder / evidence).lexically_normal();
  return place.lexically_relative(fs::absolute(whole.empty() ? "." : whole).lexically_normal()).string();
}

/// Tells and writes everything.
bool save(const Regression& regression, const RegressOutputs& files, const Regression& baseline,
          std::string& error) {
  const Trend against = trend(regression, baseline);
  const std::string text =
      summary(regression) + (files.baseline.empty() ? "" : trend_text(against));
  fmt::print("{}", text);
  return (files.junit.empty() || write_file(files.junit, junit(regression), error)) &&
         (files.out_dir.empty() ||
          (write_file(files.out_dir + kResults, to_lines(regression), error) &&
           write_file(files.out_dir + kSummary, text, error))) &&
         (files.html.empty() ||
          write_file(files.html,
                     index_page(regression, files.baseline.empty() ? nullptr : &against,
                                way_to(files.out_dir, files.html)),
                     error));
}

}  // namespace

int regress_command(RegressCommand command) {
  std::string error;
  Regression baseline;
  Outputs outputs = outputs_of(command.files);
  if (!complete(command, error) || !read_baseline(command.files, baseline, error) ||
      !outputs.prepare(error)) {
    return bad_input(error);
  }
  let_end({SIGINT}, SecondSignal::kills);
  Regression regression = run(command);
  if (!command.files.out_dir.empty()) {
    const EvidenceOptions options{command.files.out_dir, jobs_of(command), command.evidence,
                                  &interrupted()};
    fmt::print(stderr, "{}", keep_evidence(regression, options));
  }
  if (!save(regression, command.files, baseline, error) ||
      (command.rtl_coverage && !sum_rtl_coverage(command.files.out_dir, error))) {
    return bad_input(error);
  }
  return regression.passed() && interrupted() == 0 ? kHeld : kViolated;
}

int merge_command(const MergeCommand& command) {
  Regression whole;
  Regression baseline;
  std::string error;
  for (const std::string& folder : command.folders) {
    Regression part;
    if (!read_results(folder, "", part, error)) {
      return bad_input(error);
    }
    for (CaseResult& c : part.cases) {
      c.evidence = evidence_from(folder, c.evidence, command.files.out_dir);
    }
    if (!merge(whole, std::move(part), error)) {
      return bad_input(fmt::format("{}{}: {}", folder, kResults, error));
    }
  }
  Outputs outputs = outputs_of(command.files);
  if (!read_baseline(command.files, baseline, error) || !outputs.prepare(error)) {
    return bad_input(error);
  }
  if (!save(whole, command.files, baseline, error) ||
      (!command.files.out_dir.empty() &&
       !merge_rtl_coverage(command.folders, command.files.out_dir, error))) {
    return bad_input(error);
  }
  return whole.passed() && whole.cases.size() == whole.total ? kHeld : kViolated;
}

std::string wrong_shard(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto number = [](const std::string& t) {
    const bool digits =
        !t.empty() && t.size() < 10 && t.find_first_not_of("0123456789") == std::string::npos;
    return digits ? std::strtoull(t.c_str(), nullptr, 10) : 0;
  };
  const auto shard = number(text.substr(0, slash));
  const auto shards = slash == std::string::npos ? 0 : number(text.substr(slash + 1));
  return shard >= 1 && shard <= shards
             ? ""
             : fmt::format("'{}' is no shard; allowed is I/N with I from 1 to N", text);
}

}  // namespace vfsim::bench
