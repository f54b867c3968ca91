#include "testbench/oracle/flow_ledger.hpp"

#include <algorithm>

#include <xxhash.h>

namespace vfsim::bench {

FrameHash frame_hash(const std::uint8_t* bytes, std::size_t length) {
  return XXH3_64bits(bytes, length);
}

void FlowLedger::expect(FrameHash hash, std::uint64_t t) {
  by_hash_.emplace(hash, expected_.size());
  expected_.push_back({hash, State::open, t});
  ++counts_.expected;
}

bool FlowLedger::arrived(FrameHash hash) {
  if (next_ < expected_.size() && expected_[next_].hash == hash && expected_[next_].state == State::open) {
    expected_[next_].state = State::done;
    ++counts_.arrived;
    advance();
    return true;
  }
  if (const std::size_t ahead = find(hash, State::open); ahead < expected_.size()) {
    for (std::size_t i = next_; i < ahead; ++i) {
      if (expected_[i].state == State::open) {
        expected_[i].state = State::skipped;
        ++skipped_;
      }
    }
    expected_[ahead].state = State::done;
    ++counts_.arrived;
    next_ = ahead;
    advance();
  } else if (const std::size_t late = find(hash, State::skipped); late < expected_.size()) {
    expected_[late].state = State::done;
    --skipped_;
    ++counts_.arrived;
    ++counts_.reordered;
  } else if (const std::size_t spared = find(hash, State::excused); spared < expected_.size()) {
    expected_[spared].state = State::done;
    --counts_.discarded;
    ++counts_.arrived;
  } else if (find(hash, State::done) < expected_.size()) {
    ++counts_.duplicated;
  } else {
    ++counts_.corrupted;
  }
  return false;
}

void FlowLedger::write_off(FrameHash hash) {
  const std::size_t at = find(hash, State::open);
  if (at < expected_.size()) {
    expected_[at].state = State::done;
    ++counts_.discarded;
    advance();
  }
}

void FlowLedger::write_off_all(std::uint64_t under_way) {
  for (std::size_t i = next_; i < expected_.size(); ++i) {
    if (expected_[i].state != State::open) {
      continue;
    }
    if (under_way > 0) {
      --under_way;
    } else {
      settle_open(i, State::done);
    }
  }
  advance();
}

void FlowLedger::excuse_all() {
  for (std::size_t i = next_; i < expected_.size(); ++i) {
    if (expected_[i].state == State::open) {
      settle_open(i, State::excused);
    }
  }
  advance();
}

void FlowLedger::excuse_last() {
  if (!expected_.empty() && expected_.back().state == State::open) {
    settle_open(expected_.size() - 1, State::excused);
  }
  advance();
}

void FlowLedger::settle_open(std::size_t at, State state) {
  expected_[at].state = state;
  ++counts_.discarded;
}

FlowCounts FlowLedger::counts() const {
  FlowCounts counts = counts_;
  counts.lost = counts.expected - counts.arrived - counts.discarded;
  return counts;
}

std::optional<FlowLedger::Missing> FlowLedger::first_missing() const {
  for (std::size_t i = 0; i < expected_.size(); ++i) {
    if (expected_[i].state == State::open || expected_[i].state == State::skipped) {
      return Missing{i + 1, expected_[i].t};
    }
  }
  return std::nullopt;
}

std::size_t FlowLedger::find(FrameHash hash, State state) const {
  std::size_t best = expected_.size();
  const auto [from, to] = by_hash_.equal_range(hash);
  for (auto it = from; it != to; ++it) {
    if (expected_[it->second].state == state) {
      best = std::min(best, it->second);
    }
  }
  return best;
}

void FlowLedger::advance() {
  while (next_ < expected_.size() && expected_[next_].state != State::open) {
    ++next_;
  }
}

}  // namespace vfsim::bench
