#include "host_driver/resources/receive_queue.hpp"

#include <array>

namespace vfsim::driver {
namespace {

constexpr std::uint8_t kLogSegment = 4;
constexpr std::size_t kScatterSegment = std::size_t{1} << kLogSegment;

}  // namespace

Result<std::unique_ptr<ReceiveQueue>> ReceiveQueue::create(Platform& platform,
                                                           CommandChannel& channel,
                                                           WorkQueueSpec spec,
                                                           std::uint8_t log_segments) {
  spec.log_stride = static_cast<std::uint8_t>(kLogSegment + log_segments);
  const std::size_t ring = std::size_t{1} << (spec.log_size + spec.log_stride);
  BOOST_OUTCOME_TRY(memory, DmaBuffer::allocate(platform, ring + VF_BYTES(wq_dbr)));
  spec.dbr = memory.address() + ring;
  spec.pages = memory.pages(ring);
  std::unique_ptr<ReceiveQueue> queue(new ReceiveQueue(channel, spec, std::move(memory)));
  BOOST_OUTCOME_TRY(number, create_rq(channel, spec));
  queue->number_ = number;
  return queue;
}

Result<void> ReceiveQueue::destroy() {
  return destroy_rq(channel_, number_);
}
Result<void> ReceiveQueue::set_ready() {
  return set_rq_ready(channel_, number_);
}

void ReceiveQueue::set_buffer(std::uint32_t entry, std::uint32_t lkey, std::uint64_t address,
                              std::uint32_t bytes, std::uint32_t segment) {
  std::array<std::uint8_t, kScatterSegment> data{};
  VF_SET(wqe_data, data.data(), byte_count, bytes);
  VF_SET(wqe_data, data.data(), lkey, lkey);
  VF_SET(wqe_data, data.data(), addr, address);
  memory_.write((std::size_t{entry} << spec_.log_stride) + segment * kScatterSegment, data.data(),
                data.size());
}

void ReceiveQueue::publish() {
  memory_.write_be32(std::size_t{1} << (spec_.log_size + spec_.log_stride), producer_);
}

std::uint32_t ReceiveQueue::consume(std::uint16_t wqe_counter) {
  const std::uint32_t mask = size() - 1;
  if (outstanding() == 0 || (wqe_counter & mask) != (consumer_ & mask)) {
    return size();
  }
  return consumer_++ & mask;
}

}  // namespace vfsim::driver
