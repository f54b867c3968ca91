// The signals of verilated models, as they change.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rtl_models/common/rtl_wave.hpp"

namespace vfsim::rtl {

/// A port or an internal signal of a model.
struct LiveSignal {
  std::vector<std::string> scopes;  // from the model's name on: "A", "dma_gate", "u_tags"
  std::string name;
  std::uint32_t bits = 1;
};

class LiveListener {
 public:
  virtual ~LiveListener() = default;
  /// @param signal  index in LiveWave::signals()
  /// @param ahead   `ps` is yet to come, and others may still speak of earlier times
  /// @param bits    '0' and '1', the most significant first, as many as the signal has
  virtual void rtl_changed(std::uint64_t ps, bool ahead, std::uint32_t signal,
                           std::string_view bits) = 0;
};

/// Costs nothing but a look at a pointer per clock edge until start().
class LiveWave final : public RtlWave {
 public:
  /// @param now  simulated time, for models that are clocked without one
  explicit LiveWave(std::function<std::uint64_t()> now);
  ~LiveWave() override;
  LiveWave(const LiveWave&) = delete;
  LiveWave& operator=(const LiveWave&) = delete;

  /// All signals of the models that exist, in the order of their scopes. No model may be made
  /// behind the first call.
  [[nodiscard]] const std::vector<LiveSignal>& signals();
  /// Tells the values of all signals at the next clock edge of any model, then every change. One
  /// listener at a time.
  void start(LiveListener& listener);
  void stop() { listener_ = nullptr; }

  [[nodiscard]] VerilatedVcdC& vcd() override { return *vcd_; }
  [[nodiscard]] bool wanted() const override { return listener_ != nullptr; }
  void dump(std::uint64_t ps, bool ahead) override;
  void dump_now() { dump(now_(), false); }

 private:
  class Reader;
  std::function<std::uint64_t()> now_;
  std::uint64_t dumps_ = 0;
  LiveListener* listener_ = nullptr;
  bool open_ = false;
  bool all_ = false;  // the next dump begins with all values
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<VerilatedVcdC> vcd_;
};

}  // namespace vfsim::rtl
