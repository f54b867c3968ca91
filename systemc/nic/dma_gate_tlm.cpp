#include "systemc/nic/dma_gate_tlm.hpp"

#include "firmware/interface/faults.h"
#include "systemc/nic/delay_line.hpp"

namespace vfsim::model {

DmaGateTlm::DmaGateTlm(NicCore& core)
    : core_(core),
      share_(tag_share(core.params)),
      posted_round_(kNicFunctions),
      read_round_(kNicFunctions),
      tags_(share_.total),
      pool_(256) {
  for (std::uint32_t tag = share_.own; tag < share_.total; ++tag) {
    pool_.push(static_cast<std::uint16_t>(tag));
  }
}

/// No reads and no data of the function leave.
bool DmaGateTlm::shut(const Function& f) const {
  return f.state == State::quiet && !core_.fault(VF_FAULT_dma_after_suspend) &&
         !core_.fault(VF_FAULT_rx_after_suspend);
}

void DmaGateTlm::update_own(std::uint32_t fn) {
  const std::uint64_t bit = 1ULL << (fn % 64);
  std::uint64_t& word = own_ready_[fn / 64];
  word = owns_free_tag(fn) && may_read(functions_[fn]) ? word | bit : word & ~bit;
}

void DmaGateTlm::request_read(std::uint32_t fn, bool pending) {
  Function& f = functions_[fn];
  f.read = pending;
  update_own(fn);
  if (!may_read(f) || f.read_turn) {
    return;
  }
  f.read_turn = true;
  read_round_.push(static_cast<std::uint8_t>(fn));
  pump_reads();
}

void DmaGateTlm::request_posted(std::uint32_t fn, GatePosted head) {
  Function& f = functions_[fn];
  f.posted = head;
  if (!may_post(f) || f.posted_turn) {
    return;
  }
  f.posted_turn = true;
  posted_round_.push(static_cast<std::uint8_t>(fn));
  pump_posted();
}

void DmaGateTlm::link_ready() {
  pump_posted();
  pump_reads();
}

void DmaGateTlm::pump_posted() {
  if (pumping_posted_) {
    return;
  }
  pumping_posted_ = true;
  while (!posted_round_.empty()) {
    const std::uint8_t fn = posted_round_.front();
    Function& f = functions_[fn];
    if (may_post(f)) {
      if (!core_.port->can_send(TlpKind::mem_write, core_.pcie.max_payload)) {
        break;
      }
      grant_posted(fn, f);
      if (may_post(f) && posted_round_.size() == 1) {
        continue;  // it is its turn again
      }
    }
    posted_round_.pop();
    f.posted_turn = may_post(f);
    if (f.posted_turn) {
      posted_round_.push(fn);
    }
  }
  pumping_posted_ = false;
}

void DmaGateTlm::grant_posted(std::uint32_t fn, Function& f) {
  ++f.in_flight;
  f.posted = client_->posted_granted(fn, f.posted);
  settle(fn);
}

void DmaGateTlm::pump_reads() {
  if (pumping_reads_) {
    return;
  }
  pumping_reads_ = true;
  while (read_in_turn() || read_with_own_tag()) {
  }
  pumping_reads_ = false;
}

/// The first function of the round, with its own tag or one of the pool. False: no turn was taken.
bool DmaGateTlm::read_in_turn() {
  if (read_round_.empty()) {
    return false;
  }
  const std::uint8_t fn = read_round_.front();
  Function& f = functions_[fn];
  if (may_read(f)) {
    const bool own = owns_free_tag(fn);
    if ((!own && pool_.empty()) || !core_.port->can_send(TlpKind::mem_read, 0)) {
      return false;
    }
    grant_read(fn, own ? fn : take_front(pool_));
  }
  read_round_.pop();
  f.read_turn = may_read(f);
  if (f.read_turn) {
    read_round_.push(fn);
  }
  return true;
}

/// The pool is empty: a function behind others in the round may still have its own tag.
bool DmaGateTlm::read_with_own_tag() {
  for (std::size_t word = 0; word < own_ready_.size(); ++word) {
    if (own_ready_[word] != 0 && core_.port->can_send(TlpKind::mem_read, 0)) {
      const auto fn = static_cast<std::uint32_t>(word * 64) +
                      static_cast<std::uint32_t>(__builtin_ctzll(own_ready_[word]));
      grant_read(fn, static_cast<std::uint16_t>(fn));
      return true;
    }
  }
  return false;
}

void DmaGateTlm::grant_read(std::uint32_t fn, std::uint16_t number) {
  Function& f = functions_[fn];
  Tag& tag = tags_[number];
  tag.fn = static_cast<std::uint8_t>(fn);
  tag.state = TagState::busy;
  link_deadline(number);
  ++f.outstanding;
  f.read = client_->read_granted(fn, number);
  update_own(fn);
  settle(fn);
}

void DmaGateTlm::completed(std::uint16_t number) {
  Tag& tag = tags_[number];
  if (tag.state == TagState::free) {
    return;
  }
  const bool busy = tag.state == TagState::busy;
  unlink_deadline(number);
  free_tag(number);
  if (busy) {
    --functions_[tag.fn].outstanding;
    settle(tag.fn);
  }
  pump_reads();
}

void DmaGateTlm::landed(std::uint32_t fn) {
  --functions_[fn].in_flight;
  settle(fn);
}

void DmaGateTlm::quiesce(std::uint32_t fn, bool on) {
  Function& f = functions_[fn];
  if (!on) {
    f.state = State::run;
    request_posted(fn, f.posted);
    request_read(fn, f.read);
  } else if (f.state == State::run) {
    f.state = State::drain;
    f.timed_out = false;
    settle(fn);
  }
}

void DmaGateTlm::acknowledge(std::uint32_t fn) {
  Function& f = functions_[fn];
  if (f.outstanding != 0 || f.in_flight != 0 || f.read || f.posted != GatePosted::none ||
      listener_->busy(fn)) {
    return;
  }
  if (f.state == State::drain) {
    f.state = State::quiet;
    listener_->quiet(fn);
  } else {
    listener_->drained(fn);
  }
}

void DmaGateTlm::reset(std::uint32_t fn) {
  Function& f = functions_[fn];
  f.read = false;
  f.posted = GatePosted::none;
  f.outstanding = 0;
  f.state = State::run;
  f.timed_out = false;
  for (std::size_t i = 0; i < tags_.size(); ++i) {
    if (tags_[i].state == TagState::busy && tags_[i].fn == fn) {
      unlink_deadline(static_cast<std::uint16_t>(i));
      quarantine(static_cast<std::uint16_t>(i));
    }
  }
  update_own(fn);
}

void DmaGateTlm::quarantine(std::uint16_t number) {
  tags_[number].state = TagState::quarantined;
  link_deadline(number);
}

void DmaGateTlm::free_tag(std::uint16_t number) {
  tags_[number].state = TagState::free;
  if (number < share_.own) {
    update_own(number);
  } else {
    pool_.push(number);
  }
}

// One constant time-out: the order of issue is the order of deadlines, a list is enough.
void DmaGateTlm::link_deadline(std::uint16_t number) {
  Tag& tag = tags_[number];
  tag.deadline = core_.now() + core_.params.completion_timeout_us * kUs;
  tag.next = kNoTag;
  tag.prev = last_deadline_;
  if (last_deadline_ == kNoTag) {
    first_deadline_ = number;
  } else {
    tags_[last_deadline_].next = number;
  }
  last_deadline_ = number;
  if (!timeout_.armed()) {
    core_.calendar.arm(timeout_, tags_[first_deadline_].deadline);
  }
}

void DmaGateTlm::unlink_deadline(std::uint16_t number) {
  const Tag& tag = tags_[number];
  (tag.prev == kNoTag ? first_deadline_ : tags_[tag.prev].next) = tag.next;
  (tag.next == kNoTag ? last_deadline_ : tags_[tag.next].prev) = tag.prev;
}

// The timer is not moved when a read completes: it fires at most once per time-out and looks at the
// oldest tag.
void DmaGateTlm::expire() {
  while (first_deadline_ != kNoTag && tags_[first_deadline_].deadline <= core_.now()) {
    const std::uint16_t number = first_deadline_;
    unlink_deadline(number);
    if (tags_[number].state == TagState::quarantined) {
      free_tag(number);
    } else {
      Function& f = functions_[tags_[number].fn];
      f.timed_out = f.timed_out || f.state != State::run;
      --f.outstanding;
      quarantine(number);
      client_->read_expired(number);
      settle(tags_[number].fn);
    }
    pump_reads();
  }
  if (first_deadline_ != kNoTag && !timeout_.armed()) {
    core_.calendar.arm(timeout_, tags_[first_deadline_].deadline);
  }
}

}  // namespace vfsim::model
