// The functions that a guest sees.
#pragma once

#include <string>
#include <vector>

#include "systemc/common/probe.hpp"

namespace vfsim::bench {

class FunctionBus {
 public:
  virtual ~FunctionBus() = default;
  /// What is at an address of the guest's bus ("0000:00:01.0") now; for a VM, which takes its
  /// function along, that of the other host behind it. Empty: nothing is there.
  [[nodiscard]] virtual std::vector<model::FnRef> functions_at(const std::string& address) const = 0;
};

/// Number of the slot of such an address, when it has one function in each slot; -1: it is none.
[[nodiscard]] int slot_of_address(const std::string& address);

}  // namespace vfsim::bench
