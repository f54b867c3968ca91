// R1: a reset returns a device to RUNNING from any state, and silences it.
#include <cerrno>
#include <fmt/format.h>

#include "firmware/interface/tables.hpp"
#include "host_driver/migration/vfio_device.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using driver::MigState;
using model::FnRef;
using model::Ps;

constexpr std::uint64_t kAllOnes = 0xffffffff;  // what a host reads where nobody answers

/// A reset on the bus is a function-level reset, or VF Enable that goes. From it on the function
/// sends no memory request and no interrupt until a driver has given it a command queue, or a LOAD
/// has filled it; what it had put on the link before is under way and does not count. A reset of
/// user space (VFIO_DEVICE_RESET) of a function of the NIC shows one on the bus before it returns,
/// succeeds while the function answers, and GET then tells RUNNING. When a reset and a state change
/// cross, GET tells RUNNING or the state that was asked for (after a failure, the state of the last
/// arc). What becomes of reads that were under way is seen by what does not come: nothing that they
/// could cause leaves the function.
class R1 final : public Rule {
 public:
  explicit R1(const RuleInputs& inputs)
      : context_(inputs.context), view_(inputs.view), functions_(kFunctionIndices) {}

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this,
                  {model::Probe::function_reset, model::Probe::driver, model::Probe::access});
    view_.quiet().subscribe(*this, {model::Probe::tlp_sent});
  }

  void function_reset(Ps t, FnRef who) override {
    if (!is_nic(context_, who)) {
      return;
    }
    evaluated();
    Function& function = functions_[function_index(who)];
    function = {};  // whether it is there is seen at the next configuration read
    function.silent = true;
    function.reset_at = t;
    function.on_bus = true;
    function.crossed = true;
    view_.watch(who, FunctionView::Watch::reset, true);
  }

  void tlp_sent(Ps t, std::uint8_t host, const model::Tlp& tlp,
                const std::uint8_t* payload) override {
    (void)payload;
    const FnRef who{host, static_cast<std::uint8_t>(function_of(context_, tlp.requester))};
    if (tlp.kind == model::TlpKind::completion || !is_nic(context_, who)) {
      return;
    }
    const Function& function = functions_[function_index(who)];
    if (function.silent) {
      violate(t, who,
              "no DMA and no interrupt from the reset until the function is brought up again",
              fmt::format("{} of {} bytes at {:#x}, {} ns behind the reset",
                          tlp.interrupt                          ? "interrupt message"
                          : tlp.kind == model::TlpKind::mem_read ? "memory read"
                                                                 : "memory write",
                          tlp.bytes, tlp.addr, (t - function.reset_at) / model::kNs));
    }
  }

  void access(Ps t, const model::AccessView& view) override {
    (void)t;
    if (!is_nic(context_, view.who)) {
      return;
    }
    if (view.config && !view.write) {
      functions_[function_index(view.who)].absent = view.bytes == 4 && view.value == kAllOnes;
    } else if (view.write && !view.config && view.offset == VF_BAR_CMDQ_LO) {
      brought_up(view.who);
    }
  }
  void load_ended(Ps t, FnRef who, const model::CommandView& command,
                  const ImageView& image) override {
    (void)t, (void)image;
    if (command.delivery == VF_DELIVERY_OK && command.status == VF_STATUS_OK) {
      brought_up(who);
    }
  }

  void device_reset(Ps t, FnRef who, std::uint32_t now, int error) override {
    evaluated();
    const bool absent = is_nic(context_, who) && functions_[function_index(who)].absent;
    if (error != 0) {
      if (!absent && error != ENOTCONN) {  // its host takes the function away, or has
        violate(t, who, "VFIO_DEVICE_RESET succeeds", fmt::format("errno {}", error));
      }
      return;
    }
    if (static_cast<MigState>(now) != MigState::running) {
      violate(t, who, "GET tells RUNNING after VFIO_DEVICE_RESET",
              fmt::format("{}", contract::enum_name("MIG", now)));
    }
    if (!is_nic(context_, who)) {
      return;
    }
    Function& function = functions_[function_index(who)];
    if (!function.on_bus) {
      violate(t, who, "VFIO_DEVICE_RESET resets the function on the bus",
              "no function-level reset since the one before");
    }
    function.on_bus = false;
  }

  void vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to, int error) override {
    (void)t, (void)from;
    if (is_nic(context_, who)) {
      // An arc that ends behind the reset began before it or behind it: the two have crossed.
      functions_[function_index(who)].last_arc = static_cast<MigState>(error == 0 ? to : from);
    }
  }

  void set_state_done(Ps t, FnRef who, std::uint32_t requested, std::uint32_t now,
                      int error) override {
    if (!is_nic(context_, who)) {
      return;
    }
    Function& function = functions_[function_index(who)];
    if (!function.crossed || error == ENOTCONN) {
      return;
    }
    function.crossed = false;
    evaluated();
    const auto state = static_cast<MigState>(now);
    const MigState other = error == 0 ? static_cast<MigState>(requested) : function.last_arc;
    if (state != MigState::running && state != other) {
      violate(t, who,
              fmt::format("a state change that crosses a reset ends in RUNNING or in {}",
                          contract::enum_name("MIG", static_cast<std::uint32_t>(other))),
              fmt::format("{}", contract::enum_name("MIG", now)));
    }
  }

 private:
  struct Function {
    bool absent = false;   // did not answer the last configuration read
    bool silent = false;   // reset, and not brought up since
    bool on_bus = false;   // reset on the bus, VFIO_DEVICE_RESET has not returned since
    bool crossed = false;  // no state change has ended since the reset
    MigState last_arc = MigState::running;
    Ps reset_at = 0;
  };

  void brought_up(FnRef who) {
    Function& function = functions_[function_index(who)];
    if (function.silent) {
      function.silent = false;
      view_.watch(who, FunctionView::Watch::reset, false);
    }
  }

  const CheckContext& context_;
  FunctionView& view_;
  std::vector<Function> functions_;
};

}  // namespace

std::unique_ptr<Rule> make_rule_R1(const RuleInputs& inputs) {
  return std::make_unique<R1>(inputs);
}

}  // namespace vfsim::bench
