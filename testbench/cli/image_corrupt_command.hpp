// `vfsim image corrupt`: makes bad images from a good one.
#pragma once

#include <cstdint>
#include <string>

namespace vfsim::bench {

struct ImageCorruptCommand {
  std::string in, out;
  std::string kind;   // corruptions.def
  std::string field;  // NAME or NAME=VALUE; kind `field` only
  std::uint64_t seed = 1;
};

/// Writes the spoiled image and says in one line what LOAD should answer.
/// @return ExitStatus
int image_corrupt(const ImageCorruptCommand& command);

}  // namespace vfsim::bench
