#include "testbench/report/result.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace vfsim::bench {

bool write_file(const std::string& path, const std::string& text, std::string& error) {
  namespace fs = std::filesystem;
  std::error_code code;
  // A link to a file stays one, a device or pipe stays what it is.
  const fs::path target =
      fs::is_symlink(path, code) ? fs::weakly_canonical(path, code) : fs::path(path);
  const bool in_place = fs::exists(target, code) && !fs::is_regular_file(target, code);
  if (target.has_parent_path()) {
    fs::create_directories(target.parent_path(), code);
  }
  const fs::path part = in_place ? target : fs::path(target.string() + ".part");
  errno = 0;
  std::ofstream file(part, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  code = file ? std::error_code() : std::error_code(errno, std::generic_category());
  if (!code && !in_place) {
    fs::rename(part, target, code);
  }
  if (!code) {
    return true;
  }
  error = path + ": cannot be written: " + code.message();
  if (!in_place) {
    std::remove(part.c_str());
  }
  return false;
}

}  // namespace vfsim::bench
