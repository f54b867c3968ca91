// All rules of the contract, their inputs and their results.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "testbench/checkers/check_context.hpp"
#include "testbench/checkers/command_monitor.hpp"
#include "testbench/checkers/function_view.hpp"
#include "testbench/checkers/rule.hpp"

namespace vfsim::bench {

/// The table of rules, in the contract's order (rules.def).
[[nodiscard]] const std::vector<RuleInfo>& rule_table();

/// What a run says about one rule.
struct RuleResult {
  const RuleInfo* info = nullptr;
  std::uint64_t evaluations = 0;
  std::uint64_t violations = 0;
  std::uint64_t remarks = 0;
  std::string note;
  /// "violated", "held" or "not exercised".
  [[nodiscard]] const char* verdict() const;
};

/// Owns command monitor, function view and rules, and subscribes them to the bus in this order.
/// Subscribe whatever must see command_submitted / command_completed at any place; create the set
/// before the first TLP, and after it nothing else is needed but finish().
class RuleSet {
 public:
  RuleSet(const CheckContext& context, model::ProbeBus& bus);
  ~RuleSet();

  [[nodiscard]] FunctionView& view() { return *view_; }
  [[nodiscard]] CommandMonitor& commands() { return *monitor_; }

  /// Memory that a function may reach (I1): physical range, as the IOMMU domain of its VF was given
  /// it.
  void grant(model::FnRef who, std::uint64_t phys, std::uint64_t bytes) {
    view_->grant(who, phys, bytes);
  }
  void revoke(model::FnRef who) { view_->revoke(who); }
  /// Where BAR0 of a function lies (P2P accesses are recognised by it, Q3).
  void map_window(model::FnRef who, std::uint64_t phys, std::uint64_t bytes) {
    view_->map_window(who, phys, bytes);
  }

  /// Bus addresses under which a function reaches windows of other devices (P2).
  void map_peers(model::FnRef who, std::uint64_t iova, std::uint64_t bytes) {
    view_->map_peers(who, iova, bytes);
  }

  /// Migration flags of the drivers, where they are known only when a device is opened. Streams of
  /// drivers with pre-copy are records, those of others the bare image.
  void drivers_offer(std::uint64_t flags) {
    context_.migration_flags = flags;
    context_.stream_records = (flags & VF_MIG_FLAG_PRE_COPY) != 0;
  }

  /// Two full images of one function that must be equal outside volatile fields (S3): SAVE, LOAD,
  /// SAVE.
  void add_identity(model::Ps t, model::FnRef who, const std::vector<std::uint8_t>& first,
                    const std::vector<std::uint8_t>& second);
  /// Result of a rule that the end-to-end oracle judges. `seen` describes the violations.
  void oracle_result(std::string_view id, model::Ps t, std::uint64_t evaluations,
                     std::uint64_t violations, const std::string& expected,
                     const std::string& seen);

  /// The first breach of such a rule, when the oracle sees it. It is shown; oracle_result() counts.
  void oracle_sighting(std::string_view id, model::Ps t, model::FnRef who, const std::string& seen,
                       const std::string& blame);

  /// End of the run: last judgements.
  void finish(model::Ps end);

  /// One entry per row of rules.def.
  [[nodiscard]] std::vector<RuleResult> results() const;
  [[nodiscard]] const ViolationLog& violations() const { return log_; }
  /// Called for each stored violation, while the rules look at the observation that shows it.
  void on_violation(std::function<void(const Violation&)> listener) {
    log_.on_stored(std::move(listener));
  }
  [[nodiscard]] const Rule* find(std::string_view id) const;

 private:
  Rule* find_mutable(std::string_view id) const;

  CheckContext context_;
  ViolationLog log_;
  std::unique_ptr<CommandMonitor> monitor_;
  std::unique_ptr<FunctionView> view_;
  std::vector<std::unique_ptr<Rule>> rules_;  // by row of the table
};

/// What make_rule_<id>() gets.
struct RuleInputs {
  const CheckContext& context;
  CommandMonitor& commands;
  FunctionView& view;
};

}  // namespace vfsim::bench
