// The golden commands: published bytes of command inputs, outputs, entries, mailbox blocks and
// events.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "firmware/core/mock_hal.hpp"

namespace vfsim::fwtest {

struct Golden {
  std::string title, kind;
  Bytes bytes;
};

inline std::vector<Golden> read_golden(const std::string& path) {
  std::ifstream file(path);
  std::vector<Golden> all;
  std::string title;
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) {
      continue;
    }
    if (line[0] == '#') {
      title = line.rfind("# inlen", 0) == 0 ? title : line.substr(line.find_first_not_of("# "));
    } else if (line[0] == ' ') {
      std::istringstream words(line);
      std::string word;
      words >> word;
      std::size_t at = std::stoul(word, nullptr, 16);
      while (words >> word) {
        all.back().bytes.at(at++) = static_cast<std::uint8_t>(std::stoul(word, nullptr, 16));
      }
    } else {
      const auto open = line.rfind('(');
      all.push_back({title, line.substr(0, open - 1), Bytes(std::stoul(line.substr(open + 1)))});
    }
  }
  return all;
}

}  // namespace vfsim::fwtest
