// Time line of a run in Chrome trace format (for Perfetto or chrome://tracing).
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "systemc/common/probe.hpp"

namespace vfsim::bench {

/// Lanes: one process per host, with a lane per function for its VFIO state, its commands and its
/// interrupts; one process per guest with the phases of its migration and its vCPUs. Times are in
/// microseconds, as the format wants.
class Timeline final : public model::Observer {
 public:
  explicit Timeline(model::ProbeBus& bus);

  /// The trace as JSON text; states that still last end at `end`.
  [[nodiscard]] std::string finish(model::Ps end);

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
  Lane function_lane(model::FnRef who, std::uint32_t kind);
  Lane guest_lane(std::uint32_t guest, std::uint32_t kind, const char* name);
  void name_lane(Lane lane, const std::string& process, const std::string& thread);
  void begin(Lane lane, std::uint32_t key, std::string name, model::Ps t);
  void end(Lane lane, std::uint32_t key, model::Ps t);
  void instant(Lane lane, const std::string& name, model::Ps t);

  nlohmann::json events_ = nlohmann::json::array();
  std::map<Lane, bool> named_;
  std::map<std::pair<Lane, std::uint32_t>, Open> open_;
};

}  // namespace vfsim::bench
