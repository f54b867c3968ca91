// Which halves of a function are stopped in a state of the migration protocol.
#pragma once

#include "host_driver/migration/vfio_device.hpp"

namespace vfsim::bench {

/// What the command side must have acknowledged in a state.
struct Halves {
  bool initiator;
  bool responder;
  [[nodiscard]] bool operator==(const Halves& other) const {
    return initiator == other.initiator && responder == other.responder;
  }
};

inline Halves halves_of(driver::MigState state) {
  switch (state) {
    case driver::MigState::running:
    case driver::MigState::pre_copy:
      return {false, false};
    case driver::MigState::running_p2p:
    case driver::MigState::pre_copy_p2p:
      return {true, false};
    default:
      return {true, true};
  }
}

}  // namespace vfsim::bench
