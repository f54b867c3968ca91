#include "host_driver/tracking/report_ring.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <utility>

#include "firmware/interface/layout.h"

namespace vfsim::driver {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

constexpr std::size_t kMinRingBytes = 2U << 20;
constexpr std::size_t kMinMessages = 4;
constexpr std::size_t kQpRecord = 64;  // offset of the QP's doorbell record
constexpr std::size_t kEntryBytes = 16;

std::vector<std::uint64_t> page_list(std::uint64_t address, std::size_t bytes) {
  std::vector<std::uint64_t> pages;
  for (std::size_t at = 0; at < bytes; at += VF_PAGE_BYTES) {
    pages.push_back(address + at);
  }
  return pages;
}

}  // namespace

Result<void> ReportRing::allocate(Memory& memory, std::size_t bytes) {
  bytes = (bytes + VF_PAGE_BYTES - 1) / VF_PAGE_BYTES * VF_PAGE_BYTES;
  const auto address = pf_.platform().dma_alloc(bytes);
  if (!address) {
    return fail(ENOMEM,
                "no memory for the page tracker's ring, " + std::to_string(bytes) + " bytes");
  }
  memory = Memory{*address, bytes};
  return success();
}

void ReportRing::free_memory() {
  for (Memory* memory : {&cqes_, &records_, &entries_, &messages_}) {
    if (memory->bytes != 0) {
      pf_.platform().dma_free(memory->address, memory->bytes);
      *memory = Memory{};
    }
  }
}

Result<void> ReportRing::create_cq(std::uint8_t log_message, std::function<void()> wake) {
  log_message_ = log_message;
  const std::size_t ring = std::max(kMinRingBytes, kMinMessages << log_message);
  while ((std::size_t{1} << (log_entries_ + log_message_)) < ring) {
    ++log_entries_;
  }
  if (auto done = allocate(cqes_, VF_BYTES(cqe) << log_entries_); !done) {
    return done;
  }
  if (auto done = allocate(records_, VF_PAGE_BYTES); !done) {
    return done;
  }
  std::array<std::uint8_t, VF_BYTES(cqe)> empty{};
  VF_SET(cqe, empty.data(), opcode, VF_CQE_INVALID);
  VF_SET(cqe, empty.data(), owner, 1);
  for (std::uint32_t i = 0; i < entries(); ++i) {
    pf_.platform().mem_write(cqes_.address + i * empty.size(), empty.data(), empty.size());
  }
  CqSpec spec;
  spec.log_size = log_entries_;
  spec.eqn = pf_.completion_eqn();
  spec.uar = pf_.uar();
  spec.dbr = records_.address;
  spec.pages = page_list(cqes_.address, cqes_.bytes);
  auto cq = vfsim::driver::create_cq(pf_.commands(), spec);
  if (!cq) {
    return cq.error();
  }
  cqn_ = cq.value();
  has_cq_ = true;
  pf_.on_completion(cqn_, std::move(wake));
  arm();
  return success();
}

Result<void> ReportRing::describe(QpSpec& spec) {
  if (auto done = allocate(entries_, kEntryBytes << log_entries_); !done) {
    return done;
  }
  spec.receive_ring = true;
  spec.log_rq_size = log_entries_;
  spec.log_rq_stride = 4;
  spec.cqn_rcv = cqn_;
  spec.dbr = records_.address + kQpRecord;
  spec.pages = page_list(entries_.address, entries_.bytes);
  return success();
}

Result<void> ReportRing::create_memory(std::uint32_t pd) {
  if (auto done = allocate(messages_, std::size_t{1} << (log_entries_ + log_message_)); !done) {
    return done;
  }
  MkeySpec spec;
  spec.pd = pd;
  spec.length = messages_.bytes;
  spec.pages = page_list(messages_.address, messages_.bytes);
  auto mkey = create_mkey(pf_.commands(), spec);
  if (!mkey) {
    return mkey.error();
  }
  mkey_ = mkey.value();
  has_mkey_ = true;
  return success();
}

