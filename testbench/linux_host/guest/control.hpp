// How a program that stays in the background is told what to do: words over a local socket, or
// lines through FIFOs.
#pragma once

#include <functional>
#include <iterator>
#include <memory>
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

/// Where a program listens: a socket, and two FIFOs beside it. A line of words written to path.in
/// is answered with a line "STATUS TEXT" in path.out: a shell can do that without starting a
/// process.
struct Door {
  std::string program, folder = "/run";
  [[nodiscard]] std::string path() const { return folder + "/" + program; }
};

/// Accepts one request after the other, by either way.
class ControlServer {
 public:
  /// EADDRINUSE: the program runs already.
  [[nodiscard]] static driver::Result<ControlServer> listen(const Door& door);
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

/// Sends a request and waits for the answer. ENOENT: nobody listens.
[[nodiscard]] driver::Result<Reply> ask(const Door& door, const Words& words);

/// Starts `body` in a process of its own, which goes on when this one has ended. Returns when it
/// calls its argument: what it told. The process ends with the status that body returns.
using Started = std::function<void(const Answer&)>;
[[nodiscard]] Answer start_in_background(const std::function<int(const Started&)>& body);

/// Prints an answer: on stdout, or on stderr after the program's name when it is a refusal. Returns
/// the exit status.
int print(const std::string& program, int status, const std::string& text);

/// What runs in the background.
class Service {
 public:
  virtual ~Service() = default;
  [[nodiscard]] virtual Answer execute(const Words& words) = 0;
  /// Calls `wait`, which blocks until the next request is there.
  virtual void idle(const std::function<void()>& wait) { wait(); }
};

/// A program whose words are answered by a service in the background, which the first call that
/// begins with `start` brings into being.
struct Program {
  std::string name, start;
  std::function<void()> print_usage;
  std::function<std::unique_ptr<Service>()> make;
};
[[nodiscard]] int run_program(const Program& program, const Words& words);

/// The row of a table of commands (with a member `name`) that the first word names; the end if
/// none.
template <class Table>
auto find_command(const Table& table, const Words& words) {
  auto row = std::begin(table);
  while (row != std::end(table) && (words.empty() || words[0] != row->name)) {
    ++row;
  }
  return row;
}

/// What is said about a first word that is in no row.
template <class Table>
Answer unknown_command(const Table& table, const Words& words) {
  std::string text = "unknown command '" + (words.empty() ? "" : words[0]) + "'; allowed are";
  for (const auto& row : table) {
    text += std::string(" ") + row.name;
  }
  return {kWrongUse, text, {}};
}

}  // namespace vfsim::guest
