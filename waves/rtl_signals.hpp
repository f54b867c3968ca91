// Signals of verilated models in a wave file.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "rtl_models/common/live_wave.hpp"
#include "waves/fst_file.hpp"
#include "waves/views/gtkw_view.hpp"
#include "waves/wave_window.hpp"

namespace vfsim::waves {

/// A model "A.dma_gate" is shown below vfsim.A.nic.rtl.dma_gate, with everything inside it.
class RtlSignals final : private rtl::LiveListener {
 public:
  /// Listens within the span only: before and behind it models cost nothing.
  /// @param live, file, wave  outlive this
  RtlSignals(rtl::LiveWave& live, FstFile& file, WaveWindow& wave, const WaveSpan& span)
      : live_(live), file_(file), wave_(wave), span_(span) {}
  ~RtlSignals() override { live_.stop(); }
  RtlSignals(const RtlSignals&) = delete;
  RtlSignals& operator=(const RtlSignals&) = delete;

  /// Declares the models of a host in the scope that the file is in.
  void declare(const std::string& host);
  /// Time has come to `t`: the span begins or ends, what models said ahead of `t` is written.
  void advance(model::Ps t);
  void stop(model::Ps end);
  /// A folded group for each model: its ports.
  void add_to(View& view) const;

 private:
  struct Ahead {
    model::Ps t;
    FstFile::Signal signal;
    std::string bits;
  };
  void rtl_changed(std::uint64_t ps, bool ahead, std::uint32_t signal,
                   std::string_view bits) override;
  FstFile::EnumTable table(std::string_view names, std::uint32_t bits);
  void write_ahead(model::Ps t);
  void write(model::Ps t, FstFile::Signal signal, std::string_view bits);

  rtl::LiveWave& live_;
  FstFile& file_;
  WaveWindow& wave_;
  const WaveSpan span_;
  bool listening_ = false;
  std::vector<FstFile::Signal> signals_;  // as in live_.signals()
  std::map<std::string_view, FstFile::EnumTable> tables_;
  std::vector<Ahead> ahead_;  // what was said of times to come
};

}  // namespace vfsim::waves
