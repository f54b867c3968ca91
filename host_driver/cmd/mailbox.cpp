#include "host_driver/cmd/mailbox.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/interface/signature.h"

namespace vfsim::driver {
namespace {

constexpr std::size_t kInline = VF_CMD_INLINE_BYTES;
constexpr std::size_t kBlockData = VF_CMD_BLOCK_BYTES;
constexpr std::size_t kBlockAlign = 1024;
using Block = std::array<std::uint8_t, VF_LAYOUT_BYTES_cmd_if_box>;

void write_block(Platform& platform, const MailboxChain& chain, std::size_t number, Block& block,
                 std::uint8_t token, bool checksums) {
  const std::uint64_t next = number + 1 < chain.size() ? chain[number + 1] : 0;
  VF_SET(cmd_if_box, block.data(), next_pointer_63_32, next >> 32);
  VF_SET(cmd_if_box, block.data(), next_pointer_31_10, next >> 10);
  VF_SET(cmd_if_box, block.data(), block_number, number);
  VF_SET(cmd_if_box, block.data(), token, token);
  if (checksums) {
    vf_block_sign(block.data());
  }
  platform.mem_write(chain[number], block.data(), block.size());
}

}  // namespace

std::size_t mailbox_blocks(std::size_t length) {
  return length > kInline ? (length - kInline + kBlockData - 1) / kBlockData : 0;
}

Result<MailboxChain> MailboxPool::take(std::size_t blocks) {
  while (free_.size() < blocks) {
    const auto page = platform_.dma_alloc(VF_PAGE_BYTES);
    if (!page) {
      return fail(ENOMEM, "no memory for command mailboxes");
    }
    pages_.push_back(*page);
    for (std::size_t at = 0; at < VF_PAGE_BYTES; at += kBlockAlign) {
      free_.push_back(*page + at);
    }
  }
  // Lowest addresses first: chains are the same in every run, whatever came before.
  std::sort(free_.begin(), free_.end(), std::greater<>());
  MailboxChain chain(free_.rbegin(), free_.rbegin() + static_cast<std::ptrdiff_t>(blocks));
  free_.resize(free_.size() - blocks);
  return chain;
}

void MailboxPool::give_back(MailboxChain& chain) {
  free_.insert(free_.end(), chain.begin(), chain.end());
  chain.clear();
}

void MailboxPool::release() {
  for (const std::uint64_t page : pages_) {
    platform_.dma_free(page, VF_PAGE_BYTES);
  }
  pages_.clear();
  free_.clear();
}

void write_input_chain(Platform& platform, const MailboxChain& chain, const Bytes& in,
                       std::uint8_t token, bool checksums) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    Block block{};
    const std::size_t from = kInline + i * kBlockData;
    std::memcpy(block.data(), in.data() + from, std::min(kBlockData, in.size() - from));
    write_block(platform, chain, i, block, token, checksums);
  }
}

void prepare_output_chain(Platform& platform, const MailboxChain& chain, std::uint8_t token,
                          bool checksums) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    Block block{};
    write_block(platform, chain, i, block, token, checksums);
  }
}

bool read_output_chain(Platform& platform, const MailboxChain& chain, std::size_t bytes,
                       bool checksums, Bytes& out) {
  for (const std::uint64_t address : chain) {
    Block block{};
    platform.mem_read(address, block.data(), checksums ? block.size() : kBlockData);
    if (checksums && vf_block_signed(block.data(), 1) == 0) {
      return false;
    }
    const std::size_t part = std::min(kBlockData, bytes - out.size());
    out.insert(out.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(part));
  }
  return true;
}

CommandEntry make_entry(const Bytes& in, const MailboxChain& in_chain, std::size_t out_bytes,
                        const MailboxChain& out_chain, std::uint8_t token) {
  CommandEntry entry{};
  std::uint8_t* const e = entry.data();
  const std::uint64_t in_pointer = in_chain.empty() ? 0 : in_chain.front();
  const std::uint64_t out_pointer = out_chain.empty() ? 0 : out_chain.front();
  VF_SET(cmd_queue_entry, e, type, VF_CMD_ENTRY_TYPE);
  VF_SET(cmd_queue_entry, e, input_length, in.size());
  VF_SET(cmd_queue_entry, e, input_mailbox_pointer_63_32, in_pointer >> 32);
  VF_SET(cmd_queue_entry, e, input_mailbox_pointer_31_9, in_pointer >> 9);
  std::memcpy(VF_PTR(cmd_queue_entry, e, command_input_inline_data), in.data(),
              std::min(kInline, in.size()));
  VF_SET(cmd_queue_entry, e, output_mailbox_pointer_63_32, out_pointer >> 32);
  VF_SET(cmd_queue_entry, e, output_mailbox_pointer_31_9, out_pointer >> 9);
  VF_SET(cmd_queue_entry, e, output_length, out_bytes);
  VF_SET(cmd_queue_entry, e, token, token);
  VF_SET(cmd_queue_entry, e, ownership, 1);
  vf_entry_sign(e);
  return entry;
}

}  // namespace vfsim::driver
