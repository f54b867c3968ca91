#include "host_driver/resources/completion_queue.hpp"

#include <algorithm>

namespace vfsim::driver {
namespace {

constexpr std::size_t kCqeBytes = VF_LAYOUT_BYTES_cqe;
constexpr std::size_t kLastByte = kCqeBytes - 1;

}  // namespace

CompletionQueue::CompletionQueue(Platform& platform, CommandChannel& channel, std::uint8_t log_size,
                                 std::uint32_t uar, DmaBuffer memory)
    : platform_(platform),
      channel_(channel),
      memory_(std::move(memory)),
      log_size_(log_size),
      uar_(uar) {
  Cqe empty{};
  VF_SET(cqe, empty.data(), opcode, VF_CQE_INVALID);
  VF_SET(cqe, empty.data(), owner, 1);
  for (std::size_t at = 0; at < record(); at += kCqeBytes) {
    memory_.write(at, empty.data(), empty.size());
  }
}

Result<std::unique_ptr<CompletionQueue>> CompletionQueue::create(Platform& platform,
                                                                 CommandChannel& channel,
                                                                 std::uint8_t log_size,
                                                                 std::uint32_t eqn,
                                                                 std::uint32_t uar) {
  const std::size_t ring = kCqeBytes << log_size;
  BOOST_OUTCOME_TRY(memory, DmaBuffer::allocate(platform, ring + VF_BYTES(cq_dbr)));
  CqSpec spec;
  spec.log_size = log_size;
  spec.eqn = eqn;
  spec.uar = uar;
  spec.dbr = memory.address() + ring;
  spec.pages = memory.pages(ring);
  std::unique_ptr<CompletionQueue> queue(
      new CompletionQueue(platform, channel, log_size, uar, std::move(memory)));
  BOOST_OUTCOME_TRY(number, create_cq(channel, spec));
  queue->number_ = number;
  return queue;
}

Result<void> CompletionQueue::destroy() {
  return destroy_cq(channel_, number_);
}

bool CompletionQueue::valid(const std::uint8_t* last_byte, std::uint32_t index) const {
  const std::uint32_t opcode = *last_byte >> 4;
  return opcode != VF_CQE_INVALID && (*last_byte & 1U) == (index >> log_size_ & 1U);
}

bool CompletionQueue::next(Cqe& entry) {
  memory_.read((ci_ & ((1U << log_size_) - 1)) * kCqeBytes, entry.data(), entry.size());
  if (!valid(&entry[kLastByte], ci_)) {
    return false;
  }
  ++ci_;
  return true;
}

std::uint32_t CompletionQueue::pending() const {
  std::uint32_t count = 0;
  for (; count < 1U << log_size_; ++count) {
    std::uint8_t last = 0;
    memory_.read(((ci_ + count) & ((1U << log_size_) - 1)) * kCqeBytes + kLastByte, &last, 1);
    if (!valid(&last, ci_ + count)) {
      break;
    }
  }
  return count;
}

void CompletionQueue::update() {
  memory_.write_be32(record(), ci_ & 0xffffff);
}

void CompletionQueue::arm() {
  std::array<std::uint8_t, VF_LAYOUT_BYTES_uar_cq_arm> raw{};
  VF_SET(uar_cq_arm, raw.data(), arm_sn, arm_sn_);
  VF_SET(uar_cq_arm, raw.data(), ci, ci_);
  VF_SET(uar_cq_arm, raw.data(), cqn, number_);
  update();
  memory_.write(record() + VF_OFF(cq_dbr, arm) / 8, raw.data(), 4);
  armed_ = true;
  platform_.write64(std::uint64_t{uar_} * VF_PAGE_BYTES + VF_UAR_CQ_ARM, vf_be64_load(raw.data()));
}

}  // namespace vfsim::driver
