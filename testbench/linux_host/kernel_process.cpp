#include "testbench/linux_host/kernel_process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace vfsim::bench {
namespace {

constexpr int kPipeBytes = 1 << 20;
constexpr int kNotStarted = 127;

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) {
    result.push_back(word.data());
  }
  result.push_back(nullptr);
  return result;
}

/// In the child: becomes the kernel, or returns with errno set.
void become(const KernelCommand& command, int input, int output, pid_t parent) {
  std::vector<std::string> words{command.program};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> environment{"HOME=.", "TERM=dumb", "PATH=/usr/bin:/bin"};
  if (!command.preload.empty()) {
    environment.push_back("LD_PRELOAD=" + command.preload);
  }
  const auto argv = pointers(words);
  const auto envp = pointers(environment);
  sigset_t none;
  sigemptyset(&none);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent || personality(ADDR_NO_RANDOMIZE) == -1 ||
      chdir(command.folder.c_str()) != 0 || dup2(input, STDIN_FILENO) < 0 ||
      dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0) {
    return;
  }
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(command.program.c_str(), argv.data(), envp.data());
}

}  // namespace

bool KernelProcess::start(const KernelCommand& command) {
  std::array<int, 2> output{};
  std::array<int, 2> failure{};
  std::array<int, 2> input{-1, -1};
  if (command.input ? pipe2(input.data(), O_CLOEXEC) != 0
                    : (input[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0) {
    error_ = std::strerror(errno);
    return false;
  }
  const Descriptor reader(input[0]);
  input_ = Descriptor(input[1]);
  if (pipe2(output.data(), O_CLOEXEC) != 0 || pipe2(failure.data(), O_CLOEXEC) != 0) {
    error_ = std::strerror(errno);
    return false;
  }
  output_ = Descriptor(output[0]);
  const Descriptor writer(output[1]);
  const Descriptor failed(failure[0]);
  Descriptor fails(failure[1]);
  fcntl(writer.get(), F_SETPIPE_SZ, kPipeBytes);
  fcntl(output_.get(), F_SETFL, O_NONBLOCK);
  if (command.input) {
    fcntl(input_.get(), F_SETFL, O_NONBLOCK);
  }
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    become(command, reader.get(), writer.get(), parent);
    const int error = errno;
    [[maybe_unused]] const ssize_t told = write(fails.get(), &error, sizeof(error));
    _exit(kNotStarted);
  }
  fails.close();
  int error = pid_ < 0 ? errno : 0;
  if (pid_ > 0 && read(failed.get(), &error, sizeof(error)) <= 0) {
    return true;
  }
  error_ = fmt::format("{}: {}", command.program, std::strerror(error));
  return false;
}

bool KernelProcess::drain(std::string& to) {
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t bytes = read(output_.get(), part.data(), part.size());
    if (bytes <= 0) {
      return bytes < 0 && (errno == EAGAIN || errno == EINTR);
    }
    to.append(part.data(), static_cast<std::size_t>(bytes));
  }
}

bool KernelProcess::debugged() const {
  std::ifstream status(fmt::format("/proc/{}/status", pid_));
  for (std::string word; status >> word;) {
    if (word == "TracerPid:") {
      return status >> word && word != "0";
    }
  }
  return false;
}

double KernelProcess::cpu_seconds() const {
  clockid_t clock{};
  timespec used{};
  if (pid_ <= 0 || clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &used) != 0) {
    return 0;
  }
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

void KernelProcess::type(const std::string& bytes) {
  [[maybe_unused]] const ssize_t taken = write(input_.get(), bytes.data(), bytes.size());
}

void KernelProcess::kill() {
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }
}

}  // namespace vfsim::bench
