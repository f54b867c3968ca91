#include "testbench/cli/coverage_command.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

#include "testbench/cli/rtl_coverage.hpp"
#include "testbench/cli/run_command.hpp"
#include "testbench/coverage/coverage_sum.hpp"
#include "testbench/regress/regression.hpp"

namespace vfsim::bench {
namespace {

namespace fs = std::filesystem;

/// The file of results behind a path: itself, or that of a regression or a run in a folder.
std::string results_file(const std::string& path, std::string& error) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    return path;
  }
  for (const char* name : {"/results.jsonl", "/result.json"}) {
    if (fs::exists(path + name, ignored)) {
      return path + name;
    }
  }
  error = path + ": holds neither results.jsonl nor result.json; allowed is a folder that vfsim regress or "
                 "vfsim run wrote with --out";
  return "";
}

bool add_text(const std::string& text, CoverageSum& sum, std::string& error) {
  Result result;
  std::string no_run;
  if (from_json(text, result, no_run)) {
    sum.add(result);
    return true;
  }
  Regression regression;
  if (!from_lines(text, regression, error)) {
    error = fmt::format("is no regression ({}) and no run ({})", error, no_run);
    return false;
  }
  for (const CaseResult& one : regression.cases) {
    if (one.outcome == CaseOutcome::finished) {
      sum.add(one.result);
    }
  }
  return true;
}

bool add_path(const std::string& path, CoverageSum& sum, std::string& error) {
  const std::string file = results_file(path, error);
  if (file.empty()) {
    return false;
  }
  std::ifstream in(file, std::ios::binary);
  std::error_code ignored;
  if (!in || fs::is_directory(file, ignored)) {
    error = file + ": cannot be read";
    return false;
  }
  std::ostringstream text;
  text << in.rdbuf();
  if (!add_text(text.str(), sum, error)) {
    error = file + ": " + error;
    return false;
  }
  return true;
}

}  // namespace

int coverage_command(const CoverageCommand& command) {
  CoverageSum sum;
  std::string error;
  for (const std::string& path : command.paths) {
    if (!add_path(path, sum, error)) {
      return bad_input(error);
    }
  }
  if (!command.json.empty() && !write_file(command.json, sum.json(), error)) {
    return bad_input(error);
  }
  fmt::print("{}", sum.table());
  for (const std::string& path : command.paths) {
    fmt::print("{}", rtl_coverage_table(path + kRtlCoverage));
  }
  return sum.surprises().empty() ? kHeld : kViolated;
}

}  // namespace vfsim::bench
