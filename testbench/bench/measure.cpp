#include "testbench/bench/measure.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "firmware/interface/hw_context.h"
#include "systemc/nic/dma_bench.hpp"
#include "testbench/bench/raw_loop.hpp"
#include "testbench/runner/director.hpp"
#include "testbench/runner/runner.hpp"
#include "testbench/runner/simulation.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kWindow = 64;              // operations outstanding, as in raw_loop()
constexpr std::uint64_t kTargetBytes = 8 * kMiB;   // as in raw_loop(), over all functions

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(fd, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

[[noreturn]] void child(int fd, const std::function<Figures()>& measure) {
  int status = 1;
  try {
    Figures figures = measure();
    figures["peak_mib"] = peak_mib();
    const std::string text = nlohmann::json(figures).dump();
    status = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "benchmark: %s\n", e.what());
  }
  _exit(status);
}

Scenario path_scenario(std::uint32_t vfs, bool rtl) {
  Scenario scenario;
  scenario.name = "bench";
  scenario.nic.vfs = vfs;
  scenario.nic.rtl = rtl ? "all" : "none";
  scenario.workload.guests = vfs;
  scenario.workload.guest_memory_mib = 32;
  return scenario;
}

/// The physical-address key that a guest's driver made.
model::DmaBenchTarget target(const model::Nic& nic, std::uint32_t fn, std::uint64_t bytes) {
  const vf_function& function = nic.context().fn[fn];
  for (std::uint32_t i = 0; i < VF_MKEY_COUNT; ++i) {
    if (function.mkey[i].valid != 0 && function.mkey[i].mode == VF_MKC_MODE_PA) {
      return {fn, (VF_MKEY_BASE + i) << 8 | function.mkey[i].key, 16 * kMiB, bytes};
    }
  }
  throw std::runtime_error("the guest's driver has no physical-address key");
}

/// Boots, switches dirty tracking on, runs the load: in a thread of host A.
class PathRun {
 public:
  PathRun(Simulation& simulation, std::uint32_t vfs, std::uint64_t operations)
      : sim_(simulation), vfs_(vfs), operations_(operations), director_(simulation, result_) {}

  void run() {
    if (!director_.prepare()) {
      throw std::runtime_error(result_.error);
    }
    HostSide& host = *sim_.hosts[0];
    std::vector<model::DmaBenchTarget> targets;
    for (std::uint32_t vf = 0; vf < vfs_; ++vf) {
      if (const auto on = host.vfs[vf]->migration.logging_start(4096, {{0, 32 * kMiB}}); !on) {
        throw std::runtime_error(on.error().text);
      }
      targets.push_back(target(host.nic, vf + 1, kTargetBytes / vfs_));
    }
    model::DmaBench load(host.nic, targets, operations_, kWindow);
    const std::uint64_t tlps = sim_.events->tlps();
    const driver::Nanoseconds begin = host.os.now();
    const double cpu = cpu_seconds();
    load.start();
    while (!load.finished()) {
      sim_.calendar.wait(load.finished_event());
    }
    figures["ops_per_s"] = static_cast<double>(operations_) / (cpu_seconds() - cpu);
    figures["tlps_per_op"] = static_cast<double>(sim_.events->tlps() - tlps) / static_cast<double>(operations_);
    figures["sim_s"] = static_cast<double>((host.os.now() - begin).count()) * 1e-9;
    if (load.failed() != 0) {
      throw std::runtime_error("operations of the load failed");
    }
    done = true;
  }

  Figures figures;
  bool done = false;

 private:
  Simulation& sim_;
  std::uint32_t vfs_;
  std::uint64_t operations_;
  Result result_;
  Director director_;
};

}  // namespace

Figures in_child(const std::function<Figures()>& measure) {
  int ends[2];
  if (pipe(ends) != 0) {
    throw std::runtime_error("no pipe");
  }
  std::fflush(stdout);  // else the child has it, too
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    child(ends[1], measure);
  }
  close(ends[1]);
  const std::string text = read_all(ends[0]);
  close(ends[0]);
  int status = 1;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
    throw std::runtime_error("a measurement failed");
  }
  return nlohmann::json::parse(text).get<Figures>();
}

Figures measure_path(std::uint32_t vfs, std::uint64_t operations, bool judged, const RtlChoice& rtl) {
  static const Scenario scenario = path_scenario(vfs, rtl.all);  // one per process; the simulation refers to it
  auto* simulation = new Simulation(scenario, {}, std::vector<Schedule>(vfs), 1, judged, rtl.assertions);
  PathRun run(*simulation, vfs, operations);
  simulation->power_on();
  simulation->hosts[0]->os.spawn("bench", [&run] { run.run(); });
  while (!run.done) {
    simulation->calendar.run_for(1000 * model::kMs);
  }
  Result result;
  simulation->finish(result);
  for (const ViolationResult& violation : result.violations) {
    throw std::runtime_error("rule " + violation.rule + " violated: " + violation.seen);
  }
  return run.figures;
}

Figures measure_scenario(const std::string& wave) {
  Scenario scenario;
  std::string error;
  const std::string path = find_scenario("migrate", error);
  if (path.empty() || !load(path, scenario, error)) {
    throw std::runtime_error(error);
  }
  RunOptions options;
  options.wave = wave;
  Result result;
  const auto begin = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  if (run_scenario(scenario, options, result) != kHeld) {
    throw std::runtime_error(result.error.empty() ? "a rule was violated" : result.error);
  }
  return {{"cpu_s", cpu_seconds() - cpu},
          {"wall_s", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()},
          {"sim_s", static_cast<double>(result.sim_time_ns) * 1e-9},
          {"tlps", static_cast<double>(result.tlps)}};
}

}  // namespace vfsim::bench
