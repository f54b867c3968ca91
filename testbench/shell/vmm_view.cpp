#include "testbench/shell/vmm_view.hpp"

#include <algorithm>

namespace vfsim::bench {

using model::FnRef;
using model::Ps;

void VmmView::vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to, int error) {
  Device& d = devices_[key(who)];
  d.from = from;
  d.to = to;
  d.error = error;
  d.arc_at = t;
  d.arced = true;
}

void VmmView::dirty_report(Ps t, FnRef who, const std::uint64_t* pages, std::size_t count) {
  (void)t, (void)pages;
  Device& d = devices_[key(who)];
  ++d.reports;
  d.pages += count;
}

void VmmView::dirty_tracking(Ps t, FnRef who, bool on) {
  (void)t;
  Device& d = devices_[key(who)];
  if (on && !d.tracking) {
    d.reports = d.pages = 0;
  }
  d.tracking = on;
}

void VmmView::migration(Ps t, const model::MigrationView& view) {
  Guest& g = guests_[view.guest];
  g.migrating = view.begin;
  g.from = view.from;
  g.to = view.to;
  g.since = t;
  if (!view.begin) {
    g.outcome = view.outcome;
    g.phases.clear();
  }
}

void VmmView::phase(Ps t, std::uint32_t guest, const char* name, bool begin) {
  auto& phases = guests_[guest].phases;
  if (begin) {
    phases.push_back({name, t});
    return;
  }
  const auto found =
      std::find_if(phases.begin(), phases.end(), [&](const Phase& p) { return p.name == name; });
  if (found != phases.end()) {
    phases.erase(found);
  }
}

}  // namespace vfsim::bench
