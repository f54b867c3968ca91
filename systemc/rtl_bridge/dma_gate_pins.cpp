#include "systemc/rtl_bridge/dma_gate_pins.hpp"

#include "rtl_models/common/rtl_model.hpp"
#include "Vdma_gate_checked.h"

namespace vfsim::model {

using Block = Vdma_gate_checked;

class DmaGatePins::Impl {
 public:
  Impl(rtl::RtlSession& session, const std::string& name) : dut(session, name) {}
  rtl::RtlModel<Block> dut;
};

namespace {
template <class Words>
void put(Words& words, std::uint32_t fn, bool on) {
  const std::uint32_t bit = 1U << fn % 32;
  words[fn / 32] = on ? words[fn / 32] | bit : words[fn / 32] & ~bit;
}
template <class Words>
bool get(const Words& words, std::uint32_t fn) {
  return (words[fn / 32] >> fn % 32 & 1) != 0;
}
}  // namespace

DmaGatePins::DmaGatePins(rtl::RtlSession& session, const std::string& name, std::uint32_t own,
                         std::uint32_t tags)
    : impl_(std::make_unique<Impl>(session, name)) {
  impl_->dut->cfg_own_i = static_cast<SData>(own);
  impl_->dut->cfg_tags_i = static_cast<SData>(tags);
}

DmaGatePins::~DmaGatePins() = default;

void DmaGatePins::read_request(std::uint32_t fn, bool on) {
  put(impl_->dut->req_rd_i, fn, on);
}
void DmaGatePins::write_request(std::uint32_t fn, bool on) {
  put(impl_->dut->req_wr_i, fn, on);
}
void DmaGatePins::message_request(std::uint32_t fn, bool on) {
  put(impl_->dut->req_msi_i, fn, on);
}
void DmaGatePins::quiesce(std::uint32_t fn, bool on) {
  put(impl_->dut->quiesce_req_i, fn, on);
}
void DmaGatePins::busy(std::uint32_t fn, bool on) {
  put(impl_->dut->busy_i, fn, on);
}
void DmaGatePins::ready(bool reads, bool posted) {
  impl_->dut->rd_ready_i = reads;
  impl_->dut->wr_ready_i = posted;
}

void DmaGatePins::completion(std::uint16_t tag) {
  impl_->dut->cpl_valid_i = 1;
  impl_->dut->cpl_tag_i = static_cast<CData>(tag);
}
void DmaGatePins::landing(std::uint32_t fn) {
  impl_->dut->wr_done_valid_i = 1;
  impl_->dut->wr_done_fn_i = static_cast<CData>(fn);
}
void DmaGatePins::reset(std::uint32_t fn) {
  impl_->dut->flr_valid_i = 1;
  impl_->dut->flr_fn_i = static_cast<CData>(fn);
}
void DmaGatePins::tick() {
  impl_->dut->tick_i = 1;
}

DmaGatePins::Out DmaGatePins::look() {
  impl_->dut.eval();
  const Block& dut = *impl_->dut;
  Out out;
  out.read = dut.rd_valid_o != 0;
  out.read_fn = dut.rd_fn_o;
  out.read_tag = dut.rd_tag_o;
  out.posted = dut.wr_valid_o != 0;
  out.posted_fn = dut.wr_fn_o;
  out.message = dut.wr_msi_o != 0;
  out.expired = dut.expired_valid_o != 0;
  out.expired_tag = dut.expired_tag_o;
  return out;
}

void DmaGatePins::clock(std::uint64_t ps) {
  impl_->dut.cycle_at(ps);
  impl_->dut->cpl_valid_i = 0;
  impl_->dut->wr_done_valid_i = 0;
  impl_->dut->flr_valid_i = 0;
  impl_->dut->tick_i = 0;
}

bool DmaGatePins::acknowledged(std::uint32_t fn) const {
  return get(impl_->dut->quiesce_ack_o, fn);
}
bool DmaGatePins::drained(std::uint32_t fn) const {
  return get(impl_->dut->drained_o, fn);
}
bool DmaGatePins::timed_out(std::uint32_t fn) const {
  return get(impl_->dut->cpl_timeout_o, fn);
}
bool DmaGatePins::sweeps() const {
  return impl_->dut->sweep_o != 0;
}

}  // namespace vfsim::model
