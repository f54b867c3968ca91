#include "testbench/faults/faulty_port.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "firmware/interface/fault_table.hpp"
#include "testbench/faults/bus_faults.hpp"

namespace vfsim::bench {

using model::Tlp;
using model::TlpKind;

namespace {

/// Cookie of a TLP that the decorator sends by itself; the engine's own never reach it.
constexpr std::uint32_t kOwn = ~0U - 1;
constexpr model::Ps kRetry = 100 * model::kNs;

/// Function that a SUSPEND_VHCA or RESUME_VHCA names (both inputs are laid out alike); 0: none.
std::uint32_t target_of(const model::CommandView& view) {
  if (view.in_bytes < VF_BYTES(suspend_vhca_in)) {
    return 0;
  }
  const auto fn = static_cast<std::uint32_t>(VF_GET(suspend_vhca_in, view.in, vhca_id)) -
                  static_cast<std::uint32_t>(VF_VHCA_ID_BASE);
  return fn < VF_MAX_FUNCTIONS ? fn : 0;
}

}  // namespace

bool FaultyPort::wanted(vf_fault_set faults) {
  unsigned fault = 0;
  return std::any_of(std::begin(contract::kFaults), std::end(contract::kFaults),
                     [&](const contract::FaultRow& row) {
                       return vf_fault(faults, static_cast<enum vf_fault>(fault++)) != 0 &&
                              row.layer == "bus";
                     });
}

FaultyPort::FaultyPort(model::Calendar& calendar, model::ProbeBus& probes, model::PcieEndpoint& nic,
                       model::Rid base, model::Host& host, std::uint8_t index, vf_fault_set faults)
    : calendar_(calendar), nic_(nic), base_(base), host_(host), index_(index) {
  for (unsigned i = 0; i < VF_FAULT_COUNT; ++i) {
    const auto fault = static_cast<enum vf_fault>(i);
    if (std::unique_ptr<BusFault> defect =
            vf_fault(faults, fault) != 0 ? make_bus_fault(fault, *this) : nullptr) {
      faults_.push_back(std::move(defect));
    }
  }
  probes.subscribe(*this, {model::Probe::command, model::Probe::function_reset});
}

FaultyPort::~FaultyPort() = default;

void FaultyPort::send(const Tlp& tlp, const std::uint8_t* payload) {
  if (tlp.kind == TlpKind::completion) {
    link_->send(tlp, payload);
    return;
  }
  Tlp changed = tlp;
  const auto fn = static_cast<std::uint32_t>(tlp.requester - base_);
  for (const auto& fault : faults_) {
    if (fault->sending(fn, changed, payload)) {
      return;
    }
  }
  // A defect may have used the credits that the NIC was promised.
  if (link_->can_send(changed.kind, changed.bytes)) {
    link_->send(changed, payload);
  } else {
    send_later(changed, payload, kRetry);
  }
}

void FaultyPort::receive(const Tlp& tlp, const std::uint8_t* payload) {
  for (const auto& fault : faults_) {
    if (fault->receiving(tlp, payload)) {
      return;
    }
  }
  nic_.receive(tlp, payload);
}

void FaultyPort::write_landed(const Tlp& tlp, bool ok) {
  if (tlp.cookie != kOwn) {
    nic_.write_landed(tlp, ok);
  }
}

void FaultyPort::credits_returned() {
  send_due();
  nic_.credits_returned();
}

void FaultyPort::send_later(const Tlp& tlp, const std::uint8_t* payload, model::Ps delay) {
  Message message{tlp, {}, now() + delay};
  if (payload != nullptr) {
    message.payload.assign(payload, payload + tlp.bytes);
  }
  const auto behind = std::find_if(later_.begin(), later_.end(),
                                   [&](const Message& m) { return m.due > message.due; });
  later_.insert(behind, std::move(message));
  arm();
}

void FaultyPort::send_own(Tlp tlp, const std::uint8_t* payload, model::Ps delay) {
  tlp.cookie = kOwn;
  send_later(tlp, payload, delay);
}

void FaultyPort::pretend_landed(const Tlp& tlp) {
  landed_.push_back(tlp);
  arm();
}

void FaultyPort::send_due() {
  while (!later_.empty() && later_.front().due <= now() &&
         link_->can_send(later_.front().tlp.kind, later_.front().tlp.bytes)) {
    const Message message = std::move(later_.front());
    later_.pop_front();
    link_->send(message.tlp, message.payload.empty() ? nullptr : message.payload.data());
  }
}

void FaultyPort::arm() {
  if (!landed_.empty()) {
    calendar_.arm_earlier(*this, now());
  } else if (!later_.empty()) {
    calendar_.arm_earlier(*this, later_.front().due > now() ? later_.front().due : now() + kRetry);
  }
}

void FaultyPort::fire() {
  while (!landed_.empty()) {
    const Tlp tlp = landed_.front();
    landed_.pop_front();
    nic_.write_landed(tlp, true);
  }
  send_due();
  arm();
}

void FaultyPort::enter(std::uint32_t fn, Stage stage) {
  stages_[fn] = stage;
  for (const auto& fault : faults_) {
    fault->entered(fn, stage);
  }
}

void FaultyPort::command_submitted(model::Ps t, const model::CommandView& view) {
  (void)t;
  const std::uint32_t fn = view.who.host == index_ ? target_of(view) : 0;
  if (fn == 0) {
    return;
  }
  if (view.opcode == VF_OP_SUSPEND_VHCA) {
    enter(fn, view.op_mod == VF_SUSPEND_INITIATOR ? Stage::closing : Stage::stopping);
  } else if (view.opcode == VF_OP_RESUME_VHCA) {
    enter(fn, view.op_mod == VF_RESUME_INITIATOR ? Stage::running : Stage::p2p);
  }
}

void FaultyPort::command_completed(model::Ps t, const model::CommandView& view) {
  (void)t;
  const std::uint32_t fn = view.who.host == index_ ? target_of(view) : 0;
  if (fn == 0 || view.opcode != VF_OP_SUSPEND_VHCA) {
    return;
  }
  const bool done = view.delivery == VF_DELIVERY_OK && view.status == VF_STATUS_OK;
  const bool initiator = view.op_mod == VF_SUSPEND_INITIATOR;
  if (done) {
    enter(fn, initiator ? Stage::p2p : Stage::stopped);
  } else {
    enter(fn, initiator ? Stage::running : Stage::p2p);
  }
}

void FaultyPort::function_reset(model::Ps t, model::FnRef who) {
  (void)t;
  if (who.host != index_ || who.fn >= VF_MAX_FUNCTIONS) {
    return;
  }
  enter(who.fn, Stage::running);
  for (const auto& fault : faults_) {
    fault->reset(who.fn);
  }
}

}  // namespace vfsim::bench
