// migctl: walks VFs through the kernel's migration protocol. See usage().
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "host_driver/vfio/kernel_device.hpp"
#include "host_driver/vfio/posix_os.hpp"
#include "host_driver/vfio/vfio_function.hpp"
#include "testbench/linux_host/guest/control.hpp"
#include "testbench/linux_host/guest/mig_session.hpp"
#include "testbench/linux_host/guest/reporting_device.hpp"

namespace vfsim::guest {
namespace {

void usage() {
  std::printf(
      "usage: migctl open NAME ADDRESS   open a VF (0000:00:01.0) that is bound to a driver of "
      "VFIO, and keep it\n"
      "                                  open under this name, in the background\n"
      "       migctl NAME COMMAND        say what to do with it\n"
      "%s  %-52s %s\n"
      "Exit status 1: the device or its driver refused; 2: wrong use.\n",
      MigSession::help().c_str(), "close", "close it, which resets the function");
}

/// A function that is held open.
struct Held {
  Held(std::string name, std::string pci_address, std::unique_ptr<driver::VfioFunction> opened,
       const driver::Os& os)
      : address(std::move(pci_address)),
        function(std::move(opened)),
        kernel(function->device_fd(), function->config()),
        device(kernel, address, [](const std::string& line) { tell_console({line}); }),
        session(std::move(name), device, [&os] { return os.now(); }) {}
  std::string address;
  std::unique_ptr<driver::VfioFunction> function;
  driver::KernelDevice kernel;
  ReportingDevice device;
  MigSession session;
};

class Holder final : public Service {
 public:
  Answer execute(const Words& words) override {
    if (words.size() == 3 && words[0] == "open") {
      return open(words[1], words[2]);
    }
    if (words.size() < 2 || words[0] == "open") {
      return {kWrongUse, "usage: migctl open NAME ADDRESS, or migctl NAME COMMAND", {}};
    }
    const auto found = held_.find(words[0]);
    if (found == held_.end()) {
      return {kWrongUse, words[0] + " is not open", {}};
    }
    if (words[1] == "close" && words.size() == 2) {
      held_.erase(found);
      return {kDone, words[0] + ": closed", {}};
    }
    Held& held = *found->second;
    return words[1] == "share" ? share(held)
                               : held.session.run(Words(words.begin() + 1, words.end()));
  }

 private:
  Answer open(const std::string& name, const std::string& address) {
    if (held_.count(name) != 0) {
      return {kWrongUse, name + " is open already", {}};
    }
    auto function = driver::VfioFunction::open(address);
    if (!function) {
      return {kRefused, function.error().text, {}};
    }
    const auto held =
        held_.emplace(name, std::make_unique<Held>(name, address, std::move(function.value()), os_)).first;
    return held->second->session.run({"flags"});
  }
  /// Address and copies of the descriptors, for a program that drives the VF.
  static Answer share(const Held& held) {
    const auto& files = held.function->files();
    return {kDone, held.address, {files.container.fd(), files.group.fd(), files.device.fd()}};
  }

  driver::PosixOs os_;
  std::map<std::string, std::unique_ptr<Held>> held_;
};

}  // namespace
}  // namespace vfsim::guest

int main(int argc, char** argv) {
  using namespace vfsim::guest;
  return run_program({"migctl", "open", usage, [] { return std::make_unique<Holder>(); }},
                     Words(argv + 1, argv + argc));
}
