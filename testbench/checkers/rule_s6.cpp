// S6: the end of a saving stream is exact.
#include <cerrno>
#include <fmt/format.h>
#include <map>

#include "firmware/interface/tables.hpp"
#include "testbench/checkers/mig_name.hpp"
#include "testbench/checkers/rule_factories.hpp"
#include "testbench/checkers/saving_sessions.hpp"

namespace vfsim::bench {
namespace {

using driver::MigState;
using model::FnRef;
using model::Ps;

/// Each read of a saving descriptor while its session lasts (S5 has the time behind it):
///   0 bytes   only in STOP_COPY, with every image of the session read, no SAVE on its way and none
///             announced; and only 0 after it
///   ENOMSG    only in PRE_COPY and PRE_COPY_P2P, with every image read that the driver can know of
///             (SavingSessions::grace()), and not before the first one, unless a SAVE failed
/// Of a device that is not the NIC: 0 only in STOP_COPY, and only 0 after it; ENOMSG never.
class S6 final : public Rule {
 public:
  explicit S6(const RuleInputs& inputs)
      : context_(inputs.context), sessions_(inputs.context, inputs.view) {}

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this, {model::Probe::driver, model::Probe::command});
  }

  void vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to, int error) override {
    (void)t;
    sessions_.vfio_state(who, from, to, error);
    if (error == 0) {
      device_of(who).state = static_cast<MigState>(to);
    }
  }
  void device_reset(Ps t, FnRef who, std::uint32_t now, int error) override {
    (void)t, (void)now, (void)error;
    sessions_.device_reset(who);
    device_of(who) = {};
  }
  void command_submitted(Ps t, const model::CommandView& view) override {
    (void)t, sessions_.command_submitted(view);
  }
  void command_completed(Ps t, const model::CommandView& view) override {
    (void)t, sessions_.command_completed(view);
  }
  void image_saved(Ps t, FnRef who, const ImageView& image) override {
    sessions_.image_saved(t, who, image);
  }

  void stream(Ps t, const model::StreamView& view) override {
    sessions_.stream(view);
    Device& device = device_of(view.who);
    if (view.op == model::StreamOp::opened) {
      device.descriptor = view.saving ? view.descriptor : 0;
      device.ended = false;
    }
    if (view.op != model::StreamOp::read || view.descriptor != device.descriptor ||
        view.asked == 0 || !saves(device.state)) {
      return;
    }
    evaluated();
    const bool end = view.error == 0 && view.count == 0;
    if (device.ended && !end) {
      violate(t, view.who, "a 0 is followed by 0 only",
              view.error != 0 ? fmt::format("errno {}", view.error)
                              : fmt::format("{} bytes", view.count));
    }
    device.ended |= end;
    if (end) {
      judge_end(t, view.who, device.state);
    } else if (view.error == ENOMSG) {
      judge_pause(t, view.who, device.state);
    }
  }

 private:
  struct Device {
    MigState state = MigState::running;
    std::uint32_t descriptor = 0;
    bool ended = false;
  };

  static bool saves(MigState state) {
    return state == MigState::pre_copy || state == MigState::pre_copy_p2p ||
           state == MigState::stop_copy;
  }
  Device& device_of(FnRef who) { return devices_[{who.host, who.fn}]; }

  void judge_end(Ps t, FnRef who, MigState state) {
    if (state != MigState::stop_copy) {
      violate(t, who, "a read gives 0 in STOP_COPY only", fmt::format("0 in {}", mig_name(state)));
      return;
    }
    if (!is_nic(context_, who)) {
      return;
    }
    const SavingSession& session = sessions_.of(who);
    if (session.unread() != 0 || session.saving || session.more || session.images == 0) {
      violate(t, who, "a read gives 0 when everything that the session saves has been read",
              fmt::format("0 after {} of {} bytes{}", session.read, session.saved,
                          session.saving ? ", a SAVE is running"
                          : session.more ? ", another SAVE is announced"
                                         : ""));
    }
  }

  void judge_pause(Ps t, FnRef who, MigState state) {
    if (state == MigState::stop_copy || !is_nic(context_, who)) {
      violate(t, who, "a read fails with ENOMSG in PRE_COPY and PRE_COPY_P2P only",
              fmt::format("ENOMSG in {}", mig_name(state)));
      return;
    }
    const SavingSession& session = sessions_.of(who);
    const std::uint64_t unread = session.unread(t, sessions_.grace());
    if (unread != 0 || (session.images == 0 && !session.failed)) {
      violate(t, who, "a read fails with ENOMSG when nothing is left to read",
              fmt::format("ENOMSG after {} of {} bytes{}", session.read, session.saved,
                          session.images == 0 ? ", before the first image" : ""));
    }
  }

  const CheckContext& context_;
  SavingSessions sessions_;
  std::map<std::pair<std::uint8_t, std::uint8_t>, Device> devices_;
};

}  // namespace

std::unique_ptr<Rule> make_rule_S6(const RuleInputs& inputs) {
  return std::make_unique<S6>(inputs);
}

}  // namespace vfsim::bench
