#include "testbench/cli/rtl_coverage.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <sys/wait.h>
#include <tuple>
#include <unistd.h>
#include <utility>

namespace vfsim::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPart = "rtl_coverage_";
constexpr std::size_t kBatch = 256;  // files on one command line

bool run_tool(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  int status = -1;
  return pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

std::vector<std::string> parts_in(const std::string& folder) {
  std::vector<std::string> parts;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(kPart, 0) == 0) {
      parts.push_back(entry.path().string());
    }
  }
  std::sort(parts.begin(), parts.end());
  return parts;
}

/// Into folder/rtl_coverage.dat, in batches; without files there is none.
bool sum_files(const std::vector<std::string>& files, const std::string& folder,
               std::string& error) {
  const std::string sum = folder + kRtlCoverage;
  for (std::size_t first = 0; first < files.size(); first += kBatch) {
    std::vector<std::string> words{"verilator_coverage", "--write", sum + ".new"};
    if (first != 0) {
      words.push_back(sum);
    }
    words.insert(
        words.end(), files.begin() + static_cast<std::ptrdiff_t>(first),
        files.begin() + static_cast<std::ptrdiff_t>(std::min(first + kBatch, files.size())));
    if (!run_tool(std::move(words))) {
      error = folder + ": verilator_coverage cannot merge the files of the runs";
      return false;
    }
    fs::rename(sum + ".new", sum);
  }
  return true;
}

/// Value of a key in a point: 0x01 key 0x02 value.
std::string value_of(const std::string& point, const std::string& key) {
  const std::size_t at = point.find("\1" + key + "\2");
  if (at == std::string::npos) {
    return "";
  }
  const std::size_t from = at + key.size() + 2;
  return point.substr(from, std::min(point.find('\1', from), point.find('\'', from)) - from);
}

}  // namespace

std::string rtl_coverage_part(const std::string& folder, std::size_t run) {
  return fmt::format("{}/{}{}.dat", folder, kPart, run);
}

bool sum_rtl_coverage(const std::string& folder, std::string& error) {
  const std::vector<std::string> parts = parts_in(folder);
  if (!sum_files(parts, folder, error)) {
    return false;
  }
  for (const std::string& part : parts) {
    fs::remove(part);
  }
  return true;
}

bool merge_rtl_coverage(const std::vector<std::string>& folders, const std::string& out,
                        std::string& error) {
  std::vector<std::string> sums;
  for (const std::string& folder : folders) {
    if (fs::exists(folder + kRtlCoverage)) {
      sums.push_back(folder + kRtlCoverage);
    }
  }
  return sum_files(sums, out, error);
}

std::string rtl_coverage_table(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::map<std::pair<std::string, std::string>, std::uint64_t> counts;  // (block, property)
  for (std::string line; std::getline(in, line);) {
    const std::size_t count = line.rfind(' ');
    const std::string path = value_of(line, "h");
    if (line.rfind("C '", 0) == 0 && count != std::string::npos && !path.empty()) {
      std::string module = value_of(line, "page");
      module.erase(0, module.rfind('/') + 1);
      module = module.substr(0, module.find("__"));  // behind it, the parameters
      counts[{module, path.substr(path.rfind('.') + 1)}] +=
          std::strtoull(line.c_str() + count, nullptr, 10);
    }
  }
  std::vector<std::tuple<bool, std::string, std::string, std::uint64_t>> rows;
  for (const auto& [key, count] : counts) {
    rows.emplace_back(count != 0, key.first, key.second, count);
  }
  std::sort(rows.begin(), rows.end());
  std::string out =
      rows.empty() ? ""
                   : fmt::format("\n{:<24} {:<28} {:>14}\n", "RTL block", "cover property", "met");
  for (const auto& [met, module, name, count] : rows) {
    out +=
        fmt::format("{:<24} {:<28} {:>14}\n", module, name, met ? std::to_string(count) : "never");
  }
  return out;
}

}  // namespace vfsim::bench
