// Ctrl-C and its like: they ask a command to end.
#pragma once

#include <csignal>
#include <initializer_list>

namespace vfsim::bench {

/// Not 0 once a signal of let_end() came: runs look at it, and end well.
[[nodiscard]] const volatile std::sig_atomic_t& interrupted();

/// What a second signal of a kind does.
enum class SecondSignal { kills, asks_again };

/// From now on these signals set interrupted().
void let_end(std::initializer_list<int> signals, SecondSignal second);

}  // namespace vfsim::bench
