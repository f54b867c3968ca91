#include "testbench/workload/command_load.hpp"

#include "host_driver/cmd/eth_commands.hpp"
#include "host_driver/resources/dma_buffer.hpp"
#include "testbench/workload/malformed_commands.hpp"
#include "testbench/workload/object_tour.hpp"

namespace vfsim::bench {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

constexpr std::size_t kKeyBytes = 4096;

driver::Result<std::uint32_t> make_key(driver::CommandChannel& channel, std::uint32_t pd,
                                       const driver::DmaBuffer& memory) {
  driver::MkeySpec spec;
  spec.pd = pd;
  spec.access = driver::kLocalRead;
  spec.length = memory.bytes();
  spec.pages = memory.pages();
  return driver::create_mkey(channel, spec);
}

/// A query, a command with mailboxes both ways, and objects that come and go.
driver::Result<void> mixed_round(driver::CommandChannel& channel, const driver::DmaBuffer& memory) {
  BOOST_OUTCOME_TRYV(driver::query_vport_state(channel));
  BOOST_OUTCOME_TRYV(driver::query_nic_vport_context(channel));
  BOOST_OUTCOME_TRY(pd, driver::alloc_pd(channel));
  BOOST_OUTCOME_TRY(key, make_key(channel, pd, memory));
  BOOST_OUTCOME_TRYV(driver::destroy_mkey(channel, key));
  return driver::dealloc_pd(channel, pd);
}

driver::Result<void> many_keys(SimOs& os, driver::CommandChannel& channel,
                               const driver::DmaBuffer& memory, const CommandLoad& load) {
  BOOST_OUTCOME_TRY(pd, driver::alloc_pd(channel));
  std::vector<std::uint32_t> keys;
  for (std::uint32_t n = 0; n < load.count; ++n) {
    BOOST_OUTCOME_TRY(key, make_key(channel, pd, memory));
    keys.push_back(key);
    os.sleep(load.gap);
  }
  os.sleep(load.keep);
  for (const std::uint32_t key : keys) {
    BOOST_OUTCOME_TRYV(driver::destroy_mkey(channel, key));
  }
  return driver::dealloc_pd(channel, pd);
}

}  // namespace

driver::Result<void> run_command_load(SimOs& os, driver::Platform& platform,
                                      driver::CommandChannel& channel, const CommandLoad& load) {
  BOOST_OUTCOME_TRY(memory, driver::DmaBuffer::allocate(platform, kKeyBytes));
  if (load.kind == CommandKind::keys) {
    return many_keys(os, channel, memory, load);
  }
  for (std::uint32_t n = 0; n < load.count; ++n) {
    BOOST_OUTCOME_TRYV(load.kind == CommandKind::malformed ? send_malformed_commands(channel)
                       : load.kind == CommandKind::tour    ? tour_objects(platform, channel, load.idle)
                                                           : mixed_round(channel, memory));
    os.sleep(load.gap);
  }
  return success();
}

}  // namespace vfsim::bench
