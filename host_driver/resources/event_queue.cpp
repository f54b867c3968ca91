#include "host_driver/resources/event_queue.hpp"

#include <algorithm>
#include <mutex>

namespace vfsim::driver {
namespace {

constexpr std::size_t kEqeBytes = VF_LAYOUT_BYTES_eqe;
constexpr std::size_t kOwnerByte = VF_FIELD_OFF_eqe__owner / 8;

}  // namespace

EventQueue::EventQueue(Platform& platform, CommandChannel& channel, const EqConfig& config,
                       DmaBuffer ring)
    : platform_(platform),
      channel_(channel),
      config_(config),
      ring_(std::move(ring)),
      lock_(platform.os().make_mutex()) {
  std::array<std::uint8_t, VF_PAGE_BYTES> page{};
  for (std::size_t at = kOwnerByte; at < page.size(); at += kEqeBytes) {
    page[at] = 1;
  }
  const std::size_t bytes = kEqeBytes << config_.log_size;
  for (std::size_t at = 0; at < bytes; at += page.size()) {
    ring_.write(at, page.data(), std::min(page.size(), bytes - at));
  }
}

Result<std::shared_ptr<EventQueue>> EventQueue::create(Platform& platform, CommandChannel& channel,
                                                       const EqConfig& config) {
  BOOST_OUTCOME_TRY(ring, DmaBuffer::allocate(platform, kEqeBytes << config.log_size));
  EqSpec spec;
  spec.log_size = config.log_size;
  spec.uar = config.uar;
  spec.vector = config.vector;
  spec.mask[0] = config.mask;
  spec.pages = ring.pages();
  std::shared_ptr<EventQueue> queue(new EventQueue(platform, channel, config, std::move(ring)));
  BOOST_OUTCOME_TRY(number, create_eq(channel, spec));
  queue->number_ = number;
  return queue;
}

Result<void> EventQueue::destroy() {
  return destroy_eq(channel_, number_);
}

bool EventQueue::pending() const {
  std::uint8_t owner = 0;
  const std::uint32_t index = ci_ & ((1U << config_.log_size) - 1);
  ring_.read(index * kEqeBytes + kOwnerByte, &owner, 1);
  return ((owner ^ (ci_ >> config_.log_size)) & 1U) == 0;
}

bool EventQueue::next(EqEvent& event) {
  const std::lock_guard guard(*lock_);
  if (!pending()) {
    return false;
  }
  std::array<std::uint8_t, kEqeBytes> raw{};
  ring_.read((ci_ & ((1U << config_.log_size) - 1)) * kEqeBytes, raw.data(), raw.size());
  event.type = static_cast<std::uint8_t>(VF_GET(eqe, raw.data(), event_type));
  event.sub_type = static_cast<std::uint8_t>(VF_GET(eqe, raw.data(), event_sub_type));
  std::copy_n(VF_PTR(eqe, raw.data(), event_data), event.data.size(), event.data.begin());
  ++ci_;
  // A long burst is acknowledged on the way: the device must never see the ring full.
  if (ci_ - told_ >= (1U << config_.log_size) / 2) {
    update();
  }
  return true;
}

void EventQueue::ring_doorbell(std::uint32_t offset) {
  std::array<std::uint8_t, VF_LAYOUT_BYTES_uar_eq_db> raw{};
  VF_SET(uar_eq_db, raw.data(), eqn, number_);
  VF_SET(uar_eq_db, raw.data(), ci, ci_);
  told_ = ci_;
  platform_.write32(std::uint64_t{config_.uar} * VF_PAGE_BYTES + offset, vf_be32_load(raw.data()));
}

void EventQueue::arm() {
  armed_ = true;
  ring_doorbell(VF_UAR_EQ_ARM);
}

void EventQueue::update() {
  ring_doorbell(VF_UAR_EQ_UPDATE);
}

}  // namespace vfsim::driver
