// GTKWave views: which signals to show, in groups, with names instead of numbers.
#pragma once

#include <string>
#include <vector>

#include "waves/signal_table.hpp"

namespace vfsim::waves {

/// A group of a view: all signals of signals.def of one scope, under a hierarchy prefix.
struct ViewGroup {
  std::string title;   // "A.vf0"
  std::string prefix;  // "vfsim.A.vf0"
  SignalScope scope = SignalScope::FUNCTION;
};

/// Text of a .gtkw file with the signals of the groups in `shown`, for the dump file `dump` (name as GTKWave shall open it).
[[nodiscard]] std::string view_text(const std::string& dump, const std::vector<ViewGroup>& groups,
                                    GroupMask shown);

/// Writes the view beside the wave file, with extension .gtkw. False: not written.
[[nodiscard]] bool write_view(const std::string& fst_path, const std::vector<ViewGroup>& groups,
                              GroupMask shown);

}  // namespace vfsim::waves
