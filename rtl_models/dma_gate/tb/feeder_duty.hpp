// Tests that ask quiet functions for work on purpose break this duty of the gate's feeder.
#pragma once

#include <string_view>

namespace vfsim::rtl {

/// Whether an assertion that failed is m_work_has_ended of dma_gate_chk.
inline bool is_feeder_duty(std::string_view assertion) {
  constexpr std::string_view kName = ".m_work_has_ended";
  return assertion.size() >= kName.size() &&
         assertion.substr(assertion.size() - kName.size()) == kName;
}

}  // namespace vfsim::rtl
