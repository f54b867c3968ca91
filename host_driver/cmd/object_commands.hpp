// Commands that create an object, or name one and nothing else: for the typed commands beside it.
#pragma once

#include "host_driver/cmd/commands.hpp"

namespace vfsim::driver {

/// For commands whose output is the generic one.
inline Result<void> run(CommandChannel& channel, const Bytes& in) {
  BOOST_OUTCOME_TRYV(run_command(channel, in));
  return ok();
}

// Numbers of objects lie at the same place in all these commands: 24 bits at bit 72.
/// @return the number of the new object
inline Result<std::uint32_t> create(CommandChannel& channel, const Bytes& in) {
  BOOST_OUTCOME_TRY(out, run_command(channel, in));
  return static_cast<std::uint32_t>(VF_GET(create_sq_out, out.data(), sqn));
}

inline Result<void> run_on_object(CommandChannel& channel, vf_opcode opcode, std::uint32_t number) {
  Bytes in = make_command(opcode);
  VF_SET(destroy_sq_in, in.data(), sqn, number);
  return run(channel, in);
}

}  // namespace vfsim::driver
