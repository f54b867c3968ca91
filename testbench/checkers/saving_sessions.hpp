// What the saving sessions of every function have produced, and what user space has read of them.
#pragma once

#include <vector>

#include "host_driver/migration/vfio_device.hpp"
#include "testbench/checkers/function_view.hpp"

namespace vfsim::bench {

/// From the arc into PRE_COPY, PRE_COPY_P2P or STOP_COPY to the arc out of them, or to a reset.
struct SavingSession {
  bool open = false;
  driver::MigState state = driver::MigState::running;  // by the arcs
  std::uint32_t descriptor = 0;                        // 0: not opened yet
  std::uint64_t saved = 0;       // stream bytes of the images saved so far and of the first record
  std::uint64_t read = 0;        // stream bytes
  std::uint32_t images = 0;      // that belong into the stream
  std::uint64_t last_bytes = 0;  // stream bytes of the last of them
  model::Ps last_at = 0;
  bool saving = false;  // a SAVE is on its way
  bool more = false;    // chunk mode: the last SAVE announced another one
  bool failed = false;  // a SAVE failed

  [[nodiscard]] std::uint64_t unread() const { return saved > read ? saved - read : 0; }
  /// Without the last image when it is younger than `grace`: its interrupt may be on its way.
  [[nodiscard]] std::uint64_t unread(model::Ps t, model::Ps grace) const {
    const std::uint64_t told = t - last_at < grace ? saved - last_bytes : saved;
    return told > read ? told - read : 0;
  }
  [[nodiscard]] bool precopy() const {
    return state == driver::MigState::pre_copy || state == driver::MigState::pre_copy_p2p;
  }
};

/// Owned by a rule, which hands its observations on.
class SavingSessions {
 public:
  SavingSessions(const CheckContext& context, const FunctionView& view)
      : context_(context), view_(view), sessions_(kFunctionIndices) {}

  [[nodiscard]] const SavingSession& of(model::FnRef who) const {
    return sessions_[function_index(who)];
  }
  /// From the completion of a command in memory until a driver has certainly taken notice:
  /// interrupt and handler, 20 round trips of the link.
  [[nodiscard]] model::Ps grace() const;
  /// The function that a SAVE or an incremental QUERY names; false: another command, or not known.
  bool function_of(const model::CommandView& view, model::FnRef& who) const;

  void vfio_state(model::FnRef who, std::uint32_t from, std::uint32_t to, int error);
  void device_reset(model::FnRef who);
  /// Opened and read.
  void stream(const model::StreamView& view);
  void command_submitted(const model::CommandView& view);
  void command_completed(const model::CommandView& view);
  /// @return whether the image belongs into the stream: the one that ends tracking does not
  bool image_saved(model::Ps t, model::FnRef who, const ImageView& image);

 private:
  const CheckContext& context_;
  const FunctionView& view_;
  std::vector<SavingSession> sessions_;
};

}  // namespace vfsim::bench
