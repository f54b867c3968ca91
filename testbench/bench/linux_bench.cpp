#include "testbench/bench/linux_bench.hpp"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <stdexcept>

#include "testbench/linux_host/descriptor.hpp"
#include "testbench/linux_host/tier_plan.hpp"
#include "testbench/scenarios/prepare.hpp"

namespace vfsim::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

Figures measure_linux(const std::string& tier, const LinuxOptions& kernels) {
  static const volatile std::sig_atomic_t never = 0;
  LinuxOptions options = kernels;
  options.preload = kernel_preload();
  options.guests = guests_of_tier(tier);
  options.stop = &never;
  RunRequest request;
  request.scenario = linux_machine_file(options.guests);
  Scenario scenario;
  std::string error;
  if (!prepare(request, scenario, error)) {
    throw std::runtime_error(error);
  }
  if (std::freopen("/dev/null", "w", stdout) == nullptr) {
    throw std::runtime_error("/dev/null cannot be opened");
  }
  const auto begin = Clock::now();
  Result result;
  LinuxRun run(scenario, options);
  if (run.run(result) != 0) {
    throw std::runtime_error("linux " + tier + " fails: " + result.error);
  }
  return {{"wall_s", seconds_since(begin)},
          {"sim_s", static_cast<double>(result.sim_time_ns) / 1e9},
          {"tlps", static_cast<double>(result.tlps)},
          {"guests_s", run.cost().guests_s},
          {"simulation_s", run.cost().simulation_s},
          {"turns", static_cast<double>(run.cost().turns)}};
}

double measure_hand_over() {
  constexpr int kTimes = 20000;
  using Message = std::array<char, 16>;
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw std::runtime_error("there are no sockets");
  }
  Descriptor here(ends[0]);
  Descriptor there(ends[1]);
  const pid_t peer = fork();
  if (peer == 0) {
    here.close();
    for (Message message{}; read_all(there, message.data(), message.size()) &&
                            write_all(there, message.data(), message.size());) {
    }
    _exit(0);
  }
  there.close();
  Message message{};
  const auto begin = Clock::now();
  for (int i = 0; i < kTimes; ++i) {
    if (!write_all(here, message.data(), message.size()) ||
        !read_all(here, message.data(), message.size())) {
      throw std::runtime_error("the other process does not answer");
    }
  }
  const double each = seconds_since(begin) / kTimes;
  here.close();
  waitpid(peer, nullptr, 0);
  return each;
}

}  // namespace vfsim::bench
