// What the blocks of one NIC share: time, parameters, context memory, run state of the functions.
#pragma once

#include <array>
#include <cstdint>

#include "firmware/interface/faults.h"
#include "firmware/interface/hw_context.h"
#include "systemc/common/calendar.hpp"
#include "systemc/common/params.hpp"
#include "systemc/common/probe.hpp"
#include "systemc/nic/dma_gate.hpp"
#include "systemc/pcie/port.hpp"
#include "systemc/wire/port.hpp"

namespace vfsim::model {

inline constexpr std::uint32_t kNicFunctions = VF_MAX_FUNCTIONS;

/// Counters for benchmarks and waves; nothing in the model depends on them.
struct NicStats {
  struct Function {
    std::uint64_t writes_sent = 0;  // posted TLPs, interrupts included
    std::uint64_t reads_sent = 0;
    std::uint64_t interrupts = 0;
    std::uint64_t frames_sent = 0;
    std::uint64_t frames_received = 0;
    std::uint64_t cqes = 0;
    std::uint64_t eqes = 0;
  };
  std::array<Function, kNicFunctions> fn;
  std::uint64_t completions = 0;             // completion TLPs received
  std::uint64_t unexpected_completions = 0;  // late or foreign ones, discarded
  std::uint64_t completion_timeouts = 0;
  std::array<std::uint64_t, 8> frames_refused{};  // by FrameDrop
};

/// Run state of one function (registers CTRL and STATUS, presence on the bus).
struct FnRun {
  bool present = false;         // PF, or a VF that SR-IOV has enabled
  bool ready = false;           // CTRL.READY
  bool gate_closed = false;     // CTRL.INITIATOR_STOP
  bool responder_stop = false;  // CTRL.RESPONDER_STOP
  bool command_hold = false;    // CTRL.CMD_HOLD
  bool in_reset = false;        // reset seen, RESET_DONE not yet written
  bool cpl_timeout = false;     // STATUS.CPL_TIMEOUT, of transfers that were never sent
  std::uint8_t health = 0;      // health syndrome, register HEALTH
  Ps ready_at = 0;              // BAR_INITIALIZING reads 1 until then
};

/// Members are set up by Nic and live as long as it does.
struct NicCore {
  NicCore(Calendar& the_calendar, ProbeBus& the_probes, const NicParams& the_params,
          const PcieParams& the_pcie, std::uint8_t the_host, Rid the_rid);
  ~NicCore();
  NicCore(const NicCore&) = delete;
  NicCore& operator=(const NicCore&) = delete;

  Calendar& calendar;
  ProbeBus& probes;
  const NicParams params;
  const PcieParams pcie;
  const std::uint8_t host;
  const Rid rid;  // of the PF
  vf_context_ram* ram;
  PciePort* port = nullptr;
  WirePort* wire = nullptr;
  DmaGate* gate = nullptr;
  vf_fault_set faults{};
  bool link_up = true;
  std::array<FnRun, kNicFunctions> run;
  NicStats stats;

  [[nodiscard]] std::uint32_t functions() const { return params.vfs + 1; }
  [[nodiscard]] vf_function& context(std::uint32_t fn) { return ram->fn[fn]; }
  [[nodiscard]] FnRef ref(std::uint32_t fn) const {
    return FnRef{host, static_cast<std::uint8_t>(fn)};
  }
  [[nodiscard]] Rid rid_of(std::uint32_t fn) const { return static_cast<Rid>(rid + fn); }
  [[nodiscard]] Ps now() const { return calendar.now(); }
  [[nodiscard]] std::uint64_t time_ns() const { return calendar.now() / kNs; }
  [[nodiscard]] bool fault(enum vf_fault which) const { return vf_fault(faults, which) != 0; }
  /// New work of the function may start.
  [[nodiscard]] bool may_start(std::uint32_t fn) const {
    const FnRun& r = run[fn];
    return r.present && !r.gate_closed && !r.in_reset;
  }
  /// A block ended a piece of work of the function: the gate may be drained now.
  void work_ended(std::uint32_t fn) {
    if (run[fn].gate_closed) {
      gate->work_ended(fn);
    }
  }
};

/// The object `number` of an array that starts at number `base`, or nullptr if there is none or it
/// is not valid.
template <class Object, std::size_t kCount>
[[nodiscard]] Object* find_object(Object (&array)[kCount], std::uint32_t number,
                                  std::uint32_t base) {
  const std::uint32_t index = number - base;
  return index < kCount && array[index].valid ? &array[index] : nullptr;
}

}  // namespace vfsim::model
