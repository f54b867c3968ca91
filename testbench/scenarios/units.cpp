#include "testbench/scenarios/units.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdlib>

namespace vfsim::bench {
namespace {

struct UnitRow {
  const char* name;
  char dimension;  // time, bytes, rate
  double factor;
};
constexpr std::array<UnitRow, 14> kUnits = {{{"ps", 't', 1e-3},
                                             {"ns", 't', 1},
                                             {"us", 't', 1e3},
                                             {"ms", 't', 1e6},
                                             {"s", 't', 1e9},
                                             {"B", 'b', 1},
                                             {"16 B", 'b', 16},
                                             {"KiB", 'b', 1024.0},
                                             {"MiB", 'b', 1048576.0},
                                             {"GiB", 'b', 1073741824.0},
                                             {"TiB", 'b', 1099511627776.0},
                                             {"Mb/s", 'r', 1},
                                             {"Gb/s", 'r', 1e3},
                                             {"Tb/s", 'r', 1e6}}};

const UnitRow* find_unit(std::string_view name) {
  const auto at = std::find_if(kUnits.begin(), kUnits.end(),
                               [&](const UnitRow& row) { return name == row.name; });
  return at == kUnits.end() ? nullptr : &*at;
}

std::string units_like(const UnitRow& unit) {
  std::string names;
  for (const UnitRow& row : kUnits) {
    if (row.dimension == unit.dimension && std::string_view(row.name) != "16 B") {
      names += (names.empty() ? "" : ", ") + std::string(row.name);
    }
  }
  return names;
}

}  // namespace

bool parse_quantity(std::string_view text, Quantity& quantity) {
  const std::string number(text);
  const char* begin = number.c_str();
  char* end = nullptr;
  quantity.value = std::strtod(begin, &end);
  if (end == begin || !std::isfinite(quantity.value) ||
      number.find_first_of("xXpP") < static_cast<std::size_t>(end - begin)) {
    return false;
  }
  char* whole_end = nullptr;
  errno = 0;
  quantity.whole = std::strtoull(begin, &whole_end, 10);
  quantity.integral = whole_end == end && errno == 0 && number.find('-') == std::string::npos;
  const std::size_t unit = number.find_first_not_of(' ', static_cast<std::size_t>(end - begin));
  quantity.unit = unit == std::string::npos ? "" : number.substr(unit);
  if (quantity.unit.rfind("x ", 0) == 0) {  // "4096 x 16 B", as the tables print it
    quantity.unit.erase(0, 2);
  }
  return true;
}

bool convert(Quantity& quantity, std::string_view unit, std::string& error) {
  if (quantity.unit.empty() || quantity.unit == unit) {
    return true;
  }
  const UnitRow* to = find_unit(unit);
  const UnitRow* from = find_unit(quantity.unit);
  if (to == nullptr) {
    error = "takes a plain number, no unit '" + quantity.unit + "'";
    return false;
  }
  if (from == nullptr || from->dimension != to->dimension) {
    error = "unit '" + quantity.unit + "' does not fit; allowed are " + units_like(*to);
    return false;
  }
  const double value = quantity.value * from->factor / to->factor;
  quantity.value = value;
  quantity.integral = value >= 0 && value < 1.8e19 && std::floor(value) == value;
  quantity.whole = quantity.integral ? static_cast<unsigned long long>(value) : 0;
  quantity.unit = unit;
  return true;
}

}  // namespace vfsim::bench
