#include "systemc/nic/nic.hpp"

#include <cstring>
#include <utility>

#include "systemc/fw_host/fw_host_native.hpp"
#include "systemc/nic/dma_gate_tlm.hpp"
#include "systemc/nic/mkey_walker_tlm.hpp"
#include "systemc/nic/nic_impl.hpp"

namespace vfsim::model {

namespace {
constexpr Ps kRegisterAccess = 100 * kNs;  // from a request's arrival to its completion
}  // namespace

CompletionSender::CompletionSender(NicCore& core)
    : core_(core), latency_(core.calendar, *this, kRegisterAccess) {}

void CompletionSender::due(Answer& answer) {
  waiting_.push(answer);
  credits_returned();
}

void CompletionSender::credits_returned() {
  while (!waiting_.empty() &&
         core_.port->can_send(TlpKind::completion, waiting_.front().tlp.bytes)) {
    const Answer& answer = waiting_.front();
    core_.port->send(answer.tlp, answer.data.data());
    waiting_.pop();
  }
}

Nic::Impl::Impl(Calendar& calendar, ProbeBus& probes, const NicParams& params,
                const PcieParams& pcie, std::uint8_t host, Rid rid, const BlockMakers& makers)
    : core(calendar, probes, params, pcie, host, rid),
      arbiter(make_block<RrArbiter>(makers.tx_arbiter)),
      doorbells(
          make_block<CmdDoorbellTlm>(makers.cmd_doorbell, static_cast<OfferListener&>(*this))),
      gate(make_block<DmaGateTlm>(makers.dma_gate, core)),
      walker(make_block<MkeyWalkerTlm>(makers.mkey_walker, core)),
      engine(core, *gate, *walker),
      interrupts(core, engine),
      events(core, engine, interrupts),
      completions(core, engine, events),
      senders(core, engine, completions, events, *arbiter),
      receivers(core, engine, completions, events),
      blocks{*gate,       *walker, engine,    interrupts, events,
             completions, senders, receivers, *doorbells},
      control(core, blocks, pcie),
      registers(core, blocks, control),
      bar(core, blocks, control),
      answers(core),
      firmware(std::make_unique<FwHostNative>(calendar, params, registers, host + 1U)) {
  control.set_irq_listener(*this);
}

void Nic::Impl::answer(const Tlp& request, CplStatus status, const std::uint8_t* data,
                       std::uint32_t bytes) {
  CompletionSender::Answer answer{};
  answer.tlp.kind = TlpKind::completion;
  answer.tlp.status = status;
  answer.tlp.last = true;
  answer.tlp.requester = request.requester;
  answer.tlp.completer = request.completer;
  answer.tlp.tag = request.tag;
  answer.tlp.bytes = bytes;
  answer.tlp.cookie = request.cookie;
  if (bytes != 0) {
    std::memcpy(answer.data.data(), data, bytes);
  }
  answers.push(answer);
}

void Nic::Impl::memory_read(std::uint32_t fn, const Tlp& tlp) {
  std::array<std::uint8_t, CompletionSender::kMaxBytes> data;
  if (tlp.bytes > data.size()) {
    answer(tlp, CplStatus::completer_abort, nullptr, 0);
    return;
  }
  bar.read(fn, tlp.addr, data.data(), tlp.bytes);
  answer(tlp, CplStatus::successful, data.data(), tlp.bytes);
}

void Nic::Impl::config_access(std::uint32_t fn, const Tlp& tlp, const std::uint8_t* payload) {
  ConfigSpace& config = control.function(fn).config();
  const auto reg = static_cast<std::uint32_t>(tlp.addr);
  std::array<std::uint8_t, 4> data{};
  if (tlp.bytes > data.size()) {
    answer(tlp, CplStatus::unsupported_request, nullptr, 0);
  } else if (tlp.kind == TlpKind::cfg_read) {
    const std::uint32_t value = config.read(reg, tlp.bytes);
    for (std::uint32_t i = 0; i < tlp.bytes; ++i) {
      data[i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
    answer(tlp, CplStatus::successful, data.data(), tlp.bytes);
  } else {
    std::uint32_t value = 0;
    for (std::uint32_t i = 0; i < tlp.bytes; ++i) {
      value |= static_cast<std::uint32_t>(payload[i]) << (8 * i);
    }
    config.write(reg, value, tlp.bytes);
    answer(tlp, CplStatus::successful, nullptr, 0);
  }
}

void Nic::Impl::request(const Tlp& tlp, const std::uint8_t* payload) {
  const std::uint32_t fn = static_cast<std::uint32_t>(tlp.completer - core.rid);
  const bool present = tlp.completer >= core.rid && fn < core.functions() && core.run[fn].present;
  const bool memory = tlp.kind == TlpKind::mem_write || tlp.kind == TlpKind::mem_read;
  const bool reached = present && (!memory || control.decodes_memory(fn));
  if (tlp.kind == TlpKind::mem_write) {
    if (reached) {
      bar.write(fn, tlp.addr, payload, tlp.bytes);
    }
  } else if (!reached) {
    answer(tlp, CplStatus::unsupported_request, nullptr, 0);
  } else if (tlp.kind == TlpKind::mem_read) {
    memory_read(fn, tlp);
  } else {
    config_access(fn, tlp, payload);
  }
}

Nic::Nic(Calendar& calendar, ProbeBus& probes, const NicParams& params, const PcieParams& pcie,
         std::uint8_t host, Rid rid, const BlockMakers& makers)
    : impl_(std::make_unique<Impl>(calendar, probes, params, pcie, host, rid, makers)) {}

Nic::~Nic() = default;

void Nic::connect(PciePort& pcie, WirePort& wire) {
  impl_->core.port = &pcie;
  impl_->core.wire = &wire;
}

void Nic::set_faults(vf_fault_set faults) {
  impl_->core.faults = faults;
  impl_->firmware->set_faults(faults);
}

void Nic::power_on() {
  impl_->control.power_on();
  impl_->firmware->start();
}

void Nic::receive(const Tlp& tlp, const std::uint8_t* payload) {
  if (tlp.kind == TlpKind::completion) {
    impl_->engine.completion(tlp, payload);
  } else {
    impl_->request(tlp, payload);
  }
}

void Nic::write_landed(const Tlp& tlp, bool ok) {
  impl_->engine.write_landed(tlp, ok);
}

void Nic::credits_returned() {
  impl_->answers.credits_returned();
  impl_->engine.credits_returned();
}

FrameDrop Nic::frame_arrived(const std::uint8_t* bytes, std::uint32_t length) {
  return impl_->receivers.frame(bytes, length);
}

bool Nic::owns_mac(const std::uint8_t* mac) const {
  return impl_->receivers.owns(mac);
}

void Nic::set_link(bool up) {
  impl_->control.set_link(up);
}

const vf_context_ram& Nic::context() const {
  return *impl_->core.ram;
}

std::uint32_t Nic::outstanding_reads(std::uint32_t fn) const {
  return impl_->engine.outstanding_reads(fn);
}

std::uint32_t Nic::inflight_writes(std::uint32_t fn) const {
  return impl_->engine.inflight_writes(fn);
}

std::uint64_t Nic::state_digest(std::uint32_t fn) const {
  return impl_->digest(fn, impl_->doorbells->pending(fn));
}

const NicStats& Nic::stats() const {
  return impl_->core.stats;
}

}  // namespace vfsim::model
