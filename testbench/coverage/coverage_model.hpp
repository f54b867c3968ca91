// What a regression should have seen of the protocol: the bins of coverage.def.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host_driver/migration/vfio_device.hpp"

namespace vfsim::bench {

/// Groups of the model, in the order of coverage.def.
enum class CoverGroup : std::uint8_t {
#define COVER_GROUP(name, doc) name,
#define COVER_EXCLUDED(group, bin, why)
#include "testbench/coverage/coverage.def"
#undef COVER_GROUP
#undef COVER_EXCLUDED
  count_
};

struct CoverBin {
  CoverGroup group;
  std::string name;      // "RUNNING -> RUNNING_P2P | reads | 2-15"
  std::string_view why;  // why it cannot happen; empty: it counts
};

[[nodiscard]] std::string_view group_name(CoverGroup group);
[[nodiscard]] std::string_view group_doc(CoverGroup group);
/// Every bin of the model, group by group.
[[nodiscard]] const std::vector<CoverBin>& coverage_model();

/// What a VF has in flight.
enum class InFlight : std::uint8_t { none, reads, writes, both, p2p };
[[nodiscard]] InFlight in_flight(std::uint64_t reads, std::uint64_t writes, std::uint64_t p2p);

/// Names of bins, from what they speak of.
[[nodiscard]] std::string arc_bin(driver::MigState from, driver::MigState to);
[[nodiscard]] std::string arc_bin(driver::MigState from, driver::MigState to, InFlight flight,
                                  std::uint32_t vfs);
[[nodiscard]] std::string outcome_bin(std::string_view outcome, InFlight flight);

/// Who issued a command: the PF, a VF, or a VF that was quiesced before it was answered.
enum class Issuer : std::uint8_t { pf, vf, vf_held };
[[nodiscard]] std::string command_bin(std::uint16_t opcode, Issuer issuer, bool ok);

enum class Stopped : std::uint8_t { running, initiator, both };
[[nodiscard]] std::string vhca_bin(std::uint16_t opcode, std::uint16_t op_mod, Stopped stopped,
                                   bool ok);
[[nodiscard]] std::string record_bin(std::string_view record, bool loaded);

}  // namespace vfsim::bench
