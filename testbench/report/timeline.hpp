// Time line of a run in Chrome trace format (for Perfetto or chrome://tracing).
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "systemc/common/probe.hpp"

namespace vfsim::bench {

/// Lanes: one process per host, with a lane per function for its VFIO state, its commands, what the
/// PF's firmware does with it, its bursts of DMA and its interrupts, and one for what the host
/// sends over the migration channel; one process per guest with the phases of its migration and its
/// vCPUs. Times are in microseconds, as the format wants. Source of the format: "Trace Event
/// Format" (ph M, X and i).
class Timeline final : public model::Observer {
 public:
  /// Requests of a function that are closer than this are one burst.
  static constexpr model::Ps kBurstGap = 500 * model::kNs;

  Timeline(model::ProbeBus& bus, model::Rid base_rid);

  /// The trace as JSON text; states that still last end at `end`.
  [[nodiscard]] std::string finish(model::Ps end);
  /// A message was on the line of the migration channel.
  void channel(model::Ps from, model::Ps to, std::uint8_t host, const std::string& message,
               std::size_t bytes);

  void tlp_sent(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                const std::uint8_t* payload) override;
  void msi(model::Ps t, model::FnRef who, std::uint32_t vector, model::MsiAction action) override;
  void command_submitted(model::Ps t, const model::CommandView& view) override;
  void command_completed(model::Ps t, const model::CommandView& view) override;
  void function_reset(model::Ps t, model::FnRef who) override;
  void vfio_state(model::Ps t, model::FnRef who, std::uint32_t from, std::uint32_t to,
                  int error) override;
  void vcpu(model::Ps t, std::uint32_t guest, bool running, std::uint8_t host) override;
  void phase(model::Ps t, std::uint32_t guest, const char* name, bool begin) override;

 private:
  /// Process and thread number of a lane.
  using Lane = std::pair<std::uint32_t, std::uint32_t>;
  struct Open {
    std::string name;
    model::Ps begin = 0;
  };
  struct Burst {
    model::Ps begin = 0;
    model::Ps last = 0;
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
    std::uint64_t bytes = 0;
  };
  Lane function_lane(model::FnRef who, std::uint32_t kind);
  Lane guest_lane(std::uint32_t guest, std::uint32_t kind, const char* name);
  void name_lane(Lane lane, std::string_view process, std::string_view thread);
  void begin(Lane lane, std::uint32_t key, std::string name, model::Ps t);
  /// `args`: members of a JSON object, as text.
  void end(Lane lane, std::uint32_t key, model::Ps t, std::string_view args = {});
  void complete(Lane lane, std::string_view name, model::Ps from, model::Ps to,
                std::string_view args);
  void end_burst(model::FnRef who, Burst& burst);
  void instant(Lane lane, std::string_view name, model::Ps t);
  /// A line of the trace; `rest`: the members behind the common ones.
  void add(char phase, Lane lane, std::string_view name, std::string_view rest);

  const model::Rid base_rid_;
  std::map<std::uint32_t, Burst> bursts_;  // by host * 256 + function
  std::string events_;  // as JSON text: values of a JSON library took longer than the whole run
  std::set<Lane> named_;
  std::map<std::pair<Lane, std::uint32_t>, Open> open_;
};

}  // namespace vfsim::bench
