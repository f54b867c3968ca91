#include "testbench/linux_host/run_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vfsim::bench {
namespace {

namespace fs = std::filesystem;

const std::string kPrefix = "vfsim-linux.";

Descriptor open_folder(const std::string& path) {
  return Descriptor(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/// Whether it is still there, and not another one.
bool names(const std::string& path, const Descriptor& folder) {
  struct stat there {}, ours {};
  return stat(path.c_str(), &there) == 0 && fstat(folder.get(), &ours) == 0 && there.st_ino == ours.st_ino;
}

/// Removes the folders whose owners are gone.
void sweep(const fs::path& temporary) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(temporary, ignored)) {
    if (entry.path().filename().string().rfind(kPrefix, 0) != 0) {
      continue;
    }
    const Descriptor folder = open_folder(entry.path());
    if (folder.open() && flock(folder.get(), LOCK_EX | LOCK_NB) == 0) {
      fs::remove_all(entry.path(), ignored);
    }
  }
}

}  // namespace

bool RunFolder::make(std::string& wrong) {
  std::error_code failed;
  const fs::path temporary = fs::temp_directory_path(failed);
  if (failed) {
    const char* place = std::getenv("TMPDIR");
    wrong = fmt::format("{}: no folder for temporary files (TMPDIR)", place != nullptr ? place : "/tmp");
    return false;
  }
  sweep(temporary);
  // Another run may take a new folder for one that was left, before it is locked.
  while (path_.empty()) {
    std::string name = (temporary / (kPrefix + "XXXXXX")).string();
    if (mkdtemp(name.data()) == nullptr) {
      wrong = fmt::format("{}: no folder can be made there: {}", temporary.string(), std::strerror(errno));
      return false;
    }
    lock_ = open_folder(name);
    path_ = flock(lock_.get(), LOCK_EX) == 0 && names(name, lock_) ? name : "";
  }
  return true;
}

RunFolder::~RunFolder() {
  std::error_code ignored;
  if (!path_.empty()) {
    fs::remove_all(path_, ignored);
  }
}

}  // namespace vfsim::bench
