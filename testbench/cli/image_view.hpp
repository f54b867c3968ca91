// `vfsim image`: looks into saved state images of VFs.
#pragma once

#include <string>

namespace vfsim::bench {

/// Prints header and records of an image file; `fields` adds every field.
/// @return ExitStatus; kBadInput and an error line for a file that is no good image
int image_inspect(const std::string& path, bool fields);

/// Prints what differs between two images.
/// @return 0 equal, 1 different, kBadInput
int image_diff(const std::string& before, const std::string& after);

}  // namespace vfsim::bench
