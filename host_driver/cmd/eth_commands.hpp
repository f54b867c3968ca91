// Typed commands of the Ethernet objects: queues, steering, virtual port context.
// Source: mlx5 device interface section 4; sizes and order as the stock Ethernet driver uses them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "host_driver/cmd/commands.hpp"

namespace vfsim::driver {

using Mac = std::array<std::uint8_t, 6>;

[[nodiscard]] Result<std::uint32_t> alloc_transport_domain(CommandChannel& channel);
[[nodiscard]] Result<void> dealloc_transport_domain(CommandChannel& channel, std::uint32_t td);
[[nodiscard]] Result<std::uint32_t> create_tis(CommandChannel& channel, std::uint32_t td,
                                               std::uint8_t priority);
[[nodiscard]] Result<void> destroy_tis(CommandChannel& channel, std::uint32_t tisn);

/// A cyclic work queue. Counters and rings: see SendQueue, ReceiveQueue.
struct WorkQueueSpec {
  std::uint8_t log_size = 0;    // log2 of entries
  std::uint8_t log_stride = 6;  // log2 of an entry's bytes: 6 send, 4 receive
  std::uint32_t pd = 0;
  std::uint32_t uar = 0;  // send queues
  std::uint32_t cqn = 0;
  std::uint32_t tisn = 0;            // send queues
  std::uint8_t min_inline_mode = 0;  // send queues
  std::uint8_t counter_set = 0;      // receive queues
  std::uint64_t dbr = 0;             // doorbell record, 8 bytes
  std::vector<std::uint64_t> pages;  // 4096 bytes each
};
/// Created in state RST; set_*_ready() lets it run.
[[nodiscard]] Result<std::uint32_t> create_sq(CommandChannel& channel, const WorkQueueSpec& spec);
[[nodiscard]] Result<void> set_sq_ready(CommandChannel& channel, std::uint32_t sqn);
[[nodiscard]] Result<void> destroy_sq(CommandChannel& channel, std::uint32_t sqn);
[[nodiscard]] Result<std::uint32_t> create_rq(CommandChannel& channel, const WorkQueueSpec& spec);
[[nodiscard]] Result<void> set_rq_ready(CommandChannel& channel, std::uint32_t rqn);
[[nodiscard]] Result<void> destroy_rq(CommandChannel& channel, std::uint32_t rqn);

[[nodiscard]] Result<std::uint32_t> create_rqt(CommandChannel& channel,
                                               const std::vector<std::uint32_t>& rqns);
[[nodiscard]] Result<void> destroy_rqt(CommandChannel& channel, std::uint32_t rqtn);
/// Spreads over the table by addresses and ports.
[[nodiscard]] Result<std::uint32_t> create_indirect_tir(CommandChannel& channel, std::uint32_t td,
                                                        std::uint32_t rqtn);
[[nodiscard]] Result<void> destroy_tir(CommandChannel& channel, std::uint32_t tirn);

/// NIC receive tables.
[[nodiscard]] Result<std::uint32_t> create_flow_table(CommandChannel& channel, std::uint8_t level,
                                                      std::uint8_t log_size);
[[nodiscard]] Result<void> set_flow_table_root(CommandChannel& channel, std::uint32_t table);
[[nodiscard]] Result<void> destroy_flow_table(CommandChannel& channel, std::uint32_t table);
/// A group of entries first..last that match the destination MAC.
[[nodiscard]] Result<std::uint32_t> create_dmac_group(CommandChannel& channel, std::uint32_t table,
                                                      std::uint32_t first, std::uint32_t last);
[[nodiscard]] Result<void> destroy_flow_group(CommandChannel& channel, std::uint32_t table,
                                              std::uint32_t group);
/// Frames to `mac` go to the TIR.
[[nodiscard]] Result<void> set_dmac_entry(CommandChannel& channel, std::uint32_t table,
                                          std::uint32_t group, std::uint32_t index, const Mac& mac,
                                          std::uint32_t tirn);
[[nodiscard]] Result<void> delete_flow_entry(CommandChannel& channel, std::uint32_t table,
                                             std::uint32_t index);

[[nodiscard]] Result<std::uint8_t> alloc_q_counter(CommandChannel& channel);
[[nodiscard]] Result<void> dealloc_q_counter(CommandChannel& channel, std::uint8_t counter_set);

struct VportContext {
  Mac mac{};
  std::uint16_t mtu = 0;
  std::uint8_t min_inline_mode = 0;
};
[[nodiscard]] Result<VportContext> query_nic_vport_context(CommandChannel& channel);
/// Unicast addresses that the port receives.
[[nodiscard]] Result<void> set_unicast_list(CommandChannel& channel, const std::vector<Mac>& macs);

}  // namespace vfsim::driver
