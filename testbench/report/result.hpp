// What a run found out: the machine-readable result (schema vfsim.result/1).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vfsim::bench {

struct PhaseResult {
  std::string name;
  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = 0;
};

struct MigrationResult {
  std::uint32_t guest = 0;
  std::uint32_t vf = 0;  // the first, of several
  std::string from, to;  // "A", "B"
  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = 0;
  std::uint64_t downtime_ns = 0;  // vCPUs stopped until they run again
  std::vector<PhaseResult> phases;
  std::uint64_t state_bytes = 0;   // device state sent
  std::uint64_t memory_bytes = 0;  // guest memory sent
  std::uint32_t precopy_rounds = 0;
  std::string outcome;  // "completed", "rolled_back", "cancelled", "reset", "lost", "unknown"
  std::string reason;   // why it was not completed, one line
};

struct RuleCount {
  std::string id;
  std::string title;
  std::uint64_t evaluations = 0;
  std::uint64_t violations = 0;
  std::string verdict;  // "held", "violated", "not exercised"
  std::string note;     // figures beside the counts, one line; empty for most
};

struct OracleCounts {
  std::uint64_t tx_posted = 0, tx_completed = 0, tx_on_wire = 0;
  std::uint64_t rx_offered = 0, rx_accepted = 0, rx_delivered = 0;
  std::uint64_t lost = 0, duplicated = 0, corrupted = 0, reordered = 0;
  std::uint64_t interrupts_lost = 0, missed_dirty_pages = 0, memory_mismatch_bytes = 0;
  std::uint64_t tx_discarded = 0;  // their turn came while the cable was pulled, or a reset took them
  std::uint64_t tx_abandoned = 0;  // completed to nobody: the device was reset or removed
  std::uint64_t rx_discarded = 0;  // accepted frames that a reset took
  // Interfaces of stock drivers, as the driver and as the device counted.
  std::uint64_t interface_sent = 0, interface_on_wire = 0;
  std::uint64_t interface_accepted = 0, interface_received = 0;
};

struct ViolationResult {
  std::string rule;
  std::uint64_t time_ns = 0;
  std::string who, expected, seen;
};

/// A value that [random] drew, as a scenario file would say it.
struct DrawnValue {
  std::string key;    // "nic.vfs", "step 2"
  std::string value;  // "16", "migrate guest=1 fail_at=in_load"
};

/// Hits of one bin of the functional coverage model.
struct CoverageHit {
  std::string group;
  std::string bin;
  std::uint64_t count = 0;
};

struct Result {
  std::string scenario;
  std::string title;
  std::uint64_t seed = 0;
  std::vector<DrawnValue> drawn;
  std::string verdict = "error";  // "pass", "fail", "error"
  std::string error;              // verdict error or fail: the reason, one line
  std::uint64_t sim_time_ns = 0;
  double wall_s = 0;
  std::uint64_t tlps = 0;
  std::string events_digest;
  std::uint64_t sent_on_wire = 0;  // frames
  std::uint64_t held_on_wire = 0;  // that waited because no NIC owned their address
  std::uint64_t lost_on_wire = 0;  // that the wire dropped: nobody took them, and it does not hold them
  std::vector<MigrationResult> migrations;
  std::vector<RuleCount> rules;
  OracleCounts oracle;
  std::vector<ViolationResult> violations;
  std::vector<CoverageHit> coverage;
};

/// The result as JSON text, one object, keys in schema order.
[[nodiscard]] std::string to_json(const Result& result);
/// The same in one line, for files with a result per line.
[[nodiscard]] std::string to_json_line(const Result& result);
/// Reads what to_json wrote. Keys that are missing keep their defaults, unknown ones are passed
/// over. False: `error` is one line.
[[nodiscard]] bool from_json(const std::string& text, Result& result, std::string& error);

/// Writes `text` to `path` so that a reader sees all of it or nothing (temporary file, then
/// rename; a device or pipe is written as it is); makes the folder. False: `error` is one line.
[[nodiscard]] bool write_file(const std::string& path, const std::string& text, std::string& error);

}  // namespace vfsim::bench
