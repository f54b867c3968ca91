// Which answers a command may get, from what is handed over alone.
#pragma once

#include <bitset>
#include <string>

#include "testbench/checkers/function_view.hpp"

namespace vfsim::bench {

/// What a command that was just submitted deserves. Delivery statuses are at most 0x10, outbox
/// statuses are bytes.
struct CommandAnswers {
  /// What is wrong with it, first finding; "": well-formed.
  std::string defect;
  /// Not delivered: with one of these. Empty: it must be delivered.
  std::bitset<32> deliveries;
  /// Delivered: with one of these statuses, VF_STATUS_OK among them if the command may succeed.
  std::bitset<256> statuses;
  /// Its memory could not be read, or other commands decide about it: nothing can be said.
  bool unknown = false;
};

/// The entry as it lies in memory. Read in the call: queue entry and mailboxes as the device would
/// gather them.
[[nodiscard]] CommandAnswers answers_to(const CheckContext& context, FunctionView& view,
                                        const model::CommandView& command,
                                        const std::uint8_t* entry);

}  // namespace vfsim::bench
