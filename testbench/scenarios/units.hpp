// Units of parameter values: "10 us" for a parameter that is kept in nanoseconds.
#pragma once

#include <string>
#include <string_view>

namespace vfsim::bench {

/// A number as written by a user.
struct Quantity {
  double value = 0;
  bool integral = false;         // written without fraction or exponent, and fits 64 bits
  unsigned long long whole = 0;  // if integral
  std::string unit;              // "" if none was written
};

/// "10 us", "10us", "0.5", "64 MiB". False: not a number with an optional unit behind it.
[[nodiscard]] bool parse_quantity(std::string_view text, Quantity& quantity);

/// Converts to `unit`, the unit of the parameter ("" takes no unit). False: `error` says which
/// units there are.
[[nodiscard]] bool convert(Quantity& quantity, std::string_view unit, std::string& error);

}  // namespace vfsim::bench
