#include "testbench/runner/guest.hpp"

#include <algorithm>

#include "testbench/workload/peer_doorbells.hpp"

namespace vfsim::bench {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

Place peer_place(HostSide& side) {
  return {&side.host, model::Host::kPeerRid, kPeerWindow};
}

}  // namespace

Guest::Guest(const Context& context, std::uint32_t number, std::array<HostSide*, 2> hosts,
             Oracle& oracle, std::vector<Schedule>& schedules)
    : oracle_(oracle),
      params_(context.scenario.workload),
      core_(context.calendar, number, params_.guest_memory_mib * kMiB),
      os_(context.calendar, context.log, "guest" + std::to_string(number), &core_.gate) {
  for (std::uint32_t n = 0; n < params_.vfs_per_guest; ++n) {
    const std::uint32_t vf = number * params_.vfs_per_guest + n;
    nics_.push_back(std::make_unique<GuestNic>(context, os_, core_, vf, *hosts[0], oracle,
                                               std::move(schedules[vf])));
  }
  memory_load_ = std::make_unique<MemoryLoad>(os_, first().function(), params_);
  if (number == 0 && params_.peer_device) {
    peer_ = std::make_unique<FunctionPlatform>(os_, core_.memory, peer_place(*hosts[0]));
  }
  for (HostSide* side : hosts) {
    auto& vm = vms_[side->index];
    vm = std::make_unique<SimGuestVm>(core_, side->host, side->index,
                                      guest_phys(number, core_.memory.bytes()));
    for (const auto& nic : nics_) {
      vm->add_device(side->vfs[nic->vf()]->device, {&nic->function(), vf_place(*side, nic->vf())});
    }
    if (peer_) {
      vm->add_device(*side->peer_device, {peer_.get(), peer_place(*side)});
    }
  }
  core_.memory.place(hosts[0]->host.memory(), vms_[0]->phys());
}

driver::Result<void> Guest::probe() {
  for (const auto& nic : nics_) {
    BOOST_OUTCOME_TRYV(nic->probe());
  }
  return params_.p2p_sends != 0 ? ring_around() : driver::Result<void>(success());
}

driver::Result<void> Guest::ring_around() {
  for (std::uint32_t n = 0; n < nics_.size(); ++n) {
    GuestNic& ringer = *nics_[(n != 0 ? n : nics_.size()) - 1];
    BOOST_OUTCOME_TRYV(nics_[n]->let_ring(ringer, guest_vf_window(n)));
  }
  return success();
}

void Guest::start() {
  if (peer_) {
    os_.spawn("peer", [this] {
      const auto rung = start_peer_doorbells(first().driver(), *peer_, oracle_, first().vf(),
                                             guest_vf_window(0), params_);
      if (!rung) {
        error_ = rung.error().text;
      }
    });
  }
  for (const auto& nic : nics_) {
    nic->start();
  }
  memory_load_->start();
}

driver::Result<void> Guest::remove() {
  BOOST_OUTCOME_TRYV(memory_load_->finish());
  for (const auto& nic : nics_) {
    BOOST_OUTCOME_TRYV(nic->remove());
  }
  return success();
}

void Guest::lose_devices() {
  for (const auto& nic : nics_) {
    nic->lose();
  }
}

void Guest::in_turn(std::function<void()> chore) {
  chores_.push_back(std::move(chore));
  if (chores_.size() == 1) {  // otherwise the thread under way takes it
    os_.spawn("chores", [this] {
      for (; !chores_.empty(); chores_.pop_front()) {
        chores_.front()();
      }
    });
  }
}

void Guest::mask_interrupts(bool masked) {
  in_turn([this, masked] { first().function().mask_vectors(masked); });
}

void Guest::mask_function(bool masked) {
  in_turn([this, masked] { first().function().mask_function(masked); });
}

bool Guest::settled() {
  return std::all_of(nics_.begin(), nics_.end(), [](const auto& nic) { return nic->settled(); });
}

void Guest::report() {
  for (const auto& nic : nics_) {
    nic->report();
  }
}

const std::string& Guest::error() const {
  const auto failed = std::find_if(nics_.begin(), nics_.end(),
                                   [](const auto& nic) { return !nic->error().empty(); });
  return error_.empty() && failed != nics_.end() ? (*failed)->error() : error_;
}

}  // namespace vfsim::bench
