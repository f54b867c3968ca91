#include "testbench/linux_host/vm_copier.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "testbench/linux_host/shared_memory.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint64_t kPage = VmMemory::kPage;

bool is_zero(const std::uint8_t* page) {
  return page[0] == 0 && std::memcmp(page, page + 1, kPage - 1) == 0;
}

}  // namespace

VmCopier::VmCopier(model::ProbeBus& probes, Oracle& oracle, VmMemory& memory, std::uint8_t fn,
                   const vf_fault_set& faults)
    : oracle_(oracle), memory_(memory), fn_(fn), faults_(faults) {
  probes.subscribe(*this, {model::Probe::driver, model::Probe::tlp_landed});
}

void VmCopier::dirty_tracking(model::Ps t, model::FnRef who, bool on) {
  if (!is_here(who)) {
    return;
  }
  tracked_ = on;
  seen_.reset();
  if (on) {
    saved(t);
  }
}

void VmCopier::dirty_report(model::Ps t, model::FnRef who, const std::uint64_t* pages,
                            std::size_t count) {
  (void)t;
  if (seen_ && is_here(who)) {
    figures_.rounds += stopped_ ? 0 : 1;
    sync({pages, pages + count});
  }
}

void VmCopier::tlp_landed(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                          const std::uint8_t* payload, bool ok) {
  (void)t;
  const GuestRam& ram = memory_.here();
  if (!seen_ || host != memory_.host() || tlp.kind != model::TlpKind::mem_write || tlp.interrupt ||
      payload == nullptr || !ok || !ram.holds(tlp.phys - ram.base, tlp.bytes)) {
    return;
  }
  seen_->write(tlp.phys - ram.base - ram.start, payload, tlp.bytes);
}

void VmCopier::saved(model::Ps t) {
  if (!seen_ && memory_.shared()) {
    begin(t);
  }
}

void VmCopier::complete(model::Ps t) {
  saved(t);
  if (!seen_ || std::exchange(compared_, true)) {
    return;
  }
  sync({});
  memory_.touch_used();
  const GuestRam& here = memory_.here();
  const GuestRam& there = memory_.there();
  oracle_.compare_memory({static_cast<std::uint8_t>(1U - memory_.host()), fn_}, *here.memory,
                         here.base, *there.memory, there.base, here.start + here.bytes);
}

void VmCopier::run_on(std::uint8_t host) {
  if (host != memory_.host()) {
    sync({});
    memory_.move();
  }
  if (std::exchange(compared_, false) || !tracked_) {
    seen_.reset();
    tracked_ = false;
  }
  stopped_ = false;
}

void VmCopier::begin(model::Ps t) {
  const GuestRam& here = memory_.here();
  seen_ = std::make_unique<model::HostMemory>(here.bytes);
  use_big_pages(*seen_, 0, here.bytes);
  memory_.clear_there();
  figures_ = {t, 0, 0};
  each_page(memory_.used(), [&](std::uint64_t page) {
    if (!is_zero(here.view(page, kPage))) {
      send(page);
    }
  });
}

std::vector<std::uint64_t> VmCopier::written_by_cpus() {
  std::vector<std::uint64_t> pages;
  each_page(memory_.used(), [&](std::uint64_t page) {
    const std::uint8_t* const mine = memory_.here().view(page, kPage);
    if (std::memcmp(mine, seen(page), kPage) != 0) {
      std::memcpy(seen(page), mine, kPage);
      pages.push_back(page);
    }
  });
  return pages;
}

// What the emulated bus writes into the VM while its CPUs stand still is found here, too.
void VmCopier::sync(std::vector<std::uint64_t> pages) {
  if (!seen_ || faults_.skips_sync(stopped_)) {
    return;
  }
  std::vector<std::uint64_t> of_cpus = written_by_cpus();
  faults_.lose_some(of_cpus);
  pages.insert(pages.end(), of_cpus.begin(), of_cpus.end());
  std::sort(pages.begin(), pages.end());
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  for (const std::uint64_t page : pages) {
    if (memory_.here().holds(page, kPage)) {
      send(page);
    }
  }
}

void VmCopier::send(std::uint64_t page) {
  const std::uint8_t* const mine = memory_.here().view(page, kPage);
  std::memcpy(seen(page), mine, kPage);
  (void)memory_.there().write(faults_.place(page), mine, kPage);
  figures_.bytes += kPage;
}

}  // namespace vfsim::bench
