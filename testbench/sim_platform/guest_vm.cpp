#include "testbench/sim_platform/guest_vm.hpp"

namespace vfsim::bench {

SimGuestVm::SimGuestVm(GuestCore& core, model::Host& host, std::uint8_t index, std::uint64_t phys)
    : core_(core), machine_(host), index_(index), phys_(phys) {}

void SimGuestVm::add_device(driver::VfioDevice& device, const PassedThrough& function) {
  devices_.push_back(&device);
  functions_.push_back(function);
}

std::vector<std::uint64_t> SimGuestVm::used_pages() const {
  std::vector<std::uint64_t> pages;
  for (std::uint64_t gpa = 0; gpa < core_.memory.bytes(); gpa += driver::kGuestPage) {
    if (machine_.memory().touched(phys_ + gpa)) {
      pages.push_back(gpa);
    }
  }
  return pages;
}

void SimGuestVm::read_page(std::uint64_t gpa, std::uint8_t* to) const {
  machine_.memory().read(phys_ + gpa, to, driver::kGuestPage);
}

void SimGuestVm::write_page(std::uint64_t gpa, const std::uint8_t* from) {
  machine_.memory().write(phys_ + gpa, from, driver::kGuestPage);
}

// Memory, registers and interrupt routes of the guest are this host's from now on; no guest code runs at this time.
void SimGuestVm::take_over() {
  core_.memory.place(machine_.memory(), phys_);
  for (const PassedThrough& function : functions_) {
    function.guest->move_to(function.place);
  }
  core_.host = index_;
  if (hook_) {
    hook_(*this);
  }
}

void SimGuestVm::start_vcpus() { core_.gate.open(); }

}  // namespace vfsim::bench
