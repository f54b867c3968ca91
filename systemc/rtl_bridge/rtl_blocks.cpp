#include "systemc/rtl_bridge/rtl_blocks.hpp"

#include <string>

#include "systemc/rtl_bridge/cmd_doorbell_rtl.hpp"
#include "systemc/rtl_bridge/dma_gate_rtl.hpp"
#include "systemc/rtl_bridge/mkey_walker_rtl.hpp"
#include "systemc/rtl_bridge/rr_arbiter_rtl.hpp"

namespace vfsim::model {

BlockMakers rtl_blocks(const NicParams& params, std::uint8_t host, Calendar& calendar,
                       rtl::RtlSession& session) {
  const std::string name(1, static_cast<char>('A' + host));
  const Ps period = params.rtl_clock_ps;
  BlockMakers makers;
  if (is_rtl(params, params.tx_arbiter)) {
    makers.tx_arbiter = [&session, name] {
      return std::make_unique<RrArbiterRtl>(session, name + ".tx_arbiter");
    };
  }
  if (is_rtl(params, params.dma_gate)) {
    makers.dma_gate = [&session, name](NicCore& core) {
      return std::make_unique<DmaGateRtl>(core, session, name + ".dma_gate");
    };
  }
  if (is_rtl(params, params.cmd_doorbell)) {
    makers.cmd_doorbell = [&session, &calendar, name, period](OfferListener& listener) {
      return std::make_unique<CmdDoorbellRtl>(session, name + ".cmd_doorbell", calendar, period, listener);
    };
  }
  if (is_rtl(params, params.mkey_walker)) {
    makers.mkey_walker = [&session, name, period](NicCore& core) {
      return std::make_unique<MkeyWalkerRtl>(session, name + ".mkey_walker", core.calendar, period, *core.ram);
    };
  }
  return makers;
}

}  // namespace vfsim::model
