// What all verilated models of one simulation share: where failing assertions go, coverage, cycles.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "rtl_models/common/live_wave.hpp"
#include "rtl_models/common/recent_wave.hpp"

class VerilatedContext;

namespace vfsim::rtl {

/// Told of every assertion that fails (rtl_models/common/vf_assert.svh). The model goes on.
class AssertionListener {
 public:
  virtual ~AssertionListener() = default;
  /// @param assertion  "<model>.<instances>.<assertion>", as in "A.cmd_doorbell.u_chk.a_owned_once"
  virtual void assertion_failed(const char* assertion) = 0;
};

/// Lives longer than its models (rtl_model.hpp), and its listener longer than it. One thread.
class RtlSession {
 public:
  /// @param assertions  false: none is evaluated (to measure what they cost)
  explicit RtlSession(AssertionListener& listener, bool assertions = true);
  ~RtlSession();
  RtlSession(const RtlSession&) = delete;
  RtlSession& operator=(const RtlSession&) = delete;

  /// Clock cycles of all models so far, without those under reset.
  [[nodiscard]] std::uint64_t cycles() const { return cycles_; }
  /// How often each cover property was met, summed over the instances of all models that still
  /// exist, in the format of verilator_coverage. False: the file cannot be written.
  [[nodiscard]] bool write_coverage(const std::string& path) const;

  // One of these two, before models are built.
  /// The last `window` ps (RecentWave) of models are kept.
  void keep_wave(std::uint64_t window);
  /// Models can be listened to at any time (LiveWave).
  void allow_live_wave(std::function<std::uint64_t()> now);
  /// Null without keep_wave().
  [[nodiscard]] RecentWave* wave() { return recent_.get(); }
  /// Null without allow_live_wave().
  [[nodiscard]] LiveWave* live_wave() { return live_.get(); }

  // For models.
  [[nodiscard]] VerilatedContext& context() { return *context_; }
  /// Failures below the model of this name go to the listener.
  void adopt(const std::string& model);
  void count_cycle() { ++cycles_; }
  /// Null without any of the two.
  [[nodiscard]] RtlWave* watching() { return wave_; }
  /// Who calls the listener: the run-time library, for the scope of the assertion.
  void failed(const char* assertion) { listener_.assertion_failed(assertion); }

 private:
  AssertionListener& listener_;
  std::unique_ptr<VerilatedContext> context_;
  std::unique_ptr<RecentWave> recent_;
  std::unique_ptr<LiveWave> live_;
  RtlWave* wave_ = nullptr;
  std::uint64_t cycles_ = 0;
};

}  // namespace vfsim::rtl
