#include "systemc/rtl_bridge/cmd_doorbell_dut.hpp"

#include "rtl_models/common/rtl_model.hpp"
#include "Vcmd_doorbell_checked.h"

namespace vfsim::model {

using Block = Vcmd_doorbell_checked;

class CmdDoorbellDut::Impl {
 public:
  Impl(rtl::RtlSession& session, const std::string& name) : block(session, name) {}

  void drive(const Order& order) {
    block->ring_fn_i = block->fw_fn_i = block->flr_fn_i = static_cast<std::uint8_t>(order.fn);
    block->ring_slots_i = block->fw_slots_i = order.slots;
    block->fw_slot_i = static_cast<std::uint8_t>(order.slots % 32);
    block->ring_valid_i = order.kind == Kind::ring;
    block->take_valid_i = order.kind == Kind::take;
    block->done_valid_i = order.kind == Kind::done;
    block->set_valid_i = order.kind == Kind::set;
    block->clear_valid_i = order.kind == Kind::clear;
    block->flr_valid_i = order.kind == Kind::reset;
    if (order.kind == Kind::hold || order.kind == Kind::release) {
      const std::uint32_t bit = 1U << order.fn % 32;
      std::uint32_t& word = block->hold_i[order.fn / 32];
      word = order.kind == Kind::hold ? word | bit : word & ~bit;
    } else if (order.kind == Kind::room) {
      block->room_i = order.slots > 1;
      block->room_last_i = order.slots > 0;
    }
  }
  void release() {
    block->ring_valid_i = block->take_valid_i = block->done_valid_i = 0;
    block->set_valid_i = block->clear_valid_i = block->flr_valid_i = 0;
  }
  void select(std::uint32_t fn) {
    block->sel_fn_i = static_cast<std::uint8_t>(fn);
    block.eval();
  }

  rtl::RtlModel<Block> block;
};

CmdDoorbellDut::CmdDoorbellDut(rtl::RtlSession& session, const std::string& name)
    : impl_(std::make_unique<Impl>(session, name)) {}
CmdDoorbellDut::~CmdDoorbellDut() = default;

void CmdDoorbellDut::cycle(std::uint64_t ps, const Order* order) {
  if (order != nullptr) {
    impl_->drive(*order);
  }
  impl_->block.cycle_at(ps);
  impl_->release();
  impl_->block.eval();
}

bool CmdDoorbellDut::offered() const {
  return impl_->block->offer_valid_o != 0;
}
std::uint8_t CmdDoorbellDut::offer_fn() const {
  return impl_->block->offer_fn_o;
}
std::uint8_t CmdDoorbellDut::offer_slot() const {
  return impl_->block->offer_slot_o;
}

std::uint32_t CmdDoorbellDut::pending(std::uint32_t fn) {
  impl_->select(fn);
  return impl_->block->pending_o;
}
std::uint32_t CmdDoorbellDut::owned(std::uint32_t fn) {
  impl_->select(fn);
  return impl_->block->owned_o;
}

}  // namespace vfsim::model
