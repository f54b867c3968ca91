#include "testbench/linux_host/function_bus.hpp"

#include <cstdio>

namespace vfsim::bench {

int slot_of_address(const std::string& address) {
  unsigned slot = 0;
  int length = 0;
  const bool right = std::sscanf(address.c_str(), "0000:00:%2x.0%n", &slot, &length) == 1 &&
                     static_cast<std::size_t>(length) == address.size();
  return right ? static_cast<int>(slot) : -1;
}

}  // namespace vfsim::bench
