#include "systemc/nic/cmd_doorbell.hpp"

namespace vfsim::model {
namespace {
constexpr std::uint32_t kLastSlot = 1U << (CmdDoorbell::kSlots - 1);

std::uint32_t bit(std::uint32_t slot) {
  return 1U << slot;
}
}  // namespace

std::uint32_t CmdDoorbellTlm::open(std::uint32_t fn) const {
  const Function& f = fns_[fn];
  return f.hold ? 0 : f.pending & ~f.owned & allowed_;
}

void CmdDoorbellTlm::ring(std::uint32_t fn, std::uint32_t slots) {
  fns_[fn].pending |= slots;
  find();
}

void CmdDoorbellTlm::set_hold(std::uint32_t fn, bool hold) {
  fns_[fn].hold = hold;
  look_again(fn, false);
}

void CmdDoorbellTlm::reset(std::uint32_t fn) {
  const bool hold = fns_[fn].hold;
  fns_[fn] = Function{};
  fns_[fn].hold = hold;
  look_again(fn, true);
}

void CmdDoorbellTlm::take(std::uint32_t fn, std::uint32_t slot) {
  if (offer_ && offer_->fn == fn && offer_->slot == slot) {
    fns_[fn].pending &= ~bit(slot);
    fns_[fn].owned |= bit(slot);
    look_again(fn, true);
  }
}

void CmdDoorbellTlm::done(std::uint32_t fn, std::uint32_t slot) {
  fns_[fn].owned &= ~bit(slot);
  find();
}

void CmdDoorbellTlm::clear(std::uint32_t fn, std::uint32_t slots) {
  fns_[fn].pending &= ~slots;
  look_again(fn, true);
}

void CmdDoorbellTlm::set_room(bool any, bool last) {
  allowed_ = any ? ~0U : last ? kLastSlot : 0U;
  if (offer_) {
    look_again(offer_->fn, false);
  } else {
    find();
  }
}

void CmdDoorbellTlm::look_again(std::uint32_t fn, bool always) {
  if (offer_ && offer_->fn == fn && (always || (open(fn) & bit(offer_->slot)) == 0)) {
    offer_.reset();
  }
  find();
}

void CmdDoorbellTlm::find() {
  for (std::uint32_t i = 0; i < VF_MAX_FUNCTIONS && !offer_; ++i) {
    const std::uint32_t fn = (next_fn_ + i) % VF_MAX_FUNCTIONS;
    const std::uint32_t slots = open(fn);
    if (slots != 0) {
      const std::uint32_t ahead = slots >> fns_[fn].next_slot << fns_[fn].next_slot;
      const auto slot = static_cast<std::uint32_t>(__builtin_ctz(ahead != 0 ? ahead : slots));
      offer_ = Offer{static_cast<std::uint8_t>(fn), static_cast<std::uint8_t>(slot)};
      fns_[fn].next_slot = static_cast<std::uint8_t>((slot + 1) % kSlots);
      next_fn_ = (fn + 1) % VF_MAX_FUNCTIONS;
      listener_.command_offered();
    }
  }
}

}  // namespace vfsim::model
