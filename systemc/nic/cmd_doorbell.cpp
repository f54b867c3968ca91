#include "systemc/nic/cmd_doorbell.hpp"

namespace vfsim::model {
namespace {
constexpr std::uint32_t kLastSlot = 1U << (CmdDoorbell::kSlots - 1);

std::uint32_t bit(std::uint32_t slot) {
  return 1U << slot;
}

template <class Set>
void put(Set& set, std::uint32_t fn, bool in) {
  const std::uint64_t one = std::uint64_t{1} << fn % 64;
  set[fn / 64] = in ? set[fn / 64] | one : set[fn / 64] & ~one;
}
}  // namespace

std::uint32_t CmdDoorbellTlm::open(std::uint32_t fn) const {
  const Function& f = fns_[fn];
  return f.hold ? 0 : f.pending & ~f.owned;
}

void CmdDoorbellTlm::ring(std::uint32_t fn, std::uint32_t slots) {
  fns_[fn].pending |= slots;
  look_again(fn);
}

void CmdDoorbellTlm::set_hold(std::uint32_t fn, bool hold) {
  fns_[fn].hold = hold;
  look_again(fn);
}

void CmdDoorbellTlm::reset(std::uint32_t fn) {
  const bool hold = fns_[fn].hold;
  fns_[fn] = Function{};
  fns_[fn].hold = hold;
  look_again(fn, true);
}

void CmdDoorbellTlm::take(std::uint32_t fn, std::uint32_t slot) {
  if (offer_ && offer_->fn == fn && offer_->slot == slot) {
    Function& f = fns_[fn];
    f.pending &= ~bit(slot);
    f.owned |= bit(slot);
    f.next_slot = static_cast<std::uint8_t>((slot + 1) % kSlots);
    next_fn_ = (fn + 1) % VF_MAX_FUNCTIONS;
    look_again(fn, true);
  }
}

void CmdDoorbellTlm::done(std::uint32_t fn, std::uint32_t slot) {
  fns_[fn].owned &= ~bit(slot);
  look_again(fn);
}

void CmdDoorbellTlm::clear(std::uint32_t fn, std::uint32_t slots) {
  fns_[fn].pending &= ~slots;
  look_again(fn, true);
}

void CmdDoorbellTlm::set_room(bool any, bool last) {
  allowed_ = any ? ~0U : last ? kLastSlot : 0U;
  if (offer_ && (allowed_ & bit(offer_->slot)) == 0) {
    offer_.reset();
  }
  find();
}

void CmdDoorbellTlm::look_again(std::uint32_t fn, bool always) {
  const std::uint32_t slots = open(fn);
  put(any_open_, fn, slots != 0);
  put(last_open_, fn, (slots & kLastSlot) != 0);
  if (offer_ && offer_->fn == fn && (always || (slots & bit(offer_->slot)) == 0)) {
    offer_.reset();
  }
  find();
}

void CmdDoorbellTlm::find() {
  if (offer_ || allowed_ == 0) {
    return;
  }
  const Functions& candidates = allowed_ == kLastSlot ? last_open_ : any_open_;
  const int found = first_in_turn(candidates.data(), next_fn_);
  if (found < 0) {
    return;
  }
  const auto fn = static_cast<std::uint32_t>(found);
  const std::uint32_t slots = open(fn) & allowed_;
  const std::uint32_t ahead = slots >> fns_[fn].next_slot << fns_[fn].next_slot;
  const auto slot = static_cast<std::uint32_t>(__builtin_ctz(ahead != 0 ? ahead : slots));
  offer_ = Offer{static_cast<std::uint8_t>(fn), static_cast<std::uint8_t>(slot)};
  listener_.command_offered();
}

}  // namespace vfsim::model
