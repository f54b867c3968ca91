// The state digest of stopped functions, for the two rules that may ask for it (Q4, S2).
#pragma once

#include <optional>
#include <vector>

#include "testbench/checkers/check_context.hpp"

namespace vfsim::bench {

/// Remembers the digest at the entry to STOP. A LOAD or a reset changes the state by order: drop()
/// ends the watch.
class DigestWatch {
 public:
  explicit DigestWatch(const CheckContext& context) : context_(context), entry_(kFunctionIndices) {}

  void enter(model::FnRef who) {
    if (context_.state_digest) {
      entry_[function_index(who)] = context_.state_digest(who.host, who.fn);
    }
  }
  void drop(model::FnRef who) { entry_[function_index(who)].reset(); }
  [[nodiscard]] bool watched(model::FnRef who) const {
    return entry_[function_index(who)].has_value();
  }
  [[nodiscard]] std::uint64_t entry(model::FnRef who) const { return *entry_[function_index(who)]; }
  [[nodiscard]] std::uint64_t now(model::FnRef who) const {
    return context_.state_digest(who.host, who.fn);
  }

 private:
  const CheckContext& context_;
  std::vector<std::optional<std::uint64_t>> entry_;
};

}  // namespace vfsim::bench
