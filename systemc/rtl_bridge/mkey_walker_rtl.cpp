#include "systemc/rtl_bridge/mkey_walker_rtl.hpp"

namespace vfsim::model {

MkeyWalkerRtl::MkeyWalkerRtl(rtl::RtlSession& session, const std::string& name, Calendar& calendar,
                             Ps period, const vf_context_ram& ram)
    : calendar_(calendar), dut_(session, name, ram), clock_(calendar, *this, period) {}

bool MkeyWalkerRtl::walk(const WalkRequest& request, std::uint32_t cookie, WalkAnswer&) {
  waiting_.push({request, cookie});
  clock_.wake();
  return false;
}

void MkeyWalkerRtl::keys_changed(std::uint32_t fn, std::uint32_t first, std::uint32_t count) {
  announce({false, static_cast<std::uint8_t>(fn), first, count});
}

void MkeyWalkerRtl::entries_changed(std::uint32_t first, std::uint32_t count) {
  announce({true, 0, first, count});
}

void MkeyWalkerRtl::announce(const MkeyWalkerDut::Change& change) {
  changes_.push(change);
  clock_.wake();
}

// An answer counts only if every change announced so far has reached the block. While more than one
// is on its way nothing new is asked, so that a walk that has to be asked again stays the first.
bool MkeyWalkerRtl::edge() {
  const bool settled = changes_.size() <= 1;
  const WalkRequest* request = !settled            ? nullptr
                               : again_            ? &walking_.request
                               : !waiting_.empty() ? &waiting_.front().request
                                                   : nullptr;
  const MkeyWalkerDut::Seen seen =
      dut_.cycle(calendar_.now(), request, changes_.empty() ? nullptr : &changes_.front());
  if (!changes_.empty()) {
    changes_.pop();
  }
  const std::uint32_t cookie = walking_.cookie;
  if (seen.taken && again_) {
    again_ = false;
  } else if (seen.taken) {
    walking_ = waiting_.front();
    waiting_.pop();
  }
  if (seen.answered && settled) {
    client_->walked(cookie, seen.answer);
  } else if (seen.answered) {
    again_ = true;
  }
  return dut_.busy() || again_ || !waiting_.empty() || !changes_.empty();
}

}  // namespace vfsim::model
