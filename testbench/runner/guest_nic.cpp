#include "testbench/runner/guest_nic.hpp"

#include "testbench/workload/peer_doorbells.hpp"

namespace vfsim::bench {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

driver::EthOptions driver_options(std::uint32_t vf, const Scenario& scenario) {
  const WorkloadParams& params = scenario.workload;
  driver::EthOptions options;
  options.buffer_bytes = frame_buffer_bytes(scenario.nic.mtu);
  options.mac = guest_mac(vf);
  options.log_sq_size = static_cast<std::uint8_t>(params.log_sq);
  options.relaxed_ordering = params.relaxed_keys;
  options.split_tails = params.p2p_sends != 0;
  options.log_rq_size = static_cast<std::uint8_t>(params.log_rq);
  return options;
}

// What a rogue send names: a key that the function was never given, and an address above its
// driver's memory.
constexpr std::uint32_t kForeignKey = 0x00003300;
constexpr std::uint64_t kForeignAddress = 0x10000;
constexpr std::uint32_t kForeignBytes = 256;
constexpr std::uint64_t kForeignQueues = 8;
constexpr unsigned kQueueShift = 8;  // of the queue number in a doorbell

constexpr std::uint64_t kFirstMore = 1ULL << 40;  // number in frames that no schedule has
constexpr driver::Nanoseconds kSenderLook{20'000};      // how often a sender looks whether all has arrived

constexpr driver::Nanoseconds kHandlersEnd{50'000};  // interrupt handlers that run at a reset

}  // namespace

Place vf_place(HostSide& side, std::uint32_t vf) {
  return {&side.host, vf_rid(vf), vf_window(vf)};
}

GuestNic::GuestNic(const Context& context, SimOs& os, GuestCore& core, std::uint32_t vf,
                   HostSide& host, Oracle& oracle, Schedule schedule)
    : vf_(vf),
      os_(os),
      core_(core),
      oracle_(oracle),
      params_(context.scenario.workload),
      function_(os_, core_.memory, vf_place(host, vf)),
      faulty_function_(make_faulty_guest_platform(function_, context.scenario.faults)),
      driver_(in_place_of<driver::Platform>(function_, faulty_function_),
              driver_options(vf, context.scenario)),
      app_(os_, driver_, oracle, vf),
      schedule_(std::move(schedule)) {
  oracle_.uses(vf_, {host.index, static_cast<std::uint8_t>(vf_ + 1)});
  if (vf_fault(context.scenario.faults, VF_FAULT_frame_delivered_twice) != 0) {
    driver_.set_receiver(
        twice_now_and_then([this](const std::uint8_t* frame, std::uint32_t length) {
          oracle_.delivered(vf_, frame, length);
        }));
  }
}

driver::Result<void> GuestNic::remove() {
  return has_device_ ? driver_.remove() : driver::Result<void>(success());
}

driver::Result<void> GuestNic::let_ring(GuestNic& ringer, std::uint64_t window) {
  BOOST_OUTCOME_TRY(bell, post_for_peer(driver_, oracle_, vf_, params_.p2p_sends, params_));
  oracle_.split(ringer.vf_, {vf_rid(ringer.vf_), vf_window(vf_), kVfWindowBytes, kDoorbellBytes});
  return ring_with_frames(ringer.driver_, ringer.schedule_.to_guest, bell, window);
}

driver::Result<void> GuestNic::reset_under(const Task& reset, Crew& crew) {
  oracle_.expect_reset(vf_, {core_.host, static_cast<std::uint8_t>(vf_ + 1)}, [this] { app_.pause(); });
  BOOST_OUTCOME_TRYV(reset());
  return crew.side_by_side({{&os_, [this]() -> driver::Result<void> {
                               os_.sleep(kHandlersEnd);
                               driver_.give_up();
                               oracle_.abandon(vf_, completed());
                               BOOST_OUTCOME_TRYV(driver_.probe());
                               app_.resume();
                               return success();
                             }}});
}

void GuestNic::lose() {
  has_device_ = false;
  app_.stop();
  oracle_.lose(vf_, completed());
}

void GuestNic::rogue_send(const std::string& what) {
  os_.spawn("rogue", [this, what] {
    if (what == "doorbell") {
      ring_foreign_queues();
      return;
    }
    const bool memory = what == "memory";
    const auto posted = driver_.send_raw(
        memory ? driver_.physical_key() : kForeignKey,
        memory ? core_.memory.bytes() + kForeignAddress : kForeignAddress, kForeignBytes);
    extra_sends_ += posted ? 1 : 0;
  });
}

/// Send queues that are not its own, on every doorbell page of its BAR.
void GuestNic::ring_foreign_queues() {
  const driver::SendDoorbell own = driver_.doorbell();
  for (std::uint64_t queue = 1; queue <= kForeignQueues; ++queue) {
    function_.write64(own.uar_offset, own.value + (queue << kQueueShift));
    function_.write64(own.uar_offset + queue * VF_PAGE_BYTES, own.value + (queue << kQueueShift));
  }
}

void GuestNic::spare_send() {
  os_.spawn("spare", [this] {
    const Frame frame = numbered_frame(client_mac(vf_), {}, 0, params_.packet_bytes);
    const auto posted = driver_.send(frame.data(), static_cast<std::uint32_t>(frame.size()));
    extra_sends_ += posted ? 1 : 0;
  });
}

driver::Result<void> GuestNic::send_more(std::uint64_t count, driver::Nanoseconds limit) {
  if (params_.p2p_sends != 0 || (params_.peer_device && vf_ == 0)) {
    return driver::fail(ENOTSUP, "another device rings for what this guest sends");
  }
  const driver::Nanoseconds deadline = os_.now() + limit;
  for (std::uint64_t n = 0; n < count; ++n) {
    BOOST_OUTCOME_TRYV(has_device_ ? app_.send_in_turn(numbered_frame(client_mac(vf_), guest_mac(vf_),
                                                                   kFirstMore + more_sends_++,
                                                                   params_.packet_bytes),
                                                    deadline)
                                   : driver::fail(ENODEV, "the guest has no device any more"));
  }
  while (!oracle_.settled(vf_)) {
    if (os_.now() >= deadline) {
      return driver::fail(ETIMEDOUT, "not everything has arrived and completed");
    }
    os_.sleep(kSenderLook);
    oracle_.completed(vf_, completed());
  }
  return success();
}

void GuestNic::issue_commands(const CommandLoad& load) {
  ++command_loads_;
  os_.spawn("commands", [this, load] {
    const auto done = run_command_load(os_, function_, driver_.commands(), load);
    if (!done && error_.empty()) {
      error_ = "command load: " + done.error().text;
    }
    --command_loads_;
  });
}

bool GuestNic::settled() {
  if (!has_device_) {
    return app_.all_sent();
  }
  oracle_.completed(vf_, completed());
  return app_.all_sent() && command_loads_ == 0 && oracle_.settled(vf_);
}

void GuestNic::report() {
  if (!has_device_) {
    return;
  }
  oracle_.completed(vf_, completed());
  std::vector<std::string> problems;
  if (!function_.interrupt_pending()) {
    problems = driver_.self_check();
    if (driver_.link_up() != oracle_.plugged(core_.host)) {
      problems.emplace_back("the driver has not heard of the last link change");
    }
  }
  for (const std::string& problem : problems) {
    os_.log(driver::LogLevel::warning, problem);
  }
  oracle_.interrupts_checked(vf_, problems.size(), problems.empty() ? "" : problems.front());
}

}  // namespace vfsim::bench
