// Statuses of commands: names and errno values, all taken from the tables of the contract.
#pragma once

#include <cstdint>
#include <string>

#include "host_driver/platform/result.hpp"

namespace vfsim::driver {

/// errno of a delivery status; EINVAL for one that the interface does not define, 0 for OK.
[[nodiscard]] int delivery_errno(std::uint8_t delivery);
/// errno of an outbox status; EIO for one that the interface does not define, 0 for OK.
[[nodiscard]] int status_errno(std::uint8_t status);
/// Error of a command that the device answered with a delivery status or an outbox status other
/// than OK.
[[nodiscard]] Error command_error(std::uint16_t opcode, std::uint8_t delivery, std::uint8_t status,
                                  std::uint32_t syndrome);
/// Commands that undo something: on a dead device they count as done.
[[nodiscard]] bool undoes_something(std::uint16_t opcode);

}  // namespace vfsim::driver
