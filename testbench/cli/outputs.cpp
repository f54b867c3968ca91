#include "testbench/cli/outputs.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <system_error>

namespace vfsim::bench {

namespace fs = std::filesystem;

void Outputs::file(const std::string& option, const std::string& path) {
  if (!path.empty()) {
    entries_.push_back({option, path, false});
  }
}

void Outputs::folder(const std::string& option, const std::string& path) {
  if (!path.empty()) {
    entries_.push_back({option, path, true});
  }
}

bool Outputs::prepare(std::string& error) {
  std::map<fs::path, std::string> options;
  for (const Entry& entry : entries_) {
    const auto [at, fresh] =
        options.emplace(fs::absolute(entry.path).lexically_normal(), entry.option);
    if (!fresh) {
      error = fmt::format("{}: named by {} and {}; each needs its own", entry.path.string(),
                          at->second, entry.option);
    }
    if (!fresh ||
        !make_folder(entry.option, entry.folder ? entry.path : entry.path.parent_path(), error) ||
        (!entry.folder && !try_file(entry, error))) {
      undo();
      return false;
    }
  }
  return true;
}

bool Outputs::make_folder(const std::string& option, const fs::path& folder, std::string& error) {
  std::error_code code;
  if (folder.empty() || fs::is_directory(folder, code)) {
    return true;
  }
  if (fs::exists(folder, code)) {
    error = fmt::format("{}: is a file; {} needs a folder there", folder.string(), option);
    return false;
  }
  if (folder.has_filename() && !make_folder(option, folder.parent_path(), error)) {
    return false;
  }
  if (fs::create_directory(folder, code)) {
    made_.push_back(folder);
  }
  if (code) {
    error = fmt::format("{}: the folder cannot be made: {}", folder.string(), code.message());
  }
  return !code;
}

bool Outputs::try_file(const Entry& entry, std::string& error) const {
  std::error_code ignored;
  const fs::file_status there = fs::status(entry.path, ignored);
  if (fs::is_directory(there)) {
    error = fmt::format("{}: is a folder; {} needs a file", entry.path.string(), entry.option);
    return false;
  }
  if (fs::exists(there) && !fs::is_regular_file(there)) {
    return true;  // a device or pipe
  }
  // A neighbour tells whether the folder takes files, and leaves what is there alone.
  const std::string neighbour = entry.path.string() + ".part";
  errno = 0;
  if (!std::ofstream(neighbour, std::ios::app)) {
    error = fmt::format("{}: cannot be written: {}", entry.path.string(), std::strerror(errno));
    return false;
  }
  fs::remove(neighbour, ignored);
  return true;
}

void Outputs::undo() {
  std::error_code ignored;
  for (auto at = made_.rbegin(); at != made_.rend(); ++at) {
    fs::remove(*at, ignored);  // which removes no folder with something in it
  }
  made_.clear();
}

}  // namespace vfsim::bench
