// migctl: walks a VF through the kernel's migration protocol. See usage().
#include <cstdio>
#include <memory>
#include <string>

#include "host_driver/vfio/kernel_device.hpp"
#include "host_driver/vfio/posix_os.hpp"
#include "host_driver/vfio/vfio_function.hpp"
#include "testbench/linux_host/guest/control.hpp"
#include "testbench/linux_host/guest/mig_session.hpp"

namespace vfsim::guest {
namespace {

constexpr const char* kProgram = "migctl";

int usage() {
  std::printf(
      "usage: migctl open NAME ADDRESS   open a VF (0000:00:01.0) that is bound to a driver of "
      "VFIO,\n"
      "                                  and keep it open under this name, in the background\n"
      "       migctl NAME COMMAND        say what to do with it\n"
      "%s  %-52s %s\n"
      "Exit status 1: the device or its driver refused; 2: wrong use.\n",
      MigSession::help().c_str(), "close", "close it, which resets the function");
  return kDone;
}

/// Copies of the descriptors, for a program that drives the VF.
Answer share(const driver::VfioFunction& function) {
  const auto& files = function.files();
  return {kDone, "", {files.container.fd(), files.group.fd(), files.device.fd()}};
}

int serve(const std::string& name, const std::string& address,
          const std::function<void(const Answer&)>& started) {
  const driver::PosixOs os;
  auto server = ControlServer::listen({kProgram, name});
  if (!server) {
    started({kRefused, server.error().text, {}});
    return kRefused;
  }
  auto function = driver::VfioFunction::open(address);
  if (!function) {
    started({kRefused, function.error().text, {}});
    return kRefused;
  }
  driver::KernelDevice device(function.value()->device_fd(), function.value()->config());
  MigSession session(name, device, [&os] { return os.now(); });
  started(session.run({"flags"}));
  bool open = true;
  while (open) {
    server.value().serve_one(
        [&](const Words& words) {
          if (words == Words{"close"}) {
            open = false;
            return Answer{kDone, name + ": closed", {}};
          }
          return words == Words{"share"} ? share(*function.value()) : session.run(words);
        },
        [](const std::function<void()>& wait) { wait(); });
  }
  return kDone;
}

int run(const Words& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    return usage();
  }
  if (words[0] == "open") {
    if (words.size() != 3) {
      return print(kProgram, kWrongUse, "usage: migctl open NAME ADDRESS");
    }
    const Answer answer = start_in_background(
        [&](const auto& started) { return serve(words[1], words[2], started); });
    return print(kProgram, answer.status, answer.text);
  }
  if (words.size() < 2) {
    return print(kProgram, kWrongUse,
                 "usage: migctl NAME COMMAND; migctl --help lists the commands");
  }
  const auto reply = ask({kProgram, words[0]}, Words(words.begin() + 1, words.end()));
  return reply ? print(kProgram, reply.value().status, reply.value().text)
               : print(kProgram, kWrongUse, reply.error().text);
}

}  // namespace
}  // namespace vfsim::guest

int main(int argc, char** argv) {
  return vfsim::guest::run(vfsim::guest::Words(argv + 1, argv + argc));
}
