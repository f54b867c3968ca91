// A MockNic as it was at some moment, to go back to as often as needed: one NIC serves many short
// runs that must not see each other.
#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

extern "C" {
#include "firmware/core/fw_internal.h"
}
#include "firmware/core/mock_hal.hpp"

namespace vfsim::fwtest {

/// Firmware, context memory, registers and host memory of functions 0..vfs, while no command and no
/// report runs. Not kept: the contents of image buffers and messages, which nothing reads before it
/// wrote them; translation entries above kMtt.
class NicSnapshot {
 public:
  static constexpr std::size_t kMtt = 8192;

  NicSnapshot(MockNic& nic, std::uint32_t vfs)
      : nic_(nic),
        functions_(vfs + 1),
        state_(nic.state()),
        mtt_(nic.ram().mtt, nic.ram().mtt + kMtt) {
    const fw& f = *nic.firmware();
    context_.assign(nic.ram().fn, nic.ram().fn + functions_);
    fn_.assign(f.fn, f.fn + functions_);
    vhca_.assign(f.vhca, f.vhca + functions_);
    mtt_used_.assign(std::begin(f.mtt_used), std::end(f.mtt_used));
    port_base_.assign(f.port_base, f.port_base + functions_);
    tail_ = {f.track_reports, f.mtt_hint,  f.cmd_room,
             f.link_up,       f.completed, f.image.responder_waits};
    for (fw_cmd& cmd : nic.firmware()->cmd) {
      std::memset(&cmd, 0, sizeof cmd);
    }
    nic.keep_memory();
  }

  /// Back to the moment of construction.
  void rewind() {
    fw& f = *nic_.firmware();
    nic_.set_state(state_);
    nic_.restore_memory();
    copy(nic_.ram().fn, context_);
    copy(nic_.ram().mtt, mtt_);
    copy(f.fn, fn_);
    copy(f.vhca, vhca_);
    copy(f.mtt_used, mtt_used_);
    copy(f.port_base, port_base_);
    for (fw_cmd& cmd : f.cmd) {
      if (cmd.entry_addr != 0) {
        std::memset(&cmd, 0, sizeof cmd);
      }
    }
    for (fw_track& track : f.track) {
      std::memset(&track, 0, offsetof(fw_track, payload));
    }
    for (fw_image_buffer& buffer : f.image.buffer) {
      buffer.used = buffer.orphan = false;
    }
    f.track_reports = tail_.track_reports;
    f.mtt_hint = tail_.mtt_hint;
    f.cmd_room = tail_.cmd_room;
    f.link_up = tail_.link_up;
    f.completed = tail_.completed;
    f.image.responder_waits = tail_.responder_waits;
  }

 private:
  struct Tail {
    std::uint32_t track_reports, mtt_hint, cmd_room;
    bool link_up;
    std::uint64_t completed;
    bool responder_waits;
  };
  template <class T>
  static void copy(T* to, const std::vector<T>& from) {
    std::memcpy(to, from.data(), from.size() * sizeof(T));
  }

  MockNic& nic_;
  std::size_t functions_;
  MockNic::State state_;
  std::vector<vf_function> context_;
  std::vector<std::uint64_t> mtt_;
  std::vector<fw_function> fn_;
  std::vector<fw_vhca> vhca_;
  std::vector<std::uint32_t> mtt_used_;
  std::vector<vf_port_counters> port_base_;
  Tail tail_{};
};

}  // namespace vfsim::fwtest
