#include "testbench/linux_host/shell_console.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace vfsim::bench {
namespace {

constexpr char kInterrupt = 0x03;   // Ctrl-C
constexpr char kEndOfInput = 0x04;  // Ctrl-D
constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kLookMs = 1000;

}  // namespace

ShellConsole::ShellConsole() : terminal_(tcgetattr(STDIN_FILENO, &before_) == 0) {
  if (terminal_) {
    termios now = before_;
    now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    now.c_iflag &= ~static_cast<tcflag_t>(ICRNL);  // the guest does that
    tcsetattr(STDIN_FILENO, TCSANOW, &now);
  }
}

ShellConsole::~ShellConsole() {
  if (terminal_) {
    tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
}

std::uint64_t ShellConsole::pace(std::uint64_t now, std::uint64_t due) {
  const auto on_wall = [this] {
    return simulated_ + static_cast<std::uint64_t>(
                            std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - wall_).count());
  };
  if (on_wall() > now + kLookMs * kMs) {  // the guest was busy: that is not made up for
    wall_ = Clock::now();
    simulated_ = now;
  }
  const std::uint64_t there = std::max(on_wall(), now);
  const std::uint64_t ms = due > there ? std::min((due - there) / kMs, kLookMs) : 0;
  pollfd input{ended_ ? -1 : STDIN_FILENO, POLLIN, 0};
  if (poll(&input, 1, static_cast<int>(ms)) > 0) {
    take();
  }
  const bool early = !typed_.empty() || ms == kLookMs;
  return early ? std::clamp(on_wall(), now, due) : due;
}

void ShellConsole::take() {
  std::array<char, 256> part{};
  const ssize_t bytes = read(STDIN_FILENO, part.data(), part.size());
  if (bytes > 0) {
    typed_.append(part.data(), static_cast<std::size_t>(bytes));
    if (typed_.find(kInterrupt) != std::string::npos) {  // not every terminal makes it a signal
      std::raise(SIGINT);
    }
  } else if (bytes == 0 || errno != EINTR) {
    ended_ = true;
    typed_ += kEndOfInput;
  }
}

std::string ShellConsole::typed() { return std::exchange(typed_, {}); }

TypedFiles::TypedFiles(std::string folder) : folder_(std::move(folder)) {
  std::error_code ignored;  // type() tells
  std::filesystem::create_directory(folder_, ignored);
}

bool TypedFiles::type(const std::string& bytes) {
  const std::string path = folder_ + "/" + std::to_string(count_++);
  const std::string part = path + ".part";
  std::ofstream file(part, std::ios::binary);
  file << bytes;
  file.close();
  std::error_code failed;
  std::filesystem::rename(part, path, failed);
  return file && !failed;
}

}  // namespace vfsim::bench
