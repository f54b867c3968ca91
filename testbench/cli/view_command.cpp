#include "testbench/cli/view_command.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>
#include <vector>

#include "testbench/cli/run_command.hpp"

namespace vfsim::bench {
namespace {

namespace fs = std::filesystem;

bool set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != 0;
}

/// Views, or else wave files, below a folder; by name.
std::vector<std::string> below(const std::string& folder, const std::string& ending) {
  std::vector<std::string> found;
  std::error_code code;
  for (fs::recursive_directory_iterator at(folder, code), end; at != end; at.increment(code)) {
    if (at->path().extension() == ending) {
      found.push_back(at->path().string());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string in_folder(const std::string& folder, std::string& error) {
  std::vector<std::string> found = below(folder, ".gtkw");
  if (found.empty()) {
    found = below(folder, ".fst");
  }
  if (found.size() == 1) {
    return found.front();
  }
  error = found.empty()
              ? fmt::format("view: {}: holds no waves (*.gtkw, *.fst); vfsim run --wave makes them",
                            folder)
              : fmt::format("view: {}: holds {} views; name one, as in {}", folder, found.size(),
                            found.front());
  return "";
}

}  // namespace

std::string view_of(const std::string& path, std::string& error) {
  std::error_code code;
  if (fs::is_directory(path, code)) {
    return in_folder(path, error);
  }
  if (!fs::is_regular_file(path, code)) {
    error = fmt::format("view: {}: there is no such file", path);
    return "";
  }
  const std::string ending = fs::path(path).extension().string();
  if (ending != ".gtkw" && ending != ".fst" && ending != ".vcd") {
    error = fmt::format(
        "view: {}: is no wave file; allowed are .fst, .vcd, .gtkw and folders with them", path);
    return "";
  }
  const fs::path beside = fs::path(path).replace_extension(".gtkw");
  return fs::is_regular_file(beside, code) ? beside.string() : path;
}

int view_command(const std::string& path) {
  std::string error;
  const std::string what = view_of(path, error);
  if (what.empty()) {
    return bad_input(error);
  }
  if (!set("DISPLAY") && !set("WAYLAND_DISPLAY")) {
    return bad_input(fmt::format(
        "view: there is no display (DISPLAY is not set); where there is one: gtkwave {}", what));
  }
  const std::string settings = VF_SOURCE_DIR "/waves/views/gtkwaverc";
  std::vector<const char*> words = {"gtkwave"};
  std::error_code code;
  if (fs::exists(settings, code)) {
    words.insert(words.end(), {"--rcfile", settings.c_str()});
  }
  words.insert(words.end(), {what.c_str(), nullptr});
  ::execvp(words[0], const_cast<char* const*>(words.data()));
  return bad_input(errno == ENOENT
                       ? std::string("view: gtkwave is not installed; ./vfsim view installs it")
                       : fmt::format("view: gtkwave cannot be started: {}", std::strerror(errno)));
}

}  // namespace vfsim::bench