void ReportRing::post(std::uint32_t index) {
  std::array<std::uint8_t, kEntryBytes> entry{};
  VF_SET(wqe_data, entry.data(), byte_count, std::uint64_t{1} << log_message_);
  VF_SET(wqe_data, entry.data(), lkey, mkey_);
  VF_SET(wqe_data, entry.data(), addr, std::uint64_t{index} << log_message_);
  pf_.platform().mem_write(entries_.address + index * kEntryBytes, entry.data(), entry.size());
  ++producer_;
}

void ReportRing::publish_receives() {
  std::array<std::uint8_t, 4> record{};
  vf_be32_store(record.data(), producer_ & 0xffff);
  pf_.platform().mem_write(records_.address + kQpRecord, record.data(), record.size());
}

void ReportRing::post_all() {
  for (std::uint32_t i = 0; i < entries(); ++i) {
    post(i);
  }
  publish_receives();
}

void ReportRing::arm() {
  std::array<std::uint8_t, VF_BYTES(uar_cq_arm)> doorbell{};
  VF_SET(uar_cq_arm, doorbell.data(), arm_sn, arm_sequence_);
  VF_SET(uar_cq_arm, doorbell.data(), ci, consumer_);
  VF_SET(uar_cq_arm, doorbell.data(), cqn, cqn_);
  std::array<std::uint8_t, VF_BYTES(cq_dbr)> record{};
  VF_SET(cq_dbr, record.data(), ci, consumer_);
  VF_SET(cq_dbr, record.data(), arm, vf_be32_load(doorbell.data()));
  ++arm_sequence_;
  pf_.platform().mem_write(records_.address, record.data(), record.size());
  pf_.platform().write64(std::uint64_t{pf_.uar()} * VF_PAGE_BYTES + VF_UAR_CQ_ARM,
                         vf_be64_load(doorbell.data()));
}

std::optional<ReportMessage> ReportRing::take() {
  Platform& platform = pf_.platform();
  std::array<std::uint8_t, VF_BYTES(cqe)> cqe{};
  const std::uint32_t slot = consumer_ & (entries() - 1);
  platform.mem_read(cqes_.address + slot * cqe.size(), cqe.data(), cqe.size());
  const std::uint32_t pass = consumer_ >> log_entries_ & 1;
  if (VF_GET(cqe, cqe.data(), opcode) == VF_CQE_INVALID || VF_GET(cqe, cqe.data(), owner) != pass) {
    return std::nullopt;
  }
  ++consumer_;
  ReportMessage message;
  message.opcode = static_cast<std::uint8_t>(VF_GET(cqe, cqe.data(), opcode));
  message.state = static_cast<std::uint8_t>(VF_GET(cqe, cqe.data(), imm) >> 28);
  const auto index =
      static_cast<std::uint32_t>(VF_GET(cqe, cqe.data(), wqe_counter)) & (entries() - 1);
  const std::size_t bytes =
      std::min<std::size_t>(VF_GET(cqe, cqe.data(), byte_cnt), std::size_t{1} << log_message_);
  std::vector<std::uint8_t> payload(message.opcode == VF_CQE_RESP_SEND_IMM ? bytes : 0);
  if (!payload.empty()) {
    platform.mem_read(messages_.address + (std::uint64_t{index} << log_message_), payload.data(),
                      payload.size());
  }
  for (std::size_t at = 0; at + 8 <= payload.size(); at += 8) {
    message.pages.push_back(vf_be64_load(payload.data() + at));
  }
  std::array<std::uint8_t, 4> record{};
  vf_be32_store(record.data(), consumer_ & 0xffffff);
  platform.mem_write(records_.address, record.data(), record.size());
  post(index);
  publish_receives();
  return message;
}

void ReportRing::destroy_memory_key() {
  if (std::exchange(has_mkey_, false)) {
    (void)destroy_mkey(pf_.commands(), mkey_);
  }
}

void ReportRing::destroy_cq() {
  if (std::exchange(has_cq_, false)) {
    pf_.forget_completion(cqn_);
    (void)vfsim::driver::destroy_cq(pf_.commands(), cqn_);
  }
}

}  // namespace vfsim::driver
