#include "host_driver/migration/fsm.hpp"

namespace vfsim::driver {

const char* to_string(MigState state) {
  switch (state) {
    case MigState::error:
      return "ERROR";
    case MigState::stop:
      return "STOP";
    case MigState::running:
      return "RUNNING";
    case MigState::stop_copy:
      return "STOP_COPY";
    case MigState::resuming:
      return "RESUMING";
    case MigState::running_p2p:
      return "RUNNING_P2P";
    case MigState::pre_copy:
      return "PRE_COPY";
    case MigState::pre_copy_p2p:
      return "PRE_COPY_P2P";
  }
  return "?";
}

}  // namespace vfsim::driver
