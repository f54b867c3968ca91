// The files that a run will write: made sure of before it starts.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace vfsim::bench {

class Outputs {
 public:
  /// A file or folder and the option that names it; "": not wanted.
  void file(const std::string& option, const std::string& path);
  void folder(const std::string& option, const std::string& path);

  /// Makes the folders and tries whether each file can be written. False: `error` is one line, and
  /// nothing was left behind.
  [[nodiscard]] bool prepare(std::string& error);
  /// The run did not begin: removes the folders that prepare() made.
  void undo();

 private:
  struct Entry {
    std::string option;
    std::filesystem::path path;
    bool folder;
  };
  [[nodiscard]] bool make_folder(const std::string& option, const std::filesystem::path& folder,
                                 std::string& error);
  [[nodiscard]] bool try_file(const Entry& entry, std::string& error) const;

  std::vector<Entry> entries_;
  std::vector<std::filesystem::path> made_;  // outermost first
};

}  // namespace vfsim::bench
