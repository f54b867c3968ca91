// Options that say what a wave file holds.
#pragma once

#include <string>

#include "testbench/runner/picture_options.hpp"

namespace vfsim::bench {

/// As written on the command line; "" was not given.
struct WaveOptions {
  std::string groups;          // "migration,dma" or "all" (vfsim list signals)
  std::string from, to, last;  // times with unit; a number alone is in nanoseconds
};

/// "migration,dma" or "all". False: `error` is one line.
[[nodiscard]] bool parse_wave_groups(const std::string& text, waves::GroupMask& mask, std::string& error);

/// Fills in what `run` says about waves. False: `error` is one line.
[[nodiscard]] bool apply(const WaveOptions& options, PictureOptions& run, std::string& error);

}  // namespace vfsim::bench
