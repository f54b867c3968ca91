// Types on the console what the simulator leaves in a folder.
#pragma once

#include <string>

namespace vfsim::guest {

/// A kernel without the calendar's shared page (before 6.12) does not wake for its console: the edge
/// that tells of input is used up while it waits for the calendar, which looks for other
/// descriptors only. So for such a guest the simulator writes what is typed into files FOLDER/0,
/// FOLDER/1, ... (testbench/linux_host/shell_console.hpp), and a process of the guest looks for the
/// next one from time to time.
class Typist {
 public:
  explicit Typist(std::string folder) : folder_(std::move(folder)) {}
  /// What the next file says; "" if there is none yet.
  [[nodiscard]] std::string next();

 private:
  const std::string folder_;
  unsigned count_ = 0;
};

/// Never returns. @param console  terminal on which to type
[[noreturn]] void type_from(const std::string& folder, int console);

}  // namespace vfsim::guest
