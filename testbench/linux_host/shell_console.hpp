// The terminal of a person who talks to a guest.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <termios.h>

namespace vfsim::bench {

/// Standard input, unbuffered and without echo while this lives (the guest echoes); Ctrl-C is a
/// signal, as ever. While a guest waits, simulated time goes as fast as the clock on the wall.
class ShellConsole {
 public:
  ShellConsole();
  ShellConsole(const ShellConsole&) = delete;
  ShellConsole& operator=(const ShellConsole&) = delete;
  ~ShellConsole();

  /// Waits until `due` or until something was typed, which typed() then yields.
  /// @param now  simulated time in ns; @return that at which to go on, from `now` to `due`
  std::uint64_t pace(std::uint64_t now, std::uint64_t due);
  /// What was typed since the last call; at the end of the input once a Ctrl-D.
  [[nodiscard]] std::string typed();

 private:
  using Clock = std::chrono::steady_clock;
  void take();

  termios before_{};  // in front of terminal_, whose making fills it
  bool terminal_ = false;
  bool ended_ = false;
  std::string typed_;
  Clock::time_point wall_ = Clock::now();
  std::uint64_t simulated_ = 0;  // at wall_
};

/// For a guest whose console does not wake for what is typed: its init types it
/// (testbench/linux_host/guest/typist.hpp). Each piece is a file of a folder of the guest, named by its number
/// from 0, which is there as a whole or not at all.
class TypedFiles {
 public:
  /// Makes the folder, without which the guest's init does not look.
  explicit TypedFiles(std::string folder);
  /// False: it cannot be written.
  [[nodiscard]] bool type(const std::string& bytes);

 private:
  const std::string folder_;
  unsigned count_ = 0;
};

}  // namespace vfsim::bench
