// Where a test leaves its wave.
#pragma once

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace vfsim::bench {

/// Of each test's own, because they run side by side.
inline std::string wave_of_test(const std::string& block) {
  const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
  std::string name = block + '.' + test.test_suite_name() + '.' + test.name() + ".vcd";
  std::replace(name.begin(), name.end(), '/', '.');
  return name;
}

}  // namespace vfsim::bench
