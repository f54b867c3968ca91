// vfsim view: waves in GTKWave.
#pragma once

#include <string>

namespace vfsim::bench {

/// What GTKWave shall open for a path: a view (.gtkw), the view beside a wave file, the wave file
/// itself if it has none, or that of the run in a folder. "": `error` is one line.
[[nodiscard]] std::string view_of(const std::string& path, std::string& error);

/// Becomes GTKWave. Returns only if that is not possible, after a line about why.
/// @return kBadInput
[[nodiscard]] int view_command(const std::string& path);

}  // namespace vfsim::bench
