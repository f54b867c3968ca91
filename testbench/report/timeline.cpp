#include "testbench/report/timeline.hpp"

#include <fmt/format.h>

#include "firmware/interface/tables.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kGuestProcesses =
    16;  // process numbers of guests start behind those of the hosts
enum FunctionLane : std::uint32_t { kState, kCommands, kDma, kInterrupts, kFunctionLanes };
constexpr std::uint32_t kChannelLane = 0xffff;  // of a host, behind its functions
enum GuestLane : std::uint32_t { kPhases, kVcpus };

double microseconds(model::Ps t) {
  return static_cast<double>(t) / static_cast<double>(model::kUs);
}

std::string function_title(std::uint8_t fn) {
  return fn == 0 ? "pf" : fmt::format("vf{}", fn - 1);
}

std::string command_title(std::uint16_t opcode) {
  const std::string_view name = contract::opcode_name(opcode);
  return name.empty() ? fmt::format("opcode {:#x}", opcode) : std::string(name);
}

}  // namespace

Timeline::Timeline(model::ProbeBus& bus, model::Rid base_rid) : base_rid_(base_rid) {
  bus.subscribe(*this, {model::Probe::tlp_sent, model::Probe::msi, model::Probe::command,
                        model::Probe::function_reset, model::Probe::driver});
}

std::string Timeline::finish(model::Ps t) {
  while (!open_.empty()) {
    end(open_.begin()->first.first, open_.begin()->first.second, t);
  }
  for (auto& [key, burst] : bursts_) {
    end_burst({static_cast<std::uint8_t>(key >> 8), static_cast<std::uint8_t>(key)}, burst);
  }
  return nlohmann::json{{"displayTimeUnit", "ns"}, {"traceEvents", events_}}.dump(1);
}

void Timeline::channel(model::Ps from, model::Ps to, std::uint8_t host, const std::string& message,
                       std::size_t bytes) {
  const Lane lane{host, kChannelLane};
  name_lane(lane, fmt::format("host {}", host == 0 ? "A" : "B"), "channel");
  complete(lane, message, from, to, {{"bytes", bytes}});
}

void Timeline::tlp_sent(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                        const std::uint8_t* payload) {
  (void)payload;
  const std::uint32_t fn = static_cast<std::uint32_t>(tlp.requester) - base_rid_;
  const bool read = tlp.kind == model::TlpKind::mem_read;
  if (fn >= VF_MAX_FUNCTIONS || tlp.interrupt || (!read && tlp.kind != model::TlpKind::mem_write)) {
    return;
  }
  const model::FnRef who{host, static_cast<std::uint8_t>(fn)};
  Burst& burst = bursts_[host * 256U + fn];
  if (t > burst.last + kBurstGap) {
    end_burst(who, burst);
    burst.begin = t;
  }
  burst.last = t;
  ++(read ? burst.reads : burst.writes);
  burst.bytes += tlp.bytes;
}

void Timeline::end_burst(model::FnRef who, Burst& burst) {
  if (burst.reads + burst.writes != 0) {
    complete(function_lane(who, kDma),
             fmt::format("{} reads, {} writes", burst.reads, burst.writes), burst.begin, burst.last,
             {{"reads", burst.reads}, {"writes", burst.writes}, {"bytes", burst.bytes}});
  }
  burst = {};
}

void Timeline::msi(model::Ps t, model::FnRef who, std::uint32_t vector, model::MsiAction action) {
  const bool refused = action == model::MsiAction::refused;
  instant(function_lane(who, kInterrupts),
          fmt::format("vector {}{}", vector, refused ? " refused" : ""), t);
}

void Timeline::command_submitted(model::Ps t, const model::CommandView& view) {
  begin(function_lane(view.who, kCommands), view.slot, command_title(view.opcode), t);
}

void Timeline::command_completed(model::Ps t, const model::CommandView& view) {
  end(function_lane(view.who, kCommands), view.slot, t,
      {{"status", contract::enum_name("STATUS", view.status)}, {"syndrome", view.syndrome}});
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
  static constexpr const char* kNames[kFunctionLanes] = {"state", "commands", "DMA", "interrupts"};
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
    events_.push_back({{"ph", "M"},
                       {"name", "thread_sort_index"},
                       {"pid", lane.first},
                       {"tid", lane.second},
                       {"args", {{"sort_index", lane.second}}}});
  }
}

void Timeline::begin(Lane lane, std::uint32_t key, std::string name, model::Ps t) {
  open_[{lane, key}] = {std::move(name), t};
}

void Timeline::end(Lane lane, std::uint32_t key, model::Ps t, const nlohmann::json& result) {
  const auto found = open_.find({lane, key});
  if (found == open_.end()) {
    return;
  }
  complete(lane, found->second.name, found->second.begin, t, result);
  open_.erase(found);
}

void Timeline::complete(Lane lane, const std::string& name, model::Ps from, model::Ps to,
                        const nlohmann::json& args) {
  events_.push_back({{"ph", "X"},
                     {"name", name},
                     {"pid", lane.first},
                     {"tid", lane.second},
                     {"ts", microseconds(from)},
                     {"dur", microseconds(to - from)}});
  if (!args.empty()) {
    events_.back()["args"] = args;
  }
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
