// A rule of the quiesce contract, and where violations go.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "systemc/common/probe.hpp"

namespace vfsim::bench {

/// One observed breach of a rule.
struct Violation {
  std::string rule;
  model::Ps time = 0;
  std::string who;  // "A.vf3", "B.pf", "whole run"
  std::string expected;
  std::string seen;
  /// False: it was not seen in an observation that is under way.
  bool observed = true;
  /// Not observed: kind of the newest observation of `who` that is to blame, as the event log names
  /// it; "" none is.
  std::string blame = {};
};

/// Keeps the first kStoredPerRule violations of each rule; the rules count all of theirs.
class ViolationLog {
 public:
  static constexpr std::uint64_t kStoredPerRule = 100;
  void add(Violation violation, std::uint64_t count_so_far);
  [[nodiscard]] const std::vector<Violation>& stored() const { return stored_; }
  /// Called for each violation that is stored, at the moment it is.
  void on_stored(std::function<void(const Violation&)> listener) {
    listeners_.push_back(std::move(listener));
  }

 private:
  std::vector<Violation> stored_;
  std::vector<std::function<void(const Violation&)>> listeners_;
};

/// "A.pf", "A.vf0", "B.vf12"; "A.peer" for a device that is no function of the NIC.
std::string function_name(model::FnRef who);

/// The two halves of a quiesce.
enum class Half : std::uint8_t { initiator, responder };

/// A state image that passed a SAVE or LOAD command.
struct ImageView {
  const std::uint8_t* bytes = nullptr;  // valid during the call
  std::size_t count = 0;
  bool incremental = false;
  bool set_track = false;
};

/// What the command side tells about a function, decoded once for all rules (function_view.hpp).
class FunctionEvents {
 public:
  virtual ~FunctionEvents() = default;
  /// SUSPEND was submitted: from now on the function may be stopped.
  virtual void quiescing(model::Ps t, model::FnRef who, Half half) {
    (void)t, (void)who, (void)half;
  }
  /// SUSPEND was refused or failed.
  virtual void not_quiesced(model::Ps t, model::FnRef who, Half half) {
    (void)t, (void)who, (void)half;
  }
  /// SUSPEND was acknowledged: its completion landed in host memory.
  virtual void quiesced(model::Ps t, model::FnRef who, Half half) {
    (void)t, (void)who, (void)half;
  }
  /// RESUME was submitted: from now on the function may run.
  virtual void resuming(model::Ps t, model::FnRef who, Half half) {
    (void)t, (void)who, (void)half;
  }
  virtual void resumed(model::Ps t, model::FnRef who, Half half) { (void)t, (void)who, (void)half; }
  /// RESUME was refused: the function is stopped as before.
  virtual void not_resumed(model::Ps t, model::FnRef who, Half half) {
    (void)t, (void)who, (void)half;
  }
  /// SAVE ended well.
  virtual void image_saved(model::Ps t, model::FnRef who, const ImageView& image) {
    (void)t, (void)who, (void)image;
  }
  /// LOAD was submitted: the function's state changes by order.
  virtual void image_loading(model::Ps t, model::FnRef who) { (void)t, (void)who; }
  /// The same, with the bytes that are behind the LOAD's key now; fewer than `command` names if not
  /// all can be read.
  virtual void load_submitted(model::Ps t, model::FnRef who, const model::CommandView& command,
                              const ImageView& image) {
    (void)t, (void)who, (void)command, (void)image;
  }
  /// A LOAD ended, well or not, with the bytes that are there now.
  virtual void load_ended(model::Ps t, model::FnRef who, const model::CommandView& command,
                          const ImageView& image) {
    (void)t, (void)who, (void)command, (void)image;
  }
  /// LOAD ended well with an image that `from` saved: `to` now stands for it.
  virtual void image_loaded(model::Ps t, model::FnRef from, model::FnRef to) {
    (void)t, (void)from, (void)to;
  }
};

/// Who judges a rule: an observer of this folder, the end-to-end oracle, or assertions of RTL blocks.
enum class Judge : std::uint8_t { checker, oracle, assertion };

/// Static text of a rule, one row of rules.def.
struct RuleInfo {
  const char* id = "";
  Judge judge = Judge::checker;
  const char* title = "";
  const char* trigger = "";
};

/// A rule judges observations. It never throws, aborts or asks the device; it counts its
/// evaluations, so that a rule that had no occasion is reported as not exercised and not as passed.
class Rule : public model::Observer, public FunctionEvents {
 public:
  [[nodiscard]] const RuleInfo& info() const { return *info_; }
  [[nodiscard]] std::uint64_t evaluations() const { return evaluations_; }
  [[nodiscard]] std::uint64_t violations() const { return violations_; }
  /// Findings that are not breaches (D1: pages reported without cause). 0 where a rule has none.
  [[nodiscard]] virtual std::uint64_t remarks() const { return 0; }

  virtual void subscribe(model::ProbeBus& bus) = 0;
  /// End of the run.
  virtual void finish(model::Ps end) { (void)end; }

  /// One line of figures beside the counts ("longest 4.1 us of 12.0 us allowed"); "" for none.
  [[nodiscard]] virtual std::string note() const { return ""; }

  // What only some rules want to hear; told through RuleSet.
  /// Two full images that must be equal outside volatile fields.
  virtual void image_pair(model::Ps t, model::FnRef who, const ImageView& first,
                          const ImageView& second) {
    (void)t, (void)who, (void)first, (void)second;
  }

 protected:
  void evaluated(std::uint64_t count = 1) { evaluations_ += count; }
  void violate(model::Ps t, model::FnRef who, std::string expected, std::string seen);
  /// By something that is no function: "A.dma_gate".
  void violate(model::Ps t, std::string who, std::string expected, std::string seen);
  /// `count` violations that no function alone is to blame for, as one entry.
  /// The first of those that violate_in_all() will count.
  void sight(model::Ps t, model::FnRef who, std::string expected, std::string seen,
             std::string blame);
  void violate_in_all(model::Ps t, std::uint64_t count, std::string expected, std::string seen);

 private:
  friend class RuleSet;
  const RuleInfo* info_ = nullptr;
  ViolationLog* log_ = nullptr;
  std::uint64_t evaluations_ = 0;
  std::uint64_t violations_ = 0;
};

}  // namespace vfsim::bench
