// Turns observations into waves.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "systemc/common/probe.hpp"
#include "waves/fst_file.hpp"
#include "waves/signal_table.hpp"
#include "waves/wave_window.hpp"

namespace vfsim::waves {

/// What a wave file covers.
struct WaveScope {
  std::uint32_t functions = 2;  // PF + VFs of each host
  std::uint32_t guests = 1;
  model::Rid base_rid = 0x0100;  // routing id of the PF
  GroupMask groups = shown_groups();
  WaveSpan span;
};

/// Records the signals of signals.def from the bus alone; it changes nothing that others observe.
/// The file is opened at construction and gets its name in finish(). Commands appear if something
/// on the bus emits command observations (testbench: CommandMonitor).
class WaveRecorder final : public model::Observer {
 public:
  WaveRecorder(model::ProbeBus& bus, const std::string& fst_path, const WaveScope& scope);

  /// False: the file cannot be written.
  [[nodiscard]] bool ok() const { return file_.ok(); }
  /// Ends the waves at `end`, closes the file and writes a GTKWave view beside it (same stem,
  /// .gtkw). False: not written.
  [[nodiscard]] bool finish(model::Ps end);
  /// Something worth a look happened (WaveWindow::mark).
  void mark(model::Ps t) { wave_.mark(t); }

  void tlp_sent(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                const std::uint8_t* payload) override;
  void tlp_landed(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                  const std::uint8_t* payload, bool ok) override;
  void tlp_received(model::Ps t, std::uint8_t host, const model::Tlp& tlp) override;
  void msi(model::Ps t, model::FnRef who, std::uint32_t vector, model::MsiAction action) override;
  void command_submitted(model::Ps t, const model::CommandView& view) override;
  void command_completed(model::Ps t, const model::CommandView& view) override;
  void function_reset(model::Ps t, model::FnRef who) override;
  void vfio_state(model::Ps t, model::FnRef who, std::uint32_t from, std::uint32_t to,
                  int error) override;
  void dirty_tracking(model::Ps t, model::FnRef who, bool on) override;
  void vcpu(model::Ps t, std::uint32_t guest, bool running, std::uint8_t host) override;
  void phase(model::Ps t, std::uint32_t guest, const char* name, bool begin) override;

 private:
  static constexpr std::uint32_t kHosts = 2;
  /// A number that is exact at 0 and sampled in between.
  struct Counter {
    std::uint32_t value = 0;
    std::uint32_t shown = 0;
    model::Ps next_sample = 0;
  };
  struct Function {
    std::array<FstFile::Signal, kSignalCount> signal{};
    Counter reads, writes;
    const char* tlp = "";  // shown class
    model::Ps tlp_at = 0;  // of the newest TLP
    model::Ps interrupt_at = 0;
    bool idle_queued = false;             // an entry of idle_ will look at this function's tlp
    bool seen = false;                    // something happened: worth a place in the view
    std::vector<std::uint16_t> commands;  // opcodes by slot, 0 = none
  };
  struct Guest {
    std::array<FstFile::Signal, kSignalCount> signal{};
  };
  struct Idle {
    model::Ps at = 0;
    std::uint32_t function = 0;
    SignalIndex signal = kSignalCount;
  };

  void declare(const WaveScope& scope);
  FstFile::Signal declare_signal(const SignalInfo& info, FstFile::EnumTable states,
                                 FstFile::EnumTable vcpus);
  void initial_values();
  void at(model::Ps t);
  void end_idle(const Idle& idle);
  [[nodiscard]] Function* function(std::uint8_t host, std::uint32_t fn);
  [[nodiscard]] Function* function(model::FnRef who) { return function(who.host, who.fn); }
  [[nodiscard]] std::uint32_t index(const Function& function) const {
    return static_cast<std::uint32_t>(&function - functions_.data());
  }
  void show_transaction(model::Ps t, Function& function, const model::Tlp& tlp);
  void count(model::Ps t, Function& function, Counter& counter, SignalIndex signal, int change);
  void bits(model::Ps t, Function& function, SignalIndex signal, std::uint64_t value);
  void show_command(model::Ps t, Function& function);
  void learn_vhca(const model::CommandView& view);
  void run_state(model::Ps t, const model::CommandView& view);

  WaveScope scope_;
  FstFile file_;
  WaveWindow wave_;
  std::vector<Function> functions_;  // host * scope.functions + fn
  std::vector<Guest> guests_;
  std::deque<Idle> idle_;  // by time: every entry is made kIdleAfter ahead
  std::array<std::map<std::uint32_t, std::uint32_t>, kHosts> vhca_;  // vhca_id -> function number
};

}  // namespace vfsim::waves
