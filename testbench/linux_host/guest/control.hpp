// How a program that stays in the background is told what to do: words over a local socket, or
// lines through FIFOs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "host_driver/platform/result.hpp"
#include "host_driver/vfio/file.hpp"

namespace vfsim::guest {

using Words = std::vector<std::string>;

/// Exit statuses of the programs.
inline constexpr int kDone = 0, kRefused = 1, kWrongUse = 2;

struct Answer {
  int status = kDone;      // exit status for the caller
  std::string text;        // lines without the last line end; empty: nothing to say
  std::vector<int> files;  // descriptors that the caller gets copies of
};

/// One program and instance, for example {"migctl", "vf0"}: a socket in /run.
struct Instance {
  std::string program, name;
  std::string folder = "/run";
  [[nodiscard]] std::string path() const { return folder + "/" + program + "." + name; }
};

/// Accepts one request after the other, by either way.
class ControlServer {
 public:
  /// EADDRINUSE: the instance runs already.
  [[nodiscard]] static driver::Result<ControlServer> listen(const Instance& instance);
  ~ControlServer();
  ControlServer(ControlServer&& other) noexcept = default;
  ControlServer& operator=(ControlServer&&) = delete;

  /// Blocks until a request is there and answers it.
  /// @param wait  called around the wait for the next request (not around its execution)
  void serve_one(const std::function<Answer(const Words&)>& execute,
                 const std::function<void(const std::function<void()>&)>& wait);

 private:
  ControlServer() = default;
  /// The next request: from a connection, which is in `peer` then, or from the FIFO.
  bool next_request(Words& words, driver::File& peer);
  bool take_line(Words& words);

  std::string path_;
  driver::File socket_, lines_in_, lines_out_;
  std::string partial_;  // of a line
};

struct Reply {
  int status = kDone;
  std::string text;
  std::vector<driver::File> files;
};

/// Sends a request to an instance and waits for the answer. ENOENT: it does not run.
[[nodiscard]] driver::Result<Reply> ask(const Instance& instance, const Words& words);

/// Starts `body` in a process of its own, which goes on when this one has ended. Returns when it
/// calls its argument: what it told. The process ends with the status that body returns.
[[nodiscard]] Answer start_in_background(
    const std::function<int(const std::function<void(const Answer&)>& started)>& body);

/// Prints an answer: on stdout, or on stderr after the program's name when it is a refusal. Returns
/// the exit status.
int print(const std::string& program, int status, const std::string& text);

}  // namespace vfsim::guest
