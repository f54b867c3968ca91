// State images as files.
#pragma once

#include <string>

#include "testbench/fuzz/image_corrupt.hpp"

namespace vfsim::bench {

/// Reads an image and checks all that can be checked without a device. False: an error line was
/// printed.
bool read_image(const std::string& path, ImageBytes& bytes);

/// Writes bytes to a file; false: `error` is one line.
bool write_bytes(const std::string& path, const ImageBytes& bytes, std::string& error);

}  // namespace vfsim::bench
