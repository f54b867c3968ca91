// Test helper: reads the fact files that the contract is checked against.
#pragma once

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace vfsim::contract {

using CsvRow = std::vector<std::string>;

inline std::ifstream open_fact(const std::string& name) {
  std::ifstream in(std::string(VF_SOURCE_DIR "/firmware/interface/facts/") + name);
  if (!in) {
    throw std::runtime_error("no fact file " + name);
  }
  return in;
}

/// All rows behind the header. The fact files quote nothing.
inline std::vector<CsvRow> read_csv(const std::string& name) {
  std::ifstream in = open_fact(name);
  std::vector<CsvRow> rows;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    CsvRow row;
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) {
      row.push_back(cell);
    }
    rows.push_back(row);
  }
  return rows;
}

}  // namespace vfsim::contract
