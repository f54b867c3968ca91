// Runs the program in tests and reads its result.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <sys/wait.h>

#include <gtest/gtest.h>

namespace vfsim::bench {

struct CliRun {
  int status = -1;        // exit status
  std::string output;     // standard output and error
  nlohmann::json result;  // null if none was written

  /// Row of a rule; null if it is not in the result.
  [[nodiscard]] nlohmann::json rule(const std::string& id) const {
    for (const auto& rule : result["rules"]) {
      if (rule["id"] == id) {
        return rule;
      }
    }
    return {};
  }
  [[nodiscard]] std::string digest() const { return result["events_digest"]; }
};

inline std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// A folder of the running test's own, empty.
inline std::string test_folder() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  std::string name = std::string(test->test_suite_name()) + "." + test->name();
  std::replace(name.begin(), name.end(), '/', '_');
  const auto folder = std::filesystem::temp_directory_path() / ("vfsim_" + name);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder.string();
}

/// vfsim run SCENARIO ARGUMENTS --json ...
inline CliRun run_cli(const std::string& scenario, const std::string& arguments = "") {
  const std::string folder = test_folder();
  const std::string command = std::string(VF_CLI) + " run " + scenario + " " + arguments +
                              " --json " + folder + "/r.json > " + folder + "/out.txt 2>&1";
  CliRun run;
  const int status = std::system(command.c_str());
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  run.output = read_file(folder + "/out.txt");
  if (std::filesystem::exists(folder + "/r.json")) {
    run.result = nlohmann::json::parse(read_file(folder + "/r.json"));
  }
  std::filesystem::remove_all(folder);
  return run;
}

}  // namespace vfsim::bench
