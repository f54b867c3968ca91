// What a run draws while it goes on: event log, time line, waves.
#pragma once

#include <memory>
#include <string>

#include "rtl_models/common/live_wave.hpp"
#include "systemc/common/probe.hpp"
#include "testbench/runner/picture_options.hpp"
#include "waves/signal_board.hpp"

namespace vfsim::waves {
class WaveRecorder;
}

namespace vfsim::bench {

class EventLog;
class RuleSet;
class Timeline;

/// One time axis for all three: that of the calendar.
class Pictures {
 public:
  /// Of a machine; outlives this.
  struct Subject {
    const model::Calendar& calendar;
    model::ProbeBus& probes;
    RuleSet& rules;
    EventLog& events;
    waves::SignalSpace space;        // of the waves
    rtl::LiveWave* rtl = nullptr;    // 0: the machine has no RTL blocks
  };

  /// Before the machine is powered.
  Pictures(const PictureOptions& options, const Subject& subject);
  ~Pictures();

  /// Which file cannot be written, one line; "" none.
  [[nodiscard]] const std::string& error() const { return error_; }
  /// Null if none was asked for.
  [[nodiscard]] Timeline* timeline() { return timeline_.get(); }
  /// Completes the files. False: error().
  [[nodiscard]] bool close();

 private:
  bool fail(const std::string& file);

  const PictureOptions options_;
  const Subject subject_;
  std::unique_ptr<waves::SignalBoard> board_;
  std::unique_ptr<waves::WaveRecorder> waves_;
  std::unique_ptr<Timeline> timeline_;
  std::string error_;
};

}  // namespace vfsim::bench
