// vfsim linux: stock Linux kernels as hosts of the simulated NIC.
#pragma once

#include <string>

#include "testbench/linux_host/linux_run.hpp"
#include "testbench/runner/wave_options.hpp"
#include "testbench/scenarios/prepare.hpp"

namespace vfsim::bench {

struct LinuxCommand {
  RunRequest what;      // its scenario is the machine of testbench/linux_host
  std::string tier = "1";
  std::string script;   // in place of the tier's, "" none
  bool shell = false;   // guest A gets one
  LinuxOptions run;
  WaveOptions wave;
  std::string json, report;  // files, "" none
};

/// Prints what the guests write on their consoles, and the verdict. @return an ExitStatus
[[nodiscard]] int linux_command(LinuxCommand command);

}  // namespace vfsim::bench
