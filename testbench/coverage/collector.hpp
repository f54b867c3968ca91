// Collects what one run covers of the protocol (coverage.def), from the same observations as the
// rules.
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "testbench/checkers/rule_set.hpp"
#include "testbench/coverage/coverage_model.hpp"
#include "testbench/report/result.hpp"

namespace vfsim::bench {

/// Subscribes to commands and driver observations only: costs nothing per TLP.
class CoverageCollector final : public model::Observer, public FunctionEvents {
 public:
  /// @param context, rules  outlive this
  CoverageCollector(const CheckContext& context, RuleSet& rules, model::ProbeBus& bus);

  /// The hits in the order of their names; the rules that were evaluated among them.
  [[nodiscard]] std::vector<CoverageHit> hits() const;

  void command_submitted(model::Ps t, const model::CommandView& view) override;
  void command_completed(model::Ps t, const model::CommandView& view) override;
  void vfio_state(model::Ps t, model::FnRef who, std::uint32_t from, std::uint32_t to,
                  int error) override;
  void function_reset(model::Ps t, model::FnRef who) override;
  void assigned(model::Ps t, std::uint32_t guest, model::FnRef who) override;
  void migration(model::Ps t, const model::MigrationView& view) override;
  void quiesced(model::Ps t, model::FnRef who, Half half) override;
  void image_saved(model::Ps t, model::FnRef who, const ImageView& image) override;
  void image_loaded(model::Ps t, model::FnRef from, model::FnRef to) override;

 private:
  /// A command under way.
  struct Slot {
    bool active = false;
    bool held = false;      // its function was quiesced meanwhile
    bool targeted = false;  // it is about `target`
    model::FnRef target;
    Stopped before = Stopped::running;  // of the target, when the command was submitted
  };
  struct Function {
    bool initiator_stopped = false;  // by the commands that ended well
    bool responder_stopped = false;
    bool sampled = false;               // since the last arc
    InFlight flight = InFlight::none;   // when the arc under way began
    InFlight quiesce = InFlight::none;  // when the last initiator quiesce began
    std::array<Slot, CommandMonitor::kSlots> slots{};
    std::set<std::string> records;  // of its images

    [[nodiscard]] Stopped stopped() const;
    void obey(const model::CommandView& view);
  };

  void hit(CoverGroup group, std::string bin) { ++counts_[index(group)][std::move(bin)]; }
  static std::size_t index(CoverGroup group) { return static_cast<std::size_t>(group); }
  Function& at(model::FnRef who) { return functions_[function_index(who)]; }
  [[nodiscard]] InFlight sample(model::Ps t, model::FnRef who) const;
  void begin_for(model::Ps t, const model::CommandView& view, model::FnRef who);
  /// Function that a migration command names; false: none, or not known.
  bool target(const model::CommandView& view, model::FnRef& who) const;

  const CheckContext& context_;
  RuleSet& rules_;
  std::vector<Function> functions_;                // by function_index
  std::map<std::uint32_t, model::FnRef> sources_;  // VF of a guest, by guest * kHosts + host
  std::set<std::uint32_t> guests_;
  std::array<std::map<std::string, std::uint64_t>, static_cast<std::size_t>(CoverGroup::count_)>
      counts_;
};

}  // namespace vfsim::bench
