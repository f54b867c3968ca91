// A kernel that runs as a process of its own.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "testbench/linux_host/descriptor.hpp"

namespace vfsim::bench {

/// What is started, and how.
struct KernelCommand {
  std::string program;                 // path, seen from `folder`
  std::vector<std::string> arguments;  // without the program
  std::string folder;                  // where it runs; also its home
  std::string preload;                 // library that the loader adds, "" none
  bool input = false;                  // it can be written to; else it reads nothing
};

/// A child in a process group of its own, with its output in a pipe, and its input too or none. It starts with
/// the same addresses every time (no randomisation), and ends with this object, or with the
/// simulator, however that ends.
class KernelProcess {
 public:
  KernelProcess() = default;
  KernelProcess(const KernelProcess&) = delete;
  KernelProcess& operator=(const KernelProcess&) = delete;
  ~KernelProcess() { kill(); }

  /// False: it could not be started: error().
  [[nodiscard]] bool start(const KernelCommand& command);
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] const Descriptor& output() const { return output_; }
  /// Appends what the process has written so far, without waiting. False: nothing more comes.
  bool drain(std::string& to);
  /// A debugger holds it: it may stand for as long as that likes.
  [[nodiscard]] bool debugged() const;
  /// Processor time that it has used itself, without what it has started.
  [[nodiscard]] double cpu_seconds() const;
  /// It will read that. What does not fit any more is lost.
  void type(const std::string& bytes);
  /// Ends it and all it started.
  void kill();

 private:
  pid_t pid_ = -1;
  Descriptor output_;
  Descriptor input_;
  std::string error_;
};

}  // namespace vfsim::bench
