// Speed of the DMA path: keys, IOMMU, credits and dirty tracking on. Usage: vf_nic_bench
// [operations [functions]]
#include <cstdio>
#include <cstdlib>
#include <sys/resource.h>
#include <systemc>

#include "systemc/nic/dma_bench.hpp"
#include "systemc/nic/nic_test_bed.hpp"

namespace {
double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec) * 1e-6;
}
}  // namespace

int sc_main(int argc, char** argv) {
  using namespace vfsim::model;
  const std::uint64_t operations = argc > 1 ? std::strtoull(argv[1], nullptr, 0) : 2000000;
  const auto functions =
      static_cast<std::uint32_t>(argc > 2 ? std::strtoul(argv[2], nullptr, 0) : 1);
  NicParams params;
  params.vfs = functions;
  NicTestBed bed(params);
  bed.probes = ProbeBus();  // no observers
  bed.enable_vfs(functions);
  std::vector<DmaBenchTarget> targets;
  for (std::uint32_t fn = 1; fn <= functions; ++fn) {
    bed.make_queues(fn);
    bed.context(fn).track_log_page = 12;
    bed.context(fn).track_range_count = 1;
    bed.context(fn).track_range[0] = {0, NicTestBed::kFunctionBytes};
    bed.set_reg(fn, FW_FN_TRACK_CTRL, 1);
    // The same memory in all, so that the host's caches do not count.
    targets.push_back(
        {fn, NicTestBed::kKey, 0, NicTestBed::kFunctionBytes / functions / 4096 * 4096});
  }
  DmaBench bench(bed.nic, targets, operations, 64);
  bed.run(kUs);
  const double begin = cpu_seconds();
  bench.start();
  while (!bench.finished()) {
    bed.run(kMs);
  }
  const double used = cpu_seconds() - begin;
  std::printf("%llu operations, %llu failed, %u functions: %.2f M/s, %.1f us simulated\n",
              static_cast<unsigned long long>(bench.done()),
              static_cast<unsigned long long>(bench.failed()), functions,
              static_cast<double>(bench.done()) / used * 1e-6,
              static_cast<double>(bench.end_time()) / 1e6);
  return bench.failed() == 0 ? 0 : 1;
}
