#include "testbench/workload/peer_doorbells.hpp"

#include <boost/endian/conversion.hpp>

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kRunEngine = 1U << 2;  // VF_PEER_REG_CTRL

/// The peer device's registers are little-endian, Platform's are big-endian.
void write_register(driver::Platform& peer, std::uint32_t offset, std::uint32_t value) {
  peer.write32(offset, boost::endian::endian_reverse(value));
}

}  // namespace

driver::Result<driver::SendDoorbell> post_for_peer(driver::EthDriver& driver, Oracle& oracle, std::uint32_t guest,
                                                   std::uint32_t count, const WorkloadParams& params) {
  for (std::uint32_t n = 0; n < count; ++n) {
    const Frame frame = numbered_frame(client_mac(guest), guest_mac(guest), n, params.packet_bytes);
    BOOST_OUTCOME_TRYV(driver.post_only(frame.data(), static_cast<std::uint32_t>(frame.size())));
    oracle.posted(guest, frame.data(), frame.size());
  }
  return driver.doorbell();
}

driver::Result<void> ring_with_frames(driver::EthDriver& receiver, std::vector<TimedFrame>& frames,
                                      const driver::SendDoorbell& bell, std::uint64_t window) {
  std::uint64_t value = bell.value;
  for (TimedFrame& frame : frames) {
    boost::endian::store_big_u64(frame.bytes.data() + frame.bytes.size() - kDoorbellBytes, value);
    value += std::uint64_t{bell.step} << 32;
  }
  const auto length = static_cast<std::uint32_t>(frames.front().bytes.size());
  return receiver.split_tails({window + bell.uar_offset, kDoorbellBytes, length});
}

driver::Result<void> start_peer_doorbells(driver::EthDriver& driver, driver::Platform& peer, Oracle& oracle,
                                          std::uint32_t guest, std::uint64_t vf_window, const WorkloadParams& params) {
  BOOST_OUTCOME_TRY(bell, post_for_peer(driver, oracle, guest, params.peer_doorbells, params));
  const std::uint64_t address = vf_window + bell.uar_offset;
  write_register(peer, VF_PEER_REG_DB_PERIOD_NS, params.peer_period_ns);
  write_register(peer, VF_PEER_REG_DB_COUNT, params.peer_doorbells);
  write_register(peer, VF_PEER_REG_DB_ADDR_LO, static_cast<std::uint32_t>(address));
  write_register(peer, VF_PEER_REG_DB_ADDR_HI, static_cast<std::uint32_t>(address >> 32));
  write_register(peer, VF_PEER_REG_DB_VALUE_HI, static_cast<std::uint32_t>(bell.value >> 32));
  write_register(peer, VF_PEER_REG_DB_VALUE_LO, static_cast<std::uint32_t>(bell.value));
  write_register(peer, VF_PEER_REG_DB_STEP, bell.step);
  write_register(peer, VF_PEER_REG_CTRL, kRunEngine);
  return BOOST_OUTCOME_V2_NAMESPACE::success();
}

}  // namespace vfsim::bench
