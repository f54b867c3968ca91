// What the drivers of the guests tell of their frames, for the oracle.
#pragma once

#include <string>
#include <vector>

#include "testbench/linux_host/function_bus.hpp"
#include "testbench/linux_host/user_call.hpp"
#include "testbench/oracle/oracle.hpp"

namespace vfsim::bench {

/// Takes the words of user_call.def that are about frames, interfaces and resets. Guests are told
/// apart by the number in the addresses of their frames, over all kernels.
class GuestTraffic {
 public:
  explicit GuestTraffic(Oracle& oracle) : oracle_(oracle), guests_(oracle.guests()) {}

  /// @param bus  of the guest that tells; outlives this
  /// @return "" or what is wrong with the call; words about other things are passed over
  [[nodiscard]] std::string told(const FunctionBus& bus, const UserCall& call);

 private:
  struct Guest {
    const FunctionBus* bus = nullptr;  // null: no driver of it is up
    std::string device;
    std::uint64_t completed_before = 0;  // by drivers of it that are down
  };
  [[nodiscard]] std::string of_guest(const FunctionBus& bus, const UserCall& call);
  void frames(std::uint32_t number, Guest& guest, const UserCall& call);
  void interface(const FunctionBus& bus, const UserCall& call);
  void reset(model::FnRef who, bool comes);

  Oracle& oracle_;
  std::vector<Guest> guests_;
};

}  // namespace vfsim::bench
