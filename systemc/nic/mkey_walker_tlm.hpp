// The SystemC model's walker.
#pragma once

#include "firmware/interface/hw_context.h"
#include "systemc/nic/mkey_walker.hpp"

namespace vfsim::model {

struct NicCore;

/// Looks into context memory, answers at once and keeps nothing.
class MkeyWalkerTlm final : public MkeyWalker {
 public:
  explicit MkeyWalkerTlm(const vf_context_ram& ram) : ram_(ram) {}
  explicit MkeyWalkerTlm(const NicCore& core);

  void set_client(WalkClient&) override {}
  bool walk(const WalkRequest& request, std::uint32_t, WalkAnswer& answer) override {
    fill(request, answer);
    return true;
  }
  void keys_changed(std::uint32_t, std::uint32_t, std::uint32_t) override {}
  void entries_changed(std::uint32_t, std::uint32_t) override {}

  [[nodiscard]] WalkAnswer answer_to(const WalkRequest& request) const {
    WalkAnswer answer;
    fill(request, answer);
    return answer;
  }

 private:
  /// In place: a copy of what was just written in small pieces costs more than the look-up.
  void fill(const WalkRequest& request, WalkAnswer& answer) const;

  const vf_context_ram& ram_;
};

/// Without any check, for the fault mkey_unchecked: whatever cannot be translated is taken as a bus
/// address.
[[nodiscard]] WalkAnswer unchecked_walk(const vf_context_ram& ram, const WalkRequest& request);

}  // namespace vfsim::model
