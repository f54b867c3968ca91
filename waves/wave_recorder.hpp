// Writes the signals of a board into a wave file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "waves/fst_file.hpp"
#include "waves/rtl_signals.hpp"
#include "waves/signal_board.hpp"
#include "waves/views/gtkw_view.hpp"
#include "waves/wave_window.hpp"

namespace vfsim::waves {

/// What a wave file covers.
struct WaveScope {
  GroupMask groups = shown_groups();
  WaveSpan span;
};

/// The file is opened at construction and gets its name in finish(). It may begin and end at any
/// time: the values that signals have at its begin are its initial values.
class WaveRecorder final : public SignalListener {
 public:
  /// @param rtl  signals of verilated models, for the group `rtl`; nullptr: none
  WaveRecorder(SignalBoard& board, const std::string& fst_path, const WaveScope& scope,
               model::Ps now = 0, rtl::LiveWave* rtl = nullptr);
  ~WaveRecorder() override { board_.remove(*this); }
  WaveRecorder(const WaveRecorder&) = delete;
  WaveRecorder& operator=(const WaveRecorder&) = delete;

  /// False: the file cannot be written.
  [[nodiscard]] bool ok() const { return file_.ok(); }
  /// Ends the waves at `end`, closes the file and writes a GTKWave view beside it (same stem,
  /// .gtkw): what happened, the functions that migrated first, a marker for each phase, and the
  /// first violation. False: not written.
  [[nodiscard]] bool finish(model::Ps end);
  /// Something worth a look happened (WaveWindow::mark).
  void mark(model::Ps t) { wave_.mark(t); }

  void changed(const SignalChange& change) override;

 private:
  /// A number that is exact at 0 and sampled in between.
  struct Sample {
    std::uint64_t shown = 0;
    model::Ps next = 0;
  };

  void declare();
  void declare_unit(std::uint32_t unit);
  void initial_values(model::Ps now);
  void keep_for_view(const SignalChange& change);
  [[nodiscard]] ViewGroup group_of(std::uint32_t unit) const;
  [[nodiscard]] View view(model::Ps end) const;

  SignalBoard& board_;
  WaveScope scope_;
  model::Ps begin_;
  FstFile file_;
  WaveWindow wave_;
  std::unique_ptr<RtlSignals> rtl_;
  std::vector<FstFile::EnumTable> tables_;  // by SignalKind
  std::vector<FstFile::Signal> signals_;    // by SignalId; 0: not in the file
  std::vector<Sample> samples_;             // by SignalId
  std::vector<bool> moved_;                 // by SignalId: it changed
  std::vector<bool> moved_in_phase_;        // by SignalId: and a guest migrated
  std::uint32_t migrating_ = 0;             // guests in a phase
  std::vector<ViewMarker> phases_;
  model::Ps violation_ = 0;  // the first
};

}  // namespace vfsim::waves
