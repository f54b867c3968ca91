#include "testbench/report/timeline.hpp"

#include <fmt/format.h>

#include "firmware/interface/tables.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kGuestProcesses =
    16;  // process numbers of guests start behind those of the hosts
enum FunctionLane : std::uint32_t { kState, kCommands, kInterrupts, kFunctionLanes };
enum GuestLane : std::uint32_t { kPhases, kVcpus };

double microseconds(model::Ps t) {
  return static_cast<double>(t) / static_cast<double>(model::kUs);
}

std::string function_title(std::uint8_t fn) {
  return fn == 0 ? "pf" : fmt::format("vf{}", fn - 1);
}

}  // namespace

Timeline::Timeline(model::ProbeBus& bus) {
  bus.subscribe(*this, {model::Probe::msi, model::Probe::command, model::Probe::function_reset,
                        model::Probe::driver});
}

std::string Timeline::finish(model::Ps t) {
  while (!open_.empty()) {
    end(open_.begin()->first.first, open_.begin()->first.second, t);
  }
  return nlohmann::json{{"displayTimeUnit", "ns"}, {"traceEvents", events_}}.dump(1);
}

void Timeline::msi(model::Ps t, model::FnRef who, std::uint32_t vector, model::MsiAction action) {
  const bool refused = action == model::MsiAction::refused;
  instant(function_lane(who, kInterrupts),
          fmt::format("vector {}{}", vector, refused ? " refused" : ""), t);
}

void Timeline::command_submitted(model::Ps t, const model::CommandView& view) {
  begin(function_lane(view.who, kCommands), view.slot,
        std::string(contract::opcode_name(view.opcode)), t);
}

void Timeline::command_completed(model::Ps t, const model::CommandView& view) {
  end(function_lane(view.who, kCommands), view.slot, t);
}

void Timeline::function_reset(model::Ps t, model::FnRef who) {
  instant(function_lane(who, kState), "reset", t);
}

void Timeline::vfio_state(model::Ps t, model::FnRef who, std::uint32_t from, std::uint32_t to,
                          int error) {
  const Lane lane = function_lane(who, kState);
  end(lane, 0, t);
  begin(lane, 0, std::string(contract::enum_name("MIG", error == 0 ? to : from)), t);
}

void Timeline::vcpu(model::Ps t, std::uint32_t guest, bool running, std::uint8_t host) {
  const Lane lane = guest_lane(guest, kVcpus, "vCPUs");
  end(lane, 0, t);
  begin(lane, 0, running ? fmt::format("run on {}", host == 0 ? "A" : "B") : "stopped", t);
}

void Timeline::phase(model::Ps t, std::uint32_t guest, const char* name, bool starts) {
  const Lane lane = guest_lane(guest, kPhases, "migration");
  end(lane, 0, t);
  if (starts) {
    begin(lane, 0, name, t);
  }
}

Timeline::Lane Timeline::function_lane(model::FnRef who, std::uint32_t kind) {
  static constexpr const char* kNames[kFunctionLanes] = {"state", "commands", "interrupts"};
  const Lane lane{who.host, who.fn * kFunctionLanes + kind};
  name_lane(lane, fmt::format("host {}", who.host == 0 ? "A" : "B"),
            fmt::format("{} {}", function_title(who.fn), kNames[kind]));
  return lane;
}

Timeline::Lane Timeline::guest_lane(std::uint32_t guest, std::uint32_t kind, const char* name) {
  const Lane lane{kGuestProcesses + guest, kind};
  name_lane(lane, fmt::format("guest {}", guest), name);
  return lane;
}

void Timeline::name_lane(Lane lane, const std::string& process, const std::string& thread) {
  if (named_.emplace(lane, true).second) {
    for (const auto& [what, name] :
         {std::pair{"process_name", process}, std::pair{"thread_name", thread}}) {
      events_.push_back({{"ph", "M"},
                         {"name", what},
                         {"pid", lane.first},
                         {"tid", lane.second},
                         {"args", {{"name", name}}}});
    }
  }
}

void Timeline::begin(Lane lane, std::uint32_t key, std::string name, model::Ps t) {
  open_[{lane, key}] = {std::move(name), t};
}

void Timeline::end(Lane lane, std::uint32_t key, model::Ps t) {
  const auto found = open_.find({lane, key});
  if (found == open_.end()) {
    return;
  }
  events_.push_back({{"ph", "X"},
                     {"name", found->second.name},
                     {"pid", lane.first},
                     {"tid", lane.second},
                     {"ts", microseconds(found->second.begin)},
                     {"dur", microseconds(t - found->second.begin)}});
  open_.erase(found);
}

void Timeline::instant(Lane lane, const std::string& name, model::Ps t) {
  events_.push_back({{"ph", "i"},
                     {"s", "t"},
                     {"name", name},
                     {"pid", lane.first},
                     {"tid", lane.second},
                     {"ts", microseconds(t)}});
}

}  // namespace vfsim::bench
