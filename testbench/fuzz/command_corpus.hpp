// Command inputs to begin with, and how they are changed field by field.
#pragma once

#include <cstdint>
#include <vector>

#include "testbench/fuzz/mutate.hpp"

namespace vfsim::bench {

/// Golden commands, every input of a stock driver's life, the migration commands, and the shortest
/// input of each opcode.
[[nodiscard]] std::vector<CaseBytes> command_corpus();

/// Another value in a field of the command's layout, or of a context inside; anything else if it
/// has no layout.
void change_command(CaseRandom& random, CaseBytes& in);

/// The opcode's shortest output.
[[nodiscard]] std::uint32_t output_bytes(const CaseBytes& in);

}  // namespace vfsim::bench
