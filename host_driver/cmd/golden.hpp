// Reader of firmware/interface/facts/golden_commands.txt for tests.
#pragma once

#include <cctype>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "host_driver/cmd/command_channel.hpp"

namespace vfsim::driver {

/// The byte image that follows the first line containing `heading` (and, if given, the next line
/// containing `part`). Omitted lines are zeros.
inline Bytes golden_bytes(const std::string& heading, const std::string& part = "") {
  std::ifstream file(std::string(VF_SOURCE_DIR) + "/firmware/interface/facts/golden_commands.txt");
  std::string line;
  const auto seek = [&](const std::string& text) {
    while (std::getline(file, line)) {
      if (line.find(text) != std::string::npos) {
        return true;
      }
    }
    return false;
  };
  if (!seek(heading) || (!part.empty() && !seek(part)) || (part.empty() && !seek(" bytes"))) {
    return {};
  }
  Bytes bytes(std::stoul(line.substr(line.rfind('(') + 1)));
  while (std::getline(file, line) && line.size() > 5 && line[5] == ':') {
    std::istringstream row(line.substr(6));
    std::size_t at = std::stoul(line.substr(2, 3), nullptr, 16);
    for (std::string byte; row >> byte && at < bytes.size(); ++at) {
      bytes[at] = static_cast<std::uint8_t>(std::stoul(byte, nullptr, 16));
    }
  }
  return bytes;
}

}  // namespace vfsim::driver
