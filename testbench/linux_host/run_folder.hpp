// The folder of a run.
#pragma once

#include <string>

#include "testbench/linux_host/descriptor.hpp"

namespace vfsim::bench {

/// A new folder in the temporary one ($TMPDIR), of this user only, that goes with this object. It is
/// locked as long as its owner lives: what a killed run could not remove the next one does.
class RunFolder {
 public:
  RunFolder() = default;
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;
  ~RunFolder();

  /// False: it cannot be made; `wrong` is one line.
  [[nodiscard]] bool make(std::string& wrong);
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  Descriptor lock_;
};

}  // namespace vfsim::bench
