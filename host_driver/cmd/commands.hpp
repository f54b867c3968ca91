// Typed commands: one function per command of the device, over a CommandChannel.
//
// Every function blocks until the command's completion and fails with the errors of
// CommandChannel::execute(). Layouts and lengths are those of firmware/interface. Numbers of
// objects are 24-bit values; a memory key is the full 32-bit key (index << 8 | key byte 0). Source:
// mlx5 device interface, section 4.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/interface/layout.h"
#include "host_driver/cmd/command_channel.hpp"

namespace vfsim::driver {

// ---- building blocks ----
/// Zeroed input of the opcode's own length plus `list_bytes`, with opcode and op_mod filled in.
[[nodiscard]] Bytes make_command(vf_opcode opcode, std::uint32_t op_mod = 0,
                                 std::size_t list_bytes = 0);
/// Output length of the opcode without lists.
[[nodiscard]] std::size_t output_bytes(vf_opcode opcode);
/// "CREATE_MKEY", or "opcode 0x..." for an unknown one.
[[nodiscard]] std::string opcode_name(std::uint32_t opcode);
/// Executes `in` with the output length of its own opcode plus `list_bytes`.
[[nodiscard]] Result<Bytes> run_command(CommandChannel& channel, const Bytes& in,
                                        std::size_t list_bytes = 0);
/// Writes page addresses as a big-endian 64-bit list at `offset` of the input.
void put_page_list(Bytes& in, std::size_t offset, const std::vector<std::uint64_t>& pages);

// ---- bring-up and pages ----
[[nodiscard]] Result<void> enable_hca(CommandChannel& channel, std::uint16_t function_id);
[[nodiscard]] Result<void> disable_hca(CommandChannel& channel, std::uint16_t function_id);
/// Bit n of the result: interface step n is supported.
[[nodiscard]] Result<std::uint32_t> query_issi(CommandChannel& channel);
[[nodiscard]] Result<void> set_issi(CommandChannel& channel, std::uint16_t issi);
/// @param kind VF_PAGES_BOOT, _INIT or _REGULAR. Positive: pages wanted, negative: returnable.
[[nodiscard]] Result<std::int32_t> query_pages(CommandChannel& channel, std::uint32_t kind,
                                               std::uint16_t function_id);
[[nodiscard]] Result<void> give_pages(CommandChannel& channel, std::uint16_t function_id,
                                      const std::vector<std::uint64_t>& pages);
/// Tells the firmware that its request cannot be served.
[[nodiscard]] Result<void> decline_pages(CommandChannel& channel, std::uint16_t function_id);
/// Takes back at most `count` pages (at most kPagesPerTake); returns their addresses.
[[nodiscard]] Result<std::vector<std::uint64_t>> take_pages(CommandChannel& channel,
                                                            std::uint16_t function_id,
                                                            std::uint32_t count);
inline constexpr std::uint32_t kPagesPerTake = 768;  // 16 inline bytes and 12 output blocks
[[nodiscard]] Result<void> init_hca(CommandChannel& channel);
[[nodiscard]] Result<void> teardown_hca(CommandChannel& channel);
[[nodiscard]] Result<void> set_driver_version(CommandChannel& channel, std::string_view version);
/// The 16-byte board id.
[[nodiscard]] Result<std::array<char, 16>> query_adapter(CommandChannel& channel);

// ---- capabilities ----
enum class CapMode : std::uint8_t { maximum = 0, current = 1 };
/// The 4096-byte capability area. @param type VF_CAP_*. @param function_id another function, or
/// none for this one.
[[nodiscard]] Result<Bytes> query_hca_cap(CommandChannel& channel, std::uint32_t type, CapMode mode,
                                          std::optional<std::uint16_t> function_id = std::nullopt);
/// Writes the current capabilities; `area` is the 4096-byte area.
[[nodiscard]] Result<void> set_hca_cap(CommandChannel& channel, std::uint32_t type,
                                       const Bytes& area,
                                       std::optional<std::uint16_t> function_id = std::nullopt);

// ---- registers ----
/// Returns the register's contents. @param id VF_REG_*. @param data what the register's read needs
/// (port number).
[[nodiscard]] Result<Bytes> read_register(CommandChannel& channel, std::uint16_t id,
                                          const Bytes& data);
[[nodiscard]] Result<Bytes> write_register(CommandChannel& channel, std::uint16_t id,
                                           const Bytes& data);

// ---- protection domains, doorbell pages, memory keys ----
[[nodiscard]] Result<std::uint32_t> alloc_pd(CommandChannel& channel);
[[nodiscard]] Result<void> dealloc_pd(CommandChannel& channel, std::uint32_t pd);
[[nodiscard]] Result<std::uint32_t> alloc_uar(CommandChannel& channel);
[[nodiscard]] Result<void> dealloc_uar(CommandChannel& channel, std::uint32_t uar);

/// Bits of MkeySpec::access.
inline constexpr std::uint8_t kLocalRead = 1;
inline constexpr std::uint8_t kLocalWrite = 2;
inline constexpr std::uint8_t kRemoteRead = 4;
inline constexpr std::uint8_t kRemoteWrite = 8;
inline constexpr std::uint8_t kAllAccess = 15;
struct MkeySpec {
  std::uint32_t pd = 0;
  std::uint8_t access = kAllAccess;  // kLocalRead, ...
  std::uint64_t length = 0;          // bytes; ignored in a physical key
  std::vector<std::uint64_t> pages;  // bus addresses of the pages, 2^log_page_size bytes each
  std::uint8_t log_page_size = VF_PAGE_SHIFT;
  std::uint64_t start = 0;  // first virtual address of the region
  bool relaxed_ordering = false;  // of reads and writes through the key
  bool physical = false;    // addresses are bus addresses, the whole 64-bit space; no page list
};
[[nodiscard]] Result<std::uint32_t> create_mkey(CommandChannel& channel, const MkeySpec& spec);
[[nodiscard]] Result<void> destroy_mkey(CommandChannel& channel, std::uint32_t mkey);

// ---- migration of a virtual function (issued on the PF's queue) ----
/// @param op_mod VF_SUSPEND_INITIATOR or VF_SUSPEND_RESPONDER.
[[nodiscard]] Result<void> suspend_vhca(CommandChannel& channel, std::uint16_t vhca_id,
                                        std::uint32_t op_mod);
/// @param op_mod VF_RESUME_RESPONDER or VF_RESUME_INITIATOR.
[[nodiscard]] Result<void> resume_vhca(CommandChannel& channel, std::uint16_t vhca_id,
                                       std::uint32_t op_mod);

struct MigrationSize {
  std::uint32_t required_umem_size = 0;    // bytes the next SAVE needs
  std::uint64_t remaining_total_size = 0;  // chunk mode: bytes left
  std::uint8_t migration_state = 0;  // VF_MIGRATION_STATE_*, valid with the capability of that name
};
[[nodiscard]] Result<MigrationSize> query_vhca_migration_state(CommandChannel& channel,
                                                               std::uint16_t vhca_id,
                                                               bool incremental, bool chunk);
struct SaveRequest {
  std::uint16_t vhca_id = 0;
  std::uint32_t mkey = 0;
  std::uint32_t size = 0;  // buffer bytes available
  bool incremental = false;
  bool set_track = false;
  std::uint64_t va = 0;  // offset into the key
};
struct SaveResult {
  std::uint32_t actual_image_size = 0;
  std::uint32_t next_required_umem_size = 0;  // chunk mode: 0 = last chunk
};
[[nodiscard]] Result<SaveResult> save_vhca_state(CommandChannel& channel,
                                                 const SaveRequest& request);
/// Posts the SAVE; `done` runs in a thread of its own (CommandChannel::execute_async).
[[nodiscard]] Result<void> save_vhca_state_async(CommandChannel& channel,
                                                 const SaveRequest& request,
                                                 std::function<void(Result<SaveResult>)> done);
[[nodiscard]] Result<void> load_vhca_state(CommandChannel& channel, std::uint16_t vhca_id,
                                           std::uint32_t mkey, std::uint32_t size,
                                           std::uint64_t va = 0);

// ---- event queues, completion queues, queue pairs ----
struct EqSpec {
  std::uint8_t log_size = 8;
  std::uint32_t uar = 0;
  std::uint16_t vector = 0;
  std::array<std::uint64_t, 4> mask{};  // bit t of word 0: event type t
  std::vector<std::uint64_t> pages;     // 4096 bytes each
};
[[nodiscard]] Result<std::uint8_t> create_eq(CommandChannel& channel, const EqSpec& spec);
[[nodiscard]] Result<void> destroy_eq(CommandChannel& channel, std::uint8_t eqn);

struct CqSpec {
  std::uint8_t log_size = 0;
  std::uint32_t eqn = 0;
  std::uint32_t uar = 0;
  std::uint64_t dbr = 0;             // doorbell record, 8 bytes
  std::vector<std::uint64_t> pages;  // 4096 bytes each
};
[[nodiscard]] Result<std::uint32_t> create_cq(CommandChannel& channel, const CqSpec& spec);
[[nodiscard]] Result<void> destroy_cq(CommandChannel& channel, std::uint32_t cqn);

/// Reliable queue pair without send ring, as the page tracker uses it.
struct QpSpec {
  std::uint32_t pd = 0;
  std::uint32_t uar = 0;
  bool user_index_valid = true;  // capability cqe_version = 1: user_index is 0xffffff
  std::uint8_t ts_format = 0;
  bool receive_ring = false;       // false: rq_type is zero-size, fields below unused
  std::uint8_t log_rq_size = 0;    // log2 of receive entries
  std::uint8_t log_rq_stride = 4;  // log2 of bytes, at least 4
  std::uint32_t cqn_rcv = 0;
  std::uint64_t dbr = 0;
  std::vector<std::uint64_t> pages;
};
[[nodiscard]] Result<std::uint32_t> create_qp(CommandChannel& channel, const QpSpec& spec);
[[nodiscard]] Result<void> destroy_qp(CommandChannel& channel, std::uint32_t qpn);
[[nodiscard]] Result<void> rst2init_qp(CommandChannel& channel, std::uint32_t qpn);
[[nodiscard]] Result<void> init2rtr_qp(CommandChannel& channel, std::uint32_t qpn,
                                       std::uint32_t remote_qpn, std::uint8_t log_msg_max);
[[nodiscard]] Result<void> rtr2rts_qp(CommandChannel& channel, std::uint32_t qpn);

// ---- page tracker ----
struct PageRange {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
};
struct PageTrackSpec {
  std::uint16_t vhca_id = 0;
  std::uint8_t log_addr_space_size = 0;
  std::uint8_t log_page_size = VF_PAGE_SHIFT;
  std::uint8_t log_msg_size = 0;
  std::uint32_t reporting_qpn = 0;
  std::vector<PageRange> ranges;
};
/// Returns the object id. Tracking starts with the object.
[[nodiscard]] Result<std::uint32_t> create_page_track(CommandChannel& channel,
                                                      const PageTrackSpec& spec);
/// Starts the report of a range.
[[nodiscard]] Result<void> report_page_track(CommandChannel& channel, std::uint32_t id,
                                             const PageRange& range);
/// State of the tracker: VF_PAGE_TRACK_*.
[[nodiscard]] Result<std::uint8_t> query_page_track(CommandChannel& channel, std::uint32_t id);
[[nodiscard]] Result<void> destroy_page_track(CommandChannel& channel, std::uint32_t id);

// ---- virtual port ----
struct VportState {
  bool up = false;
  std::uint8_t admin_state = 0;  // 0 down, 1 up, 2 follow
};
/// @param vport another function's port (PF only), or none for this function's.
[[nodiscard]] Result<VportState> query_vport_state(
    CommandChannel& channel, std::optional<std::uint16_t> vport = std::nullopt);

}  // namespace vfsim::driver
