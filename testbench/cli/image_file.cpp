#include "testbench/cli/image_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <system_error>

#include "firmware/core/image.h"
#include "firmware/interface/tables.hpp"

namespace vfsim::bench {
namespace {

const char* syndrome_name(std::uint32_t value, std::string& doc) {
  for (const contract::NamedRow& row : contract::kSyndromes) {
    if (row.value == value) {
      doc = row.doc;
      return row.name.data();
    }
  }
  doc = "unknown";
  return "?";
}

}  // namespace

bool read_image(const std::string& path, ImageBytes& bytes) {
  std::error_code ignored;
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path, ignored)) {
    fmt::print(stderr, "vfsim: {}: cannot be read; a state image is needed\n", path);
    return false;
  }
  // One byte more than the largest image: the check finds out that it is too long.
  bytes.resize(std::size_t{FW_IMAGE_MAX} + 1);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  std::uint32_t syndrome = 0;
  std::uint32_t offset = 0;
  if (fw_image_check(bytes.data(), bytes.size(), &syndrome, &offset) != 0) {
    std::string doc;
    const char* name = syndrome_name(syndrome, doc);
    fmt::print(stderr,
               "vfsim: {}: byte {}: {} ({}); a whole state image of this device is needed\n", path,
               offset, name, doc);
    return false;
  }
  return true;
}

bool write_bytes(const std::string& path, const ImageBytes& bytes, std::string& error) {
  errno = 0;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) {
    error = fmt::format("{}: cannot be written: {}", path, std::strerror(errno));
    return false;
  }
  return true;
}

}  // namespace vfsim::bench
