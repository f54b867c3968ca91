// Doors of text and files with another reader in the place of the product's: how tests see that the
// judge judges.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "testbench/fuzz/door.hpp"

namespace vfsim::bench {

/// False: `error` is one line.
using ScenarioReader = std::function<bool(
    const std::string& text, const std::vector<std::string>& overrides, std::string& error)>;
[[nodiscard]] std::unique_ptr<Door> make_scenario_door(const ScenarioReader& reader);

/// Reads the capture at `path`. False: `error` is one line.
using CaptureReader = std::function<bool(const std::string& path, std::string& error)>;
[[nodiscard]] std::unique_ptr<Door> make_capture_door(const CaptureReader& reader);

}  // namespace vfsim::bench
