#include "host_driver/resources/send_queue.hpp"

#include <array>
#include <cstring>

namespace vfsim::driver {
namespace {

constexpr std::uint8_t kLogBlock = 6;
constexpr std::size_t kBlock = std::size_t{1} << kLogBlock;
constexpr std::size_t kSegment = 16;
constexpr std::uint32_t kCompletionAlways = 2;

}  // namespace

SendQueue::SendQueue(Platform& platform, CommandChannel& channel, const WorkQueueSpec& spec,
                     DmaBuffer memory)
    : platform_(platform), channel_(channel), spec_(spec), memory_(std::move(memory)) {}

Result<std::unique_ptr<SendQueue>> SendQueue::create(Platform& platform, CommandChannel& channel,
                                                     WorkQueueSpec spec) {
  const std::size_t ring = kBlock << spec.log_size;
  BOOST_OUTCOME_TRY(memory, DmaBuffer::allocate(platform, ring + VF_BYTES(wq_dbr)));
  spec.log_stride = kLogBlock;
  spec.dbr = memory.address() + ring;
  spec.pages = memory.pages(ring);
  std::unique_ptr<SendQueue> queue(new SendQueue(platform, channel, spec, std::move(memory)));
  BOOST_OUTCOME_TRY(number, create_sq(channel, spec));
  queue->number_ = number;
  if (auto ready = set_sq_ready(channel, number); !ready) {
    (void)!queue->destroy();
    return std::move(ready).error();
  }
  return queue;
}

Result<void> SendQueue::destroy() {
  return destroy_sq(channel_, number_);
}

void SendQueue::post(const std::uint8_t* header, std::uint32_t lkey, std::uint64_t address,
                     std::uint32_t length) {
  std::array<std::uint8_t, kBlock> wqe{};
  VF_SET(wqe_ctrl, wqe.data(), opcode, VF_WQE_SEND);
  VF_SET(wqe_ctrl, wqe.data(), wqe_index, producer_);
  VF_SET(wqe_ctrl, wqe.data(), sqn, number_);
  VF_SET(wqe_ctrl, wqe.data(), ds, units());
  VF_SET(wqe_ctrl, wqe.data(), ce, kCompletionAlways);
  std::uint8_t* const eth = wqe.data() + kSegment;
  const std::uint32_t in_request = inline_bytes();
  VF_SET(wqe_eth, eth, inline_hdr_size, in_request);
  std::memcpy(VF_PTR(wqe_eth, eth, inline_hdr_0), header, in_request);
  std::uint8_t* const data = wqe.data() + (units() - 1) * kSegment;
  VF_SET(wqe_data, data, byte_count, length - in_request);
  VF_SET(wqe_data, data, lkey, lkey);
  VF_SET(wqe_data, data, addr, address + in_request);
  memory_.write(next_slot() * kBlock, wqe.data(), wqe.size());
  ++producer_;
  memory_.write_be32((kBlock << spec_.log_size) + 4, producer_);  // second dword: send counter
}

std::uint64_t SendQueue::doorbell_value(std::uint16_t index) const {
  std::array<std::uint8_t, VF_LAYOUT_BYTES_uar_send_db> raw{};
  VF_SET(uar_send_db, raw.data(), opcode, VF_WQE_SEND);
  VF_SET(uar_send_db, raw.data(), wqe_index, index);
  VF_SET(uar_send_db, raw.data(), sqn, number_);
  VF_SET(uar_send_db, raw.data(), ds, units());
  return vf_be64_load(raw.data());
}

void SendQueue::ring() {
  rung_ = producer_;
  platform_.write64(std::uint64_t{spec_.uar} * VF_PAGE_BYTES + VF_UAR_SEND_DB,
                    doorbell_value(static_cast<std::uint16_t>(producer_ - 1)));
}

SendDoorbell SendQueue::doorbell() const {
  // Completions may have passed the point up to which this queue rang: somebody else did.
  const auto past_rung = static_cast<std::uint16_t>(rung_ - consumer_);
  const std::uint16_t next = past_rung <= outstanding() ? rung_ : consumer_;
  return {std::uint64_t{spec_.uar} * VF_PAGE_BYTES + VF_UAR_SEND_DB, doorbell_value(next), 1U << 8};
}

std::uint32_t SendQueue::complete(std::uint16_t index) {
  const auto done = static_cast<std::uint16_t>(index - consumer_ + 1);
  if (done == 0 || done > outstanding()) {
    return 0;
  }
  consumer_ = static_cast<std::uint16_t>(consumer_ + done);
  return done;
}

}  // namespace vfsim::driver
