// Everything that was observed, as a digest, as the newest records, and on demand as a file.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "systemc/common/probe.hpp"

namespace vfsim::bench {

/// Kinds of record in the log.
enum class EventKind : std::uint8_t {
  tlp_sent,
  tlp_landed,
  tlp_received,
  iommu_fault,
  msi,
  access,
  command_submitted,
  command_completed,
  frame_sent,
  frame_received,
  function_reset,
  vfio_state,
  dirty_report,
  dirty_tracking,
  vcpu,
  phase,
};
[[nodiscard]] const char* to_string(EventKind kind);

/// One observation, fixed size, little-endian in the digest. What the fields mean depends on the
/// kind; event_log.cpp writes them with their names.
struct EventRecord {
  std::uint64_t time = 0;     // ps
  std::uint64_t address = 0;  // TLP address, access offset, or a hash of bytes
  std::uint64_t data = 0;     // first 8 payload bytes, value, or a hash of bytes
  std::uint32_t length = 0;
  std::uint32_t detail = 0;    // offset, syndrome, error, ...
  std::uint16_t function = 0;  // TLP: requester id; otherwise function number
  std::uint16_t tag = 0;       // TLP: tag; command: opcode
  std::uint16_t extra = 0;     // TLP: completer; command: op_mod
  EventKind kind = EventKind::tlp_sent;
  std::uint8_t flags = 0;  // host in bit 0, the rest by kind
};
static_assert(sizeof(EventRecord) == 40, "records are hashed as they lie in memory: no padding");

/// Same build, scenario and seed: same digest. Cost per TLP: one record of 40 bytes, hashed in
/// blocks.
class EventLog final : public model::Observer {
 public:
  explicit EventLog(model::ProbeBus& bus);
  ~EventLog() override;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  /// From now on every record also goes to `path`, one JSON object a line:
  /// {"t_ps":..,"kind":..,"host":"A",...}. False: the file cannot be written.
  [[nodiscard]] bool write_lines(const std::string& path);
  /// Flushes and closes the file; false if something could not be written.
  [[nodiscard]] bool close_lines();

  /// Digest of all observations so far, 16 hex digits.
  [[nodiscard]] std::string digest();
  /// TLPs that devices sent, and completions and requests that they received.
  [[nodiscard]] std::uint64_t tlps() const { return tlps_; }
  [[nodiscard]] std::uint64_t records() const { return blocks_ * kBlock + used_; }
  /// The newest records (at most `count`, at most one block's worth), oldest first, as JSON lines
  /// without line ends.
  [[nodiscard]] std::vector<std::string> last(std::size_t count) const;

  void tlp_sent(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                const std::uint8_t* payload) override;
  void tlp_landed(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                  const std::uint8_t* payload, bool ok) override;
  void tlp_received(model::Ps t, std::uint8_t host, const model::Tlp& tlp) override;
  void iommu_fault(model::Ps t, std::uint8_t host, model::Rid requester, std::uint64_t iova,
                   bool write) override;
  void msi(model::Ps t, model::FnRef who, std::uint32_t vector, model::MsiAction action) override;
  void access(model::Ps t, const model::AccessView& view) override;
  void command_submitted(model::Ps t, const model::CommandView& view) override;
  void command_completed(model::Ps t, const model::CommandView& view) override;
  void frame_sent(model::Ps t, model::FnRef who, const std::uint8_t* bytes,
                  std::uint32_t length) override;
  void frame_received(model::Ps t, model::FnRef who, const std::uint8_t* bytes,
                      std::uint32_t length, model::FrameDrop drop) override;
  void function_reset(model::Ps t, model::FnRef who) override;
  void vfio_state(model::Ps t, model::FnRef who, std::uint32_t from, std::uint32_t to,
                  int error) override;
  void dirty_report(model::Ps t, model::FnRef who, const std::uint64_t* pages,
                    std::size_t count) override;
  void dirty_tracking(model::Ps t, model::FnRef who, bool on) override;
  void vcpu(model::Ps t, std::uint32_t guest, bool running, std::uint8_t host) override;
  void phase(model::Ps t, std::uint32_t guest, const char* name, bool begin) override;

 private:
  static constexpr std::size_t kBlock =
      1024;  // records hashed at a time; also the memory of last()
  struct Hash;

  EventRecord& next(model::Ps t, EventKind kind, std::uint8_t flags);
  EventRecord& tlp_record(model::Ps t, EventKind kind, std::uint8_t flags, const model::Tlp& tlp,
                          const std::uint8_t* payload);
  void command_record(model::Ps t, EventKind kind, const model::CommandView& view,
                      const std::uint8_t* bytes, std::uint32_t count);
  void done(const EventRecord& record) {
    if (file_ != nullptr) {
      write_line(record);
    }
  }
  void flush_block();
  void write_line(const EventRecord& record);

  std::unique_ptr<Hash> hash_;
  std::vector<EventRecord> block_;  // ring: the newest block's worth of records
  std::size_t used_ = 0;            // records of the current block
  std::uint64_t blocks_ = 0;
  std::uint64_t tlps_ = 0;
  std::FILE* file_ = nullptr;
  bool write_failed_ = false;
};

}  // namespace vfsim::bench
