// The verilated walker in the place of the SystemC one.
#pragma once

#include <string>

#include "systemc/common/clocked.hpp"
#include "systemc/common/ring.hpp"
#include "systemc/nic/mkey_walker.hpp"
#include "systemc/rtl_bridge/mkey_walker_dut.hpp"

namespace vfsim::model {

/// Same answers as MkeyWalkerTlm, from rtl_models/mkey_walker, some cycles later. Clocked while it
/// has requests or announcements.
class MkeyWalkerRtl final : public MkeyWalker {
 public:
  /// @param name  of the instance in assertions: "A.mkey_walker"
  MkeyWalkerRtl(rtl::RtlSession& session, const std::string& name, Calendar& calendar, Ps period,
                const vf_context_ram& ram);

  void set_client(WalkClient& client) override { client_ = &client; }
  bool walk(const WalkRequest& request, std::uint32_t cookie, WalkAnswer&) override;
  void keys_changed(std::uint32_t fn, std::uint32_t first, std::uint32_t count) override;
  void entries_changed(std::uint32_t first, std::uint32_t count) override;

 private:
  struct Walk {
    WalkRequest request;
    std::uint32_t cookie;
  };
  bool edge();
  void announce(const MkeyWalkerDut::Change& change);

  Calendar& calendar_;
  MkeyWalkerDut dut_;
  WalkClient* client_ = nullptr;
  Ring<Walk> waiting_;
  Walk walking_{};
  bool again_ = false;                   // walking_ has to be asked once more
  Ring<MkeyWalkerDut::Change> changes_;  // announced, one leaves per cycle
  WorkClock<MkeyWalkerRtl, &MkeyWalkerRtl::edge> clock_;
};

}  // namespace vfsim::model
