#include "systemc/rtl_bridge/cmd_doorbell_rtl.hpp"

#include <algorithm>

namespace vfsim::model {

CmdDoorbellRtl::CmdDoorbellRtl(rtl::RtlSession& session, const std::string& name,
                               Calendar& calendar, Ps period, OfferListener& listener)
    : dut_(session, name),
      listener_(listener),
      clock_(calendar, *this, period),
      calendar_(calendar) {}

void CmdDoorbellRtl::push(Kind kind, std::uint32_t fn, std::uint32_t slots) {
  orders_.push({kind, fn, slots});
  clock_.wake();
}

void CmdDoorbellRtl::cycle(Ps at) {
  last_ = std::max(at, last_ + clock_.period());
  if (settle_ > 0) {
    dut_.cycle(last_, nullptr);
    --settle_;
  } else {
    const CmdDoorbellDut::Order order = orders_.front();
    orders_.pop();
    dut_.cycle(last_, &order);
    settle_ = kSettle;
  }
  if (dut_.offered()) {  // and stays
    settle_ = 0;
  }
}

bool CmdDoorbellRtl::edge() {
  if (!settled()) {  // else a register read has clocked the block meanwhile
    cycle(calendar_.now());
  }
  if (settled() && dut_.offered()) {
    listener_.command_offered();
  }
  return !settled();
}

void CmdDoorbellRtl::catch_up() {
  while (!settled()) {
    cycle(calendar_.now());
  }
}

void CmdDoorbellRtl::ring(std::uint32_t fn, std::uint32_t slots) {
  push(Kind::ring, fn, slots);
}

void CmdDoorbellRtl::set_hold(std::uint32_t fn, bool hold) {
  if (held_[fn] != hold) {
    held_[fn] = hold;
    push(hold ? Kind::hold : Kind::release, fn, 0);
  }
}

void CmdDoorbellRtl::reset(std::uint32_t fn) {
  push(Kind::reset, fn, 0);
}
void CmdDoorbellRtl::take(std::uint32_t fn, std::uint32_t slot) {
  push(Kind::take, fn, slot);
}
void CmdDoorbellRtl::done(std::uint32_t fn, std::uint32_t slot) {
  push(Kind::done, fn, slot);
}
void CmdDoorbellRtl::set(std::uint32_t fn, std::uint32_t slots) {
  push(Kind::set, fn, slots);
}
void CmdDoorbellRtl::clear(std::uint32_t fn, std::uint32_t slots) {
  push(Kind::clear, fn, slots);
}
void CmdDoorbellRtl::set_room(bool any, bool last) {
  push(Kind::room, 0, any ? 2 : last ? 1 : 0);
}

std::optional<CmdDoorbell::Offer> CmdDoorbellRtl::offer() {
  catch_up();
  return dut_.offered() ? std::optional<Offer>(Offer{dut_.offer_fn(), dut_.offer_slot()})
                        : std::nullopt;
}

std::uint32_t CmdDoorbellRtl::pending(std::uint32_t fn) {
  catch_up();
  return dut_.pending(fn);
}

std::uint32_t CmdDoorbellRtl::owned(std::uint32_t fn) {
  catch_up();
  return dut_.owned(fn);
}

}  // namespace vfsim::model
