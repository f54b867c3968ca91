// The verilated command doorbells in the place of the SystemC ones.
#pragma once

#include <array>
#include <string>

#include "systemc/common/clocked.hpp"
#include "systemc/common/ring.hpp"
#include "systemc/nic/cmd_doorbell.hpp"
#include "systemc/rtl_bridge/cmd_doorbell_dut.hpp"

namespace vfsim::model {

/// rtl_models/cmd_doorbell behind the interface of the model.
/// Time: an order goes in, in the order of the calls, when the offer stands that the order before
/// it has caused, or cannot come any more: what is offered does not depend on how long the block
/// searches. Clocked only while orders wait or an offer may be on its way. offer(), pending() and
/// owned() are register reads that wait for the block: they clock it through its orders.
class CmdDoorbellRtl final : public CmdDoorbell {
 public:
  /// @param name    of the instance in assertions: "A.cmd_doorbell"
  /// @param period  of the clock
  CmdDoorbellRtl(rtl::RtlSession& session, const std::string& name, Calendar& calendar, Ps period,
                 OfferListener& listener);

  void ring(std::uint32_t fn, std::uint32_t slots) override;
  void set_hold(std::uint32_t fn, bool hold) override;
  void reset(std::uint32_t fn) override;
  void take(std::uint32_t fn, std::uint32_t slot) override;
  void done(std::uint32_t fn, std::uint32_t slot) override;
  void set(std::uint32_t fn, std::uint32_t slots) override;
  void clear(std::uint32_t fn, std::uint32_t slots) override;
  void set_room(bool any, bool last) override;
  [[nodiscard]] bool offered() const override { return settled() && dut_.offered(); }
  [[nodiscard]] std::optional<Offer> offer() override;
  [[nodiscard]] std::uint32_t pending(std::uint32_t fn) override;
  [[nodiscard]] std::uint32_t owned(std::uint32_t fn) override;
  [[nodiscard]] std::uint32_t pending_by_now(std::uint32_t fn) override { return dut_.pending(fn); }
  [[nodiscard]] std::uint32_t owned_by_now(std::uint32_t fn) override { return dut_.owned(fn); }

 private:
  using Kind = CmdDoorbellDut::Kind;
  static constexpr std::uint32_t kSettle =
      2;  // cycles from an order to the offer: a_offered_in_time

  [[nodiscard]] bool settled() const { return orders_.empty() && settle_ == 0; }
  void push(Kind kind, std::uint32_t fn, std::uint32_t slots);
  /// One clock cycle; false: nothing left to do.
  bool edge();
  void cycle(Ps at);
  /// Clocks the block through all its orders.
  void catch_up();

  CmdDoorbellDut dut_;
  OfferListener& listener_;
  WorkClock<CmdDoorbellRtl, &CmdDoorbellRtl::edge> clock_;
  Calendar& calendar_;
  Ring<CmdDoorbellDut::Order> orders_;
  std::uint32_t settle_ = 0;  // cycles in which the offer may still come
  std::array<bool, VF_MAX_FUNCTIONS> held_{};
  Ps last_ = 0;  // edge
};

}  // namespace vfsim::model
