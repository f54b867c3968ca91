// A PF with one migratable VF on a scripted device, for the tests of this folder and its
// neighbours.
#pragma once

#include <gtest/gtest.h>

#include "host_driver/migration/fake_bench.hpp"

namespace vfsim::driver {

class MigBench : public FakeBench {
 public:
  using FakeBench::FakeBench;
  void start() { ASSERT_TRUE(start_up()); }
};

}  // namespace vfsim::driver
