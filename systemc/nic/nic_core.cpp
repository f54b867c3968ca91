#include "systemc/nic/nic_core.hpp"

#include <cstdlib>
#include <new>

namespace vfsim::model {

namespace {
// Context memory is large and mostly unused: zero pages of the operating system cost nothing until
// written.
vf_context_ram* allocate_ram() {
  void* ram = std::calloc(1, sizeof(vf_context_ram));
  if (ram == nullptr) {
    throw std::bad_alloc();
  }
  return static_cast<vf_context_ram*>(ram);
}
}  // namespace

NicCore::NicCore(Calendar& the_calendar, ProbeBus& the_probes, const NicParams& the_params,
                 const PcieParams& the_pcie, std::uint8_t the_host, Rid the_rid)
    : calendar(the_calendar),
      probes(the_probes),
      params(the_params),
      pcie(the_pcie),
      host(the_host),
      rid(the_rid),
      ram(allocate_ram()) {}

NicCore::~NicCore() {
  std::free(ram);
}

}  // namespace vfsim::model
