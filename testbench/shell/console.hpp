// Where the command lines of a session come from: a terminal with history and completion, a file, or a pipe.
#pragma once

#include <string>

#include "testbench/shell/session.hpp"

namespace vfsim::bench {

/// Takes commands from the terminal until quit or end of file. History is kept in ~/.vfsim_history. Ctrl-C stops a run
/// that goes on, or empties the line.
void converse(Session& session);

/// Takes commands from a text, each one shown behind the prompt. @return the worst outcome
[[nodiscard]] Outcome recite(Session& session, const std::string& text);

}  // namespace vfsim::bench
