#include "testbench/runner/pictures.hpp"

#include "systemc/pcie/host.hpp"
#include "testbench/checkers/rule_set.hpp"
#include "testbench/report/event_log.hpp"
#include "testbench/report/result.hpp"
#include "testbench/report/timeline.hpp"
#include "waves/wave_recorder.hpp"

namespace vfsim::bench {

Pictures::Pictures(const PictureOptions& options, const Subject& subject)
    : options_(options), subject_(subject) {
  if (!options_.timeline.empty()) {
    timeline_ = std::make_unique<Timeline>(subject_.probes, model::Host::kNicRid);
  }
  if (!options_.events.empty() && !subject_.events.write_lines(options_.events)) {
    fail(options_.events);
    return;
  }
  if (options_.wave.empty()) {
    return;
  }
  board_ = std::make_unique<waves::SignalBoard>(subject_.probes, subject_.space, model::Host::kNicRid);
  waves_ = std::make_unique<waves::WaveRecorder>(
      *board_, options_.wave, waves::WaveScope{options_.wave_groups, options_.wave_span}, 0, subject_.rtl);
  subject_.rules.on_violation([this](const Violation& v) {
    waves_->mark(v.time);
    board_->violated(subject_.calendar.now(), v.rule, v.who);
  });
  if (!waves_->ok()) {
    fail(options_.wave);
  }
}

Pictures::~Pictures() = default;

bool Pictures::fail(const std::string& file) {
  error_ = file + ": cannot be written";
  return false;
}

bool Pictures::close() {
  const model::Ps end = subject_.calendar.now();
  if (timeline_ && !write_file(options_.timeline, timeline_->finish(end), error_)) {
    return false;
  }
  if (!options_.events.empty() && !subject_.events.close_lines()) {
    return fail(options_.events);
  }
  return !waves_ || waves_->finish(end) || fail(options_.wave);
}

}  // namespace vfsim::bench
