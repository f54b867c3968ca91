#include "testbench/regress/worker.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <string_view>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace vfsim::bench {
namespace {

constexpr std::size_t kTail = 4096;  // bytes of a worker's output that are kept
constexpr std::size_t kMostJson = std::size_t{64} << 20;  // no result is larger

struct Pipe {
  int read = -1;
  int write = -1;
};

bool open_pipe(Pipe& pipe) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return false;
  }
  pipe = {ends[0], ends[1]};
  return ::fcntl(pipe.read, F_SETFL, O_NONBLOCK) == 0;
}

void close_fd(int& fd) {
  if (fd >= 0) {
    ::close(fd);
    fd = -1;
  }
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno != EINTR) {
      return;  // the parent is gone, and this process with it
    }
    text.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
  }
}

/// Appends what can be read at once; closes the descriptor at its end.
void drain(int& fd, std::string& to, std::size_t most) {
  std::array<char, 65536> block{};
  while (fd >= 0) {
    const ssize_t n = ::read(fd, block.data(), block.size());
    if (n > 0) {
      to.append(block.data(), static_cast<std::size_t>(n));
      to.erase(0, to.size() > most ? to.size() - most : 0);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      close_fd(fd);
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

}  // namespace

Worker::Worker(std::size_t number, const Case& what, const Work& work) : begin_(Clock::now()) {
  case_.number = number;
  case_.what = what;
  Pipe result;
  Pipe output;
  if (open_pipe(result) && open_pipe(output)) {
    std::fflush(nullptr);  // what is buffered would be written twice
    pid_ = ::fork();
  }
  if (pid_ == 0) {
    child(work, result.write, output.write);
  }
  const int error = errno;
  close_fd(result.write);
  close_fd(output.write);
  result_fd_ = result.read;
  output_fd_ = output.read;
  if (pid_ < 0) {
    fail(CaseOutcome::broken, fmt::format("the worker cannot start: {}", std::strerror(error)));
  } else if (what.limit_s > 0) {
    deadline_ = begin_ + std::chrono::duration_cast<Clock::duration>(
                             std::chrono::duration<double>(what.limit_s));
  }
}

Worker::~Worker() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  close_fd(result_fd_);
  close_fd(output_fd_);
}

void Worker::child(const Work& work, int result_fd, int output_fd) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGINT, SIG_IGN);  // Ctrl-C reaches the whole group: the parent decides
  ::dup2(output_fd, STDOUT_FILENO);
  ::dup2(output_fd, STDERR_FILENO);
  Result result;
  result.scenario = case_.what.run.scenario;
  result.seed = case_.what.run.seed;
  int status = kInternal;
  try {
    status = work(case_.what, result);
  } catch (const std::exception& e) {
    result.error = e.what();
  }
  std::fflush(nullptr);
  write_all(result_fd, to_json_line(result));
  ::_exit(status);  // no destructors: a model's threads are suspended inside driver code
}

void Worker::add_to(std::vector<pollfd>& set) const {
  for (const int fd : {result_fd_, output_fd_}) {
    if (fd >= 0) {
      set.push_back({fd, POLLIN, 0});
    }
  }
}

void Worker::kill(CaseOutcome because) {
  if (pid_ > 0 && killed_because_ == CaseOutcome::not_run) {
    killed_because_ = because;
    deadline_ = Clock::time_point::max();
    ::kill(pid_, SIGKILL);
  }
}

bool Worker::poll() {
  drain(result_fd_, json_, kMostJson);
  drain(output_fd_, case_.output, kTail);
  if (pid_ < 0) {
    return true;
  }
  int wait_status = 0;
  if (::waitpid(pid_, &wait_status, WNOHANG) != pid_) {
    return false;
  }
  pid_ = -1;
  drain(result_fd_, json_, kMostJson);  // written between the two calls
  drain(output_fd_, case_.output, kTail);
  finish(wait_status);
  return true;
}

void Worker::finish(int wait_status) {
  case_.wall_s = std::chrono::duration<double>(Clock::now() - begin_).count();
  if (WIFSIGNALED(wait_status)) {
    case_.signal = WTERMSIG(wait_status);
    if (killed_because_ == CaseOutcome::timed_out) {
      fail(CaseOutcome::timed_out, fmt::format("not finished after {} s", case_.what.limit_s));
    } else if (killed_because_ == CaseOutcome::stopped) {
      fail(CaseOutcome::stopped, "stopped by the user");
    } else {
      fail(CaseOutcome::killed, fmt::format("the worker was killed by signal {} ({})", case_.signal,
                                            ::strsignal(case_.signal)));
    }
    return;
  }
  std::string why;
  if (!from_json(json_, case_.result, why)) {
    fail(CaseOutcome::broken,
         fmt::format("the worker ended with status {} and no result", WEXITSTATUS(wait_status)));
    return;
  }
  case_.outcome = CaseOutcome::finished;
  case_.status = WEXITSTATUS(wait_status);
  case_.result.wall_s = case_.wall_s;
}

void Worker::fail(CaseOutcome outcome, const std::string& error) {
  case_.outcome = outcome;
  case_.status = outcome == CaseOutcome::timed_out ? kViolated : kInternal;
  case_.result = Result{};
  case_.result.scenario = case_.what.run.scenario;
  case_.result.seed = case_.what.run.seed;
  case_.result.error = error;
}

CaseResult Worker::take() {
  return std::move(case_);
}

}  // namespace vfsim::bench
