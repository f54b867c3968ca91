// Which implementation the replaceable blocks of a NIC have.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "systemc/nic/cmd_doorbell.hpp"
#include "systemc/nic/dma_gate.hpp"
#include "systemc/nic/mkey_walker.hpp"
#include "systemc/nic/tx_arbiter.hpp"

namespace vfsim::model {

struct NicCore;

/// One maker per block, called while the NIC is built; an empty one means the SystemC model.
struct BlockMakers {
  std::function<std::unique_ptr<TxArbiter>()> tx_arbiter;
  std::function<std::unique_ptr<DmaGate>(NicCore&)> dma_gate;
  std::function<std::unique_ptr<MkeyWalker>(NicCore&)> mkey_walker;
  std::function<std::unique_ptr<CmdDoorbell>(OfferListener&)> cmd_doorbell;
};

/// Whether a block with this choice (nic.dma_gate and so on) is RTL.
[[nodiscard]] inline bool is_rtl(const NicParams& params, const std::string& choice) {
  return params.rtl == "all" || choice == "rtl";
}

/// The block of the maker, or a Default made of `args`.
template <class Default, class Maker, class... Args>
auto make_block(const Maker& maker, Args&... args) {
  using Block = decltype(maker(args...));
  return maker ? maker(args...) : Block(std::make_unique<Default>(args...));
}

}  // namespace vfsim::model
