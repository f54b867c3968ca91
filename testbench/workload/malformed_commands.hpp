// Commands that no driver should send: every one must be refused, and nothing may come of it.
#pragma once

#include "host_driver/cmd/command_channel.hpp"

namespace vfsim::bench {

/// For every opcode of the interface (and one that it lacks): an input that is too short, an output
/// that is, and an op_mod that nobody knows where the table fixes it. Runs in a driver thread.
/// EPROTO: one was accepted.
[[nodiscard]] driver::Result<void> send_malformed_commands(driver::CommandChannel& channel);

}  // namespace vfsim::bench
