#include "testbench/runner/switchover.hpp"

#include <fmt/format.h>

#include "host_driver/migration/record.hpp"

namespace vfsim::bench {
namespace {

using Image = std::vector<std::uint8_t>;

/// The image bytes of a stream of records.
Image image_of(const Image& stream) {
  Image image;
  for (std::size_t at = 0; at + driver::RecordHeader::kBytes <= stream.size();) {
    const auto header = driver::RecordHeader::decode(&stream[at]);
    at += driver::RecordHeader::kBytes;
    const std::size_t end = at + std::min<std::size_t>(header.bytes, stream.size() - at);
    if (header.tag == driver::RecordHeader::kFwData) {
      image.insert(image.end(), &stream[at], stream.data() + end);
    }
    at = end;
  }
  return image;
}

/// A descriptor is kept beyond its session and used, as a careless VMM would: it is dead (S5).
void touch_closed(driver::MigStream& session) {
  (void)session.poll();
  (void)session.read(1, true);
}

/// A full image of a stopped device, which stays in STOP.
driver::Result<Image> read_back(driver::VfioDevice& device, const Scenario& scenario) {
  BOOST_OUTCOME_TRYV(device.set_state(driver::MigState::stop));
  BOOST_OUTCOME_TRY(session, device.set_state(driver::MigState::stop_copy));
  Image stream;
  for (;;) {
    BOOST_OUTCOME_TRY(bytes, session->read(scenario.vmm.read_bytes, false));
    if (bytes.empty()) {
      break;
    }
    stream.insert(stream.end(), bytes.begin(), bytes.end());
  }
  BOOST_OUTCOME_TRYV(device.set_state(driver::MigState::stop));
  touch_closed(*session);
  return scenario.vmm.flow == "newest" ? image_of(stream) : stream;
}

/// A stopped function's BAR is touched once, as a careless host would: reads give 0, writes are lost (Q4).
void touch_stopped(driver::Platform& function) {
  function.write32(VF_BAR_CMD_DB, 1);
  (void)function.read32(VF_BAR_CMDIF_REV);
}

}  // namespace

void check_switchover(Simulation& simulation, std::uint32_t guest, std::uint8_t from, std::uint8_t to) {
  SimGuestVm& source = simulation.guests[guest]->on(from);
  SimGuestVm& destination = simulation.guests[guest]->on(to);
  const auto first_vf = simulation.guests[guest]->nics().front()->vf();
  simulation.oracle.compare_memory(vf_ref(to, first_vf), source.machine().memory(), source.phys(), destination.machine().memory(),
                                   destination.phys(), source.memory_bytes());
  const auto& nics = simulation.guests[guest]->nics();
  for (const auto& nic : nics) {
    touch_stopped(simulation.hosts[from]->vfs[nic->vf()]->platform);
  }
  const bool gone = simulation.hosts[from]->pf_removed || simulation.hosts[to]->pf_removed;
  if (gone || !simulation.scenario().vmm.read_back) {
    return;
  }
  for (std::size_t n = 0; n < nics.size(); ++n) {
    const auto first = read_back(*source.devices()[n], simulation.scenario());
    const auto second = read_back(*destination.devices()[n], simulation.scenario());
    if (first) {
      simulation.images.push_back({fmt::format("guest{}_{}_to_{}_{}", guest, from == 0 ? "A" : "B", to == 0 ? "A" : "B",
                                               simulation.images.size() + 1),
                                   first.value()});
    }
    simulation.rules->add_identity(simulation.calendar.now(), vf_ref(to, nics[n]->vf()), first ? first.value() : Image{},
                                   second ? second.value() : Image{});
  }
}

}  // namespace vfsim::bench
