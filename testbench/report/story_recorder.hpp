// Writes down what the report page shows.
#pragma once

#include <array>
#include <deque>
#include <map>

#include "testbench/checkers/rule_set.hpp"
#include "testbench/report/event_log.hpp"
#include "testbench/report/story.hpp"

namespace vfsim::bench {

/// Subscribe it behind the rules and the event log: it asks both. Costs one look at two counters
/// per TLP of a VF, and memory within the limits below; runs without a report do without it.
class StoryRecorder final : public model::Observer {
 public:
  static constexpr std::size_t kDrains = 64;
  static constexpr std::size_t kSamples = 4000;  // of one drain
  static constexpr std::size_t kSteps = 3000;
  static constexpr std::size_t kViolations = 16;
  static constexpr model::Ps kBefore = 20 * model::kUs;  // shown ahead of a SUSPEND
  static constexpr model::Ps kAfter = 5 * model::kUs;    // and behind its acknowledgement
  static constexpr std::size_t kEventsBefore = 300;
  static constexpr std::size_t kEventsAfter = 60;

  /// @param rules, events  outlive this
  StoryRecorder(model::ProbeBus& bus, RuleSet& rules, const EventLog& events, model::Rid base_rid);

  /// The end of the run: what was recorded.
  [[nodiscard]] Story finish();

  void tlp_sent(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                const std::uint8_t* payload) override;
  void tlp_landed(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                  const std::uint8_t* payload, bool ok) override;
  void tlp_received(model::Ps t, std::uint8_t host, const model::Tlp& tlp) override;
  void command_submitted(model::Ps t, const model::CommandView& view) override;
  void command_completed(model::Ps t, const model::CommandView& view) override;
  void function_reset(model::Ps t, model::FnRef who) override;
  void vfio_state(model::Ps t, model::FnRef who, std::uint32_t from, std::uint32_t to,
                  int error) override;
  void set_state_done(model::Ps t, model::FnRef who, std::uint32_t requested, std::uint32_t now,
                      int error) override;
  void stream(model::Ps t, const model::StreamView& view) override;
  void migration(model::Ps t, const model::MigrationView& view) override;
  void vcpu(model::Ps t, std::uint32_t guest, bool running, std::uint8_t host) override;
  void phase(model::Ps t, std::uint32_t guest, const char* name, bool begin) override;

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};
  struct Function {
    std::deque<DmaSample> recent;  // of the last kBefore
    std::size_t drain = kNone;     // being recorded
  };
  struct Pending {
    std::uint64_t at;  // records in the event log when the rule spoke
    std::size_t violation;
  };

  void look(model::Ps t, std::uint8_t host, const model::Tlp& tlp);
  void sample(model::Ps t, model::FnRef who);
  void begin_drain(model::Ps t, model::FnRef who);
  void end_drain(model::Ps t, model::FnRef who, bool refused);
  void stop_sampling(Function& f) { f.drain = kNone; }
  void violated(const Violation& violation);
  void collect(bool all);
  StoryStep* add(StoryKind kind, model::Ps t, model::FnRef who, std::string text);
  Function& function(model::FnRef who);
  [[nodiscard]] bool suspended_vf(const model::CommandView& view, model::FnRef& who) const;

  RuleSet& rules_;
  const EventLog& events_;
  const model::Rid base_rid_;
  Story story_;
  std::map<std::pair<std::uint8_t, std::uint8_t>, Function> functions_;
  std::map<std::pair<std::uint16_t, std::uint8_t>, std::size_t>
      commands_;  // (function, slot): step
  std::map<std::pair<std::uint16_t, std::uint8_t>, model::FnRef> suspends_;
  std::vector<Pending> pending_;
  std::uint32_t migrations_ = 0;  // under way
  std::uint64_t tlps_ = 0;
};

}  // namespace vfsim::bench
