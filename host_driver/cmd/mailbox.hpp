// Command entries and mailbox chains in host memory. Source: mlx5 device interface sections 3.2
// to 3.4.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "firmware/interface/layout.h"
#include "host_driver/cmd/command_channel.hpp"
#include "host_driver/platform/platform.hpp"
#include "host_driver/platform/result.hpp"

namespace vfsim::driver {

/// Bus addresses of a chain's blocks, in order.
using MailboxChain = std::vector<std::uint64_t>;
using CommandEntry = std::array<std::uint8_t, VF_LAYOUT_BYTES_cmd_queue_entry>;

/// Blocks that `length` bytes of input or output need behind the entry's inline bytes.
[[nodiscard]] std::size_t mailbox_blocks(std::size_t length);

/// Blocks on 1024-byte alignment, kept for reuse.
class MailboxPool {
 public:
  explicit MailboxPool(Platform& platform) : platform_(platform) {}
  /// ENOMEM.
  [[nodiscard]] Result<MailboxChain> take(std::size_t blocks);
  void give_back(MailboxChain& chain);
  /// Frees everything; no chain may be in use.
  void release();

 private:
  Platform& platform_;
  std::vector<std::uint64_t> free_;
  std::vector<std::uint64_t> pages_;
};

/// Fills the blocks with `in` behind its first 16 bytes.
void write_input_chain(Platform& platform, const MailboxChain& chain, const Bytes& in,
                       std::uint8_t token, bool checksums);
/// Empties the blocks and links them.
void prepare_output_chain(Platform& platform, const MailboxChain& chain, std::uint8_t token,
                          bool checksums);
/// Appends the data of the blocks to `out` (16 inline bytes) until it is `bytes` long. false: a
/// signature is wrong.
[[nodiscard]] bool read_output_chain(Platform& platform, const MailboxChain& chain,
                                     std::size_t bytes, bool checksums, Bytes& out);

/// An entry owned by hardware, signed.
[[nodiscard]] CommandEntry make_entry(const Bytes& in, const MailboxChain& in_chain,
                                      std::size_t out_bytes, const MailboxChain& out_chain,
                                      std::uint8_t token);

}  // namespace vfsim::driver
