// Records the stimulus of a NIC's blocks during a run, whatever implementation they have.
#pragma once

#include <cstdio>
#include <string>

#include "systemc/common/calendar.hpp"
#include "systemc/nic/block_makers.hpp"

namespace vfsim::bench {

/// Outlives the blocks.
class BlockRecorder {
 public:
  ~BlockRecorder();
  /// False: the file cannot be written.
  [[nodiscard]] bool open(const std::string& path);
  /// Flushes and closes the file; false if something could not be written.
  [[nodiscard]] bool close();

  /// Makers of the same blocks, command doorbells and key walker with a recorder in front of them.
  /// @param host  of the NIC, in the names of its blocks: "A"
  [[nodiscard]] model::BlockMakers in_front_of(model::BlockMakers makers, const std::string& host,
                                               const model::Calendar& calendar);
  void write(const std::string& line);

 private:
  std::FILE* file_ = nullptr;
  bool failed_ = false;
};

}  // namespace vfsim::bench
