#include "systemc/fw_host/fw_host_native.hpp"

#include <algorithm>

namespace vfsim::model {

namespace {
FwPort& port_of(void* ctx) {
  return *static_cast<FwPort*>(ctx);
}

std::uint32_t reg_read(void* ctx, std::uint32_t reg) {
  return port_of(ctx).reg_read(reg);
}
void reg_write(void* ctx, std::uint32_t reg, std::uint32_t value) {
  port_of(ctx).reg_write(reg, value);
}
bool dma_start(void* ctx, const fw_dma* dma) {
  return port_of(ctx).dma_start(*dma);
}
bool dma_ended(void* ctx, std::uint32_t* cookie, fw_dma_result* result) {
  return port_of(ctx).dma_ended(cookie, result);
}
}  // namespace

FwHostNative::FwHostNative(Calendar& calendar, const NicParams& params, FwPort& port,
                           std::uint32_t serial)
    : calendar_(calendar), params_(params), port_(&port) {
  config_.serial = serial;
  config_.mtu = params.mtu;
  config_.check_signatures = params.check_signatures;
  config_.chunk_mode = params.chunk_mode;
  config_.chunk_mode = params.chunk_mode;
}

FwHostNative::~FwHostNative() = default;

void FwHostNative::set_faults(vf_fault_set faults) {
  config_.faults = faults;
  if (started_) {
    fw_set_faults(native_.fw, faults);
  }
}

void FwHostNative::start() {
  if (started_) {
    return;
  }
  fw_native_machine machine{};
  machine.ctx = port_;
  machine.ram = port_->ram();
  machine.reg_read = reg_read;
  machine.reg_write = reg_write;
  machine.dma_start = dma_start;
  machine.dma_ended = dma_ended;
  // Aligned for any type by operator new[].
  memory_.reset(new std::uint8_t[fw_native_bytes()]);
  started_ = true;
  stepping_ = true;
  native_.time_ns = calendar_.now() / kNs;
  fw_native_init(&native_, &machine, memory_.get(), &config_);
  stepping_ = false;
  busy_until_ = calendar_.now() + cost(native_.counts);
  calendar_.arm(*this, busy_until_);
}

void FwHostNative::irq_changed() {
  if (started_ && !stepping_ && !armed() && (port_->irq_level() & native_.irq_mask) != 0) {
    calendar_.arm(*this, std::max(calendar_.now(), busy_until_));
  }
}

void FwHostNative::fire() {
  ++steps_;
  stepping_ = true;
  native_.time_ns = calendar_.now() / kNs;
  const bool again = fw_native_step(&native_);
  stepping_ = false;
  busy_until_ = calendar_.now() + cost(native_.counts);
  if (again || (port_->irq_level() & native_.irq_mask) != 0) {
    calendar_.arm(*this, busy_until_);
  }
}

Ps FwHostNative::cost(const fw_native_counts& counts) const {
  const std::uint64_t ns = params_.fw_step_ns +
                           static_cast<std::uint64_t>(counts.registers) * params_.fw_register_ns +
                           static_cast<std::uint64_t>(counts.transfers) * params_.fw_dma_start_ns;
  return ns * kNs;
}

}  // namespace vfsim::model
