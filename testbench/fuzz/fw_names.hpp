// Answers of the firmware by their names in the tables; "" for a number that no table has.
#pragma once

#include <cstdint>
#include <string>

#include "firmware/interface/tables.hpp"

namespace vfsim::bench {

inline std::string syndrome_name(std::uint32_t value) {
  for (const contract::NamedRow& row : contract::kSyndromes) {
    if (row.value == value) {
      return std::string(row.name);
    }
  }
  return "";
}

/// "BAD_PARAM/IMAGE_BAD_CRC"; "" if either number is undefined, or they do not go together.
inline std::string answer_name(std::uint32_t status, std::uint32_t syndrome) {
  const std::string name(contract::enum_name("STATUS", status));
  const std::string why = syndrome_name(syndrome);
  if (name.empty() || why.empty() || (status == VF_STATUS_OK) != (syndrome == VF_SYND_NONE)) {
    return "";
  }
  return status == VF_STATUS_OK ? name : name + "/" + why;
}

}  // namespace vfsim::bench
