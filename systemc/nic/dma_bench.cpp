#include "systemc/nic/dma_bench.hpp"

#include <algorithm>

#include "systemc/nic/nic_impl.hpp"

namespace vfsim::model {

DmaBench::DmaBench(Nic& nic, std::vector<DmaBenchTarget> targets, std::uint64_t operations,
                   std::uint32_t window)
    : core_(nic.impl().core),
      engine_(nic.impl().engine),
      buffers_(static_cast<std::size_t>(window) * kReadBytes, 0x5a),
      operations_(operations),
      window_(window) {
  for (const DmaBenchTarget& target : targets) {
    positions_.push_back({target, 0});
  }
}

void DmaBench::start() {
  for (std::uint64_t slot = 0; slot < window_ && issued_ < operations_; ++slot) {
    issue(slot);
  }
}

void DmaBench::issue(std::uint64_t slot) {
  Position& position = positions_[turn_];
  turn_ = turn_ + 1 == positions_.size() ? 0 : turn_ + 1;
  const bool read = issued_++ % 4 == 3;
  DmaRequest request;
  request.client = this;
  request.cookie = slot;
  request.bytes = read ? kReadBytes : kWriteBytes;
  request.addr = position.target.addr + position.next;
  request.buffer = buffers_.data() + slot * kReadBytes;
  request.mkey = position.target.mkey;
  request.fn = static_cast<std::uint8_t>(position.target.fn);
  request.by_key = true;
  request.to_host = !read;
  position.next += kReadBytes;
  if (position.next + kReadBytes > position.target.bytes) {
    position.next = 0;
  }
  engine_.submit(request);
}

void DmaBench::dma_done(std::uint64_t slot, DmaResult result) {
  ++done_;
  failed_ += result == DmaResult::ok ? 0 : 1;
  if (issued_ < operations_) {
    issue(slot);
  } else if (done_ == operations_) {
    end_ = core_.now();
    core_.calendar.notify(finished_);
  }
}

}  // namespace vfsim::model
