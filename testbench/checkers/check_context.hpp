// What the checkers know of the machine besides its observations.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

#include "firmware/interface/layout.h"
#include "systemc/common/params.hpp"
#include "systemc/common/probe.hpp"
#include "systemc/memory/host_memory.hpp"

namespace vfsim::bench {

inline constexpr std::uint32_t kHosts = 2;

/// Given by the integrator, valid as long as the checkers. Rules judge from observations; the
/// device itself is asked only for the digests that the contract names (Q4, S2), and for
/// refused LOAD changed anything (S4).
struct CheckContext {
  std::array<const model::HostMemory*, kHosts> memory{};
  /// IOMMU look-up for a requester without side effects: bus address of `bytes` bytes -> physical
  /// address.
  std::function<std::optional<std::uint64_t>(std::uint8_t host, model::Rid rid, std::uint64_t iova,
                                             std::uint32_t bytes)>
      translate;
  /// Nic::state_digest of a function.
  std::function<std::uint64_t(std::uint8_t host, std::uint32_t fn)> state_digest;
  model::Rid base_rid = 0x0100;                // routing id of the PF; function f = base_rid + f
  std::uint32_t functions = VF_MAX_FUNCTIONS;  // PF + VFs
  std::uint64_t migration_flags = VF_MIG_FLAG_STOP_COPY | VF_MIG_FLAG_P2P | VF_MIG_FLAG_PRE_COPY;
  /// A saving stream is records (newest driver), not the bare image.
  bool stream_records = true;
  model::Ps completion_timeout = 50 * model::kMs;
  model::Ps timeout_lateness = 0;  // a read may expire that much later
  /// Configuration, from which bounds are computed (Q7).
  model::PcieParams pcie;
  model::HostParams host;
  model::NicParams nic;
  /// After the acknowledgement of a quiesce: answers that were on their way, one round trip of the
  /// link.
  model::Ps mmio_grace = 5 * model::kUs;
};

/// Dense index of a function over both hosts.
inline std::uint32_t function_index(model::FnRef who) {
  return who.host * VF_MAX_FUNCTIONS + who.fn;
}
inline constexpr std::uint32_t kFunctionIndices = kHosts * VF_MAX_FUNCTIONS;

/// Function number of a routing id of the NIC, or >= context.functions for other requesters.
inline std::uint32_t function_of(const CheckContext& context, model::Rid rid) {
  return static_cast<std::uint32_t>(rid) - context.base_rid;
}

/// False for observations of other devices.
inline bool is_nic(const CheckContext& context, model::FnRef who) {
  return who.fn < context.functions && who.host < kHosts;
}

/// Reads what a function sees at a bus address; false if it reaches no memory there.
bool read_bus(const CheckContext& context, model::FnRef who, std::uint64_t iova, void* to,
              std::size_t bytes);

/// Register value of a BAR access: on the bus registers are big-endian.
std::uint64_t register_value(const model::AccessView& view);

}  // namespace vfsim::bench
