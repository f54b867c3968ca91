// What is looked at in the instant in which a guest is on neither host.
#pragma once

#include "testbench/runner/simulation.hpp"

namespace vfsim::bench {

/// Called on the destination when memory and device state are complete and nothing runs yet: compares guest memory
/// (D2), and saves the VF's image on both sides once more to compare them (S3; parameter vmm.read_back).
void check_switchover(Simulation& simulation, std::uint32_t guest, std::uint8_t from, std::uint8_t to);

}  // namespace vfsim::bench
