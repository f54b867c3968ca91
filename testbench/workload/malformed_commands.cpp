#include "testbench/workload/malformed_commands.hpp"

#include <fmt/format.h>

#include "firmware/interface/tables.hpp"

namespace vfsim::bench {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

constexpr std::size_t kShort = 8;  // opcode, uid and op_mod, and nothing that any command needs
constexpr std::uint16_t kUnknownOpcode = 0x7ff;
constexpr std::uint16_t kUnknownMod = 0xffff;

driver::Bytes command(std::uint32_t opcode, std::uint16_t op_mod, std::size_t bytes) {
  driver::Bytes in(bytes);
  VF_SET(suspend_vhca_in, in.data(), opcode, opcode);
  VF_SET(suspend_vhca_in, in.data(), op_mod, op_mod);
  return in;
}

driver::Result<void> refused(driver::CommandChannel& channel, const driver::Bytes& in,
                             std::size_t out_bytes, std::string_view what) {
  const auto done = channel.execute(in, out_bytes);
  return done ? driver::fail(EPROTO, fmt::format("{} was accepted", what))
              : driver::Result<void>(success());
}

}  // namespace

driver::Result<void> send_malformed_commands(driver::CommandChannel& channel) {
  BOOST_OUTCOME_TRYV(refused(channel, command(kUnknownOpcode, 0, VF_BYTES(suspend_vhca_in)),
                             VF_BYTES(suspend_vhca_out), "an unknown opcode"));
  for (const contract::OpcodeRow& op : contract::kOpcodes) {
    BOOST_OUTCOME_TRYV(refused(channel, command(op.value, 0, kShort), op.out_bytes,
                               fmt::format("{} with a short input", op.name)));
    BOOST_OUTCOME_TRYV(refused(channel, command(op.value, 0, op.in_bytes), kShort,
                               fmt::format("{} with a short output", op.name)));
    BOOST_OUTCOME_TRYV(refused(channel, command(op.value, kUnknownMod, op.in_bytes), op.out_bytes,
                               fmt::format("{} with an unknown op_mod", op.name)));
  }
  return success();
}

}  // namespace vfsim::bench
