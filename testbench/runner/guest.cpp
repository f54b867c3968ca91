#include "testbench/runner/guest.hpp"

namespace vfsim::bench {
namespace {

driver::EthOptions driver_options(std::uint32_t guest, const Scenario& scenario) {
  const WorkloadParams& params = scenario.workload;
  driver::EthOptions options;
  options.buffer_bytes = frame_buffer_bytes(scenario.nic.mtu);
  options.mac = guest_mac(guest);
  options.log_sq_size = static_cast<std::uint8_t>(params.log_sq);
  options.relaxed_ordering = params.relaxed_keys;
  options.log_rq_size = static_cast<std::uint8_t>(params.log_rq);
  return options;
}

// What a rogue send names: a key that the function was never given, and an address above its driver's memory.
constexpr std::uint32_t kForeignKey = 0x00003300;
constexpr std::uint64_t kForeignAddress = 0x10000;
constexpr std::uint32_t kForeignBytes = 256;
constexpr std::uint64_t kForeignQueues = 8;
constexpr unsigned kQueueShift = 8;  // of the queue number in a doorbell

constexpr driver::Nanoseconds kHandlersEnd{50'000};  // interrupt handlers that run when the function is reset

Place vf_place(HostSide& side, std::uint32_t guest) { return {&side.host, vf_rid(guest), vf_window(guest)}; }
Place peer_place(HostSide& side) { return {&side.host, model::Host::kPeerRid, kPeerWindow}; }

}  // namespace

Guest::Guest(const Context& context, std::uint32_t number, std::array<HostSide*, 2> hosts, Oracle& oracle, Schedule schedule)
    : number_(number),
      oracle_(oracle),
      core_(context.calendar, number, context.scenario.workload.guest_memory_mib * kMiB),
      os_(context.calendar, context.log, "guest" + std::to_string(number), &core_.gate),
      vf_(os_, core_.memory, vf_place(*hosts[0], number)),
      faulty_vf_(make_faulty_guest_platform(vf_, context.scenario.faults)),
      driver_(in_place_of<driver::Platform>(vf_, faulty_vf_), driver_options(number, context.scenario)),
      app_(os_, driver_, oracle, number),
      memory_load_(os_, vf_, context.scenario.workload),
      schedule_(std::move(schedule)),
      params_(context.scenario.workload) {
  const bool with_peer = number == 0 && params_.peer_device;
  if (with_peer) {
    peer_ = std::make_unique<FunctionPlatform>(os_, core_.memory, peer_place(*hosts[0]));
  }
  for (HostSide* side : hosts) {
    auto& vm = vms_[side->index];
    vm = std::make_unique<SimGuestVm>(core_, side->host, side->index, guest_phys(number, core_.memory.bytes()));
    vm->add_device(side->vfs[number]->device, {&vf_, vf_place(*side, number)});
    if (with_peer) {
      vm->add_device(*side->peer_device, {peer_.get(), peer_place(*side)});
    }
  }
  if (vf_fault(context.scenario.faults, VF_FAULT_frame_delivered_twice) != 0) {
    driver_.set_receiver(twice_now_and_then([this](const std::uint8_t* frame, std::uint32_t length) {
      oracle_.delivered(number_, frame, length);
    }));
  }
  core_.memory.place(hosts[0]->host.memory(), vms_[0]->phys());
}

void Guest::start() {
  if (peer_) {
    os_.spawn("peer", [this] {
      const auto rung = start_peer_doorbells(driver_, *peer_, oracle_, number_, kGuestVfWindow, params_);
      if (!rung) {
        error_ = rung.error().text;
      }
    });
  }
  app_.start(schedule_.from_guest);
  memory_load_.start();
}

driver::Result<void> Guest::remove() {
  BOOST_OUTCOME_TRYV(memory_load_.finish());
  return has_device_ ? driver_.remove() : driver::Result<void>(BOOST_OUTCOME_V2_NAMESPACE::success());
}

driver::Result<void> Guest::reset_under(const Task& reset, Crew& crew) {
  oracle_.expect_reset(number_, core_.host, [this] { app_.pause(); });
  BOOST_OUTCOME_TRYV(reset());
  return crew.side_by_side({{&os_, [this]() -> driver::Result<void> {
                               os_.sleep(kHandlersEnd);
                               driver_.give_up();
                               oracle_.abandon(number_, driver_.sends_completed() - extra_sends_);
                               BOOST_OUTCOME_TRYV(driver_.probe());
                               app_.resume();
                               return BOOST_OUTCOME_V2_NAMESPACE::success();
                             }}});
}

void Guest::lose_device() {
  has_device_ = false;
  app_.stop();
  oracle_.lose(number_, driver_.sends_completed() - extra_sends_);
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
  in_turn([this, masked] { vf_.mask_vectors(masked); });
}

void Guest::rogue_send(const std::string& what) {
  os_.spawn("rogue", [this, what] {
    if (what == "doorbell") {
      ring_foreign_queues();
      return;
    }
    const bool memory = what == "memory";
    const auto posted = driver_.send_raw(memory ? driver_.physical_key() : kForeignKey,
                                         memory ? core_.memory.bytes() + kForeignAddress : kForeignAddress, kForeignBytes);
    extra_sends_ += posted ? 1 : 0;
  });
}

/// Send queues that are not its own, on every doorbell page of its BAR.
void Guest::ring_foreign_queues() {
  const driver::SendDoorbell own = driver_.doorbell();
  for (std::uint64_t queue = 1; queue <= kForeignQueues; ++queue) {
    vf_.write64(own.uar_offset, own.value + (queue << kQueueShift));
    vf_.write64(own.uar_offset + queue * VF_PAGE_BYTES, own.value + (queue << kQueueShift));
  }
}

void Guest::mask_function(bool masked) {
  in_turn([this, masked] { vf_.mask_function(masked); });
}

void Guest::spare_send() {
  os_.spawn("spare", [this] {
    const Frame frame = numbered_frame(client_mac(number_), {}, 0, params_.packet_bytes);
    const auto posted = driver_.send(frame.data(), static_cast<std::uint32_t>(frame.size()));
    extra_sends_ += posted ? 1 : 0;
  });
}

void Guest::issue_commands(const CommandLoad& load) {
  ++command_loads_;
  os_.spawn("commands", [this, load] {
    if (const auto done = run_command_load(os_, vf_, driver_.commands(), load); !done && error_.empty()) {
      error_ = "command load: " + done.error().text;
    }
    --command_loads_;
  });
}

bool Guest::settled() {
  if (!has_device_) {
    return app_.all_sent();
  }
  oracle_.completed(number_, driver_.sends_completed() - extra_sends_);
  return app_.all_sent() && command_loads_ == 0 && oracle_.settled(number_);
}

void Guest::report() {
  if (!has_device_) {
    return;
  }
  oracle_.completed(number_, driver_.sends_completed() - extra_sends_);
  std::vector<std::string> problems;
  if (!vf_.interrupt_pending()) {
    problems = driver_.self_check();
    if (driver_.link_up() != oracle_.plugged(core_.host)) {
      problems.emplace_back("the driver has not heard of the last link change");
    }
  }
  for (const std::string& problem : problems) {
    os_.log(driver::LogLevel::warning, problem);
  }
  oracle_.interrupts_checked(number_, problems.size());
}

}  // namespace vfsim::bench
