// Physical address windows of devices.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "systemc/pcie/tlp.hpp"

namespace vfsim::model {

struct Window {
  std::uint64_t phys = 0;
  std::uint64_t bytes = 0;
  Rid rid = 0;
  std::uint64_t bar_offset = 0;  // where the window starts in BAR0 of function `rid`
};

/// Windows by address; a handful to a few hundred.
class WindowTable {
 public:
  /// A window that begins where another one does replaces it; other overlaps are refused (false).
  bool add(const Window& window) {
    if (window.bytes == 0 || window.phys + (window.bytes - 1) < window.phys) {
      return false;
    }
    remove(window.phys);
    const auto next = after(window.phys);
    if (next != windows_.end() && next->phys - window.phys < window.bytes) {
      return false;
    }
    if (next != windows_.begin() && window.phys - std::prev(next)->phys < std::prev(next)->bytes) {
      return false;
    }
    windows_.insert(next, window);
    return true;
  }
  void remove(std::uint64_t phys) {
    const auto next = after(phys);
    if (next != windows_.begin() && std::prev(next)->phys == phys) {
      windows_.erase(std::prev(next));
    }
  }
  /// The window that holds the whole access, or nullptr.
  [[nodiscard]] const Window* find(std::uint64_t phys, std::uint64_t bytes) {
    const auto next = after(phys);
    if (next == windows_.begin()) {
      return nullptr;
    }
    const Window& window = *std::prev(next);
    const std::uint64_t delta = phys - window.phys;
    return delta < window.bytes && bytes <= window.bytes - delta ? &window : nullptr;
  }

 private:
  std::vector<Window>::iterator after(std::uint64_t phys) {
    return std::upper_bound(
        windows_.begin(), windows_.end(), phys,
        [](std::uint64_t at, const Window& window) { return at < window.phys; });
  }
  std::vector<Window> windows_;
};

}  // namespace vfsim::model
