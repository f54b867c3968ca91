#include "testbench/report/timeline.hpp"

#include <fmt/format.h>
#include <iterator>
#include <nlohmann/json.hpp>

#include "firmware/interface/tables.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kGuestProcesses =
    16;  // process numbers of guests start behind those of the hosts
enum FunctionLane : std::uint32_t { kState, kCommands, kDma, kInterrupts, kFunctionLanes };
constexpr std::uint32_t kChannelLane = 0xffff;  // of a host, behind its functions
enum GuestLane : std::uint32_t { kPhases, kVcpus };

/// The format's unit, exactly.
std::string microseconds(model::Ps t) {
  static_assert(model::kUs == 1'000'000);
  return fmt::format("{}.{:06}", t / model::kUs, t % model::kUs);
}

const char* host_title(std::uint8_t host) {
  return host == 0 ? "host A" : "host B";
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
  return fmt::format("{{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{}\n]}}\n", events_);
}

void Timeline::channel(model::Ps from, model::Ps to, std::uint8_t host, const std::string& message,
                       std::size_t bytes) {
  const Lane lane{host, kChannelLane};
  name_lane(lane, host_title(host), "channel");
  complete(lane, message, from, to, fmt::format("\"bytes\":{}", bytes));
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
             fmt::format("\"reads\":{},\"writes\":{},\"bytes\":{}", burst.reads, burst.writes,
                         burst.bytes));
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
      fmt::format("\"status\":\"{}\",\"syndrome\":{}", contract::enum_name("STATUS", view.status),
                  view.syndrome));
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
  if (named_.count(lane) == 0) {
    name_lane(lane, host_title(who.host),
              fmt::format("{} {}", function_title(who.fn), kNames[kind]));
  }
  return lane;
}

Timeline::Lane Timeline::guest_lane(std::uint32_t guest, std::uint32_t kind, const char* name) {
  const Lane lane{kGuestProcesses + guest, kind};
  name_lane(lane, fmt::format("guest {}", guest), name);
  return lane;
}

void Timeline::name_lane(Lane lane, std::string_view process, std::string_view thread) {
  if (!named_.insert(lane).second) {
    return;
  }
  add('M', lane, "process_name", fmt::format("\"args\":{{\"name\":\"{}\"}}", process));
  add('M', lane, "thread_name", fmt::format("\"args\":{{\"name\":\"{}\"}}", thread));
  add('M', lane, "thread_sort_index",
      fmt::format("\"args\":{{\"sort_index\":{}}}", lane.second));
}

void Timeline::begin(Lane lane, std::uint32_t key, std::string name, model::Ps t) {
  open_[{lane, key}] = {std::move(name), t};
}

void Timeline::end(Lane lane, std::uint32_t key, model::Ps t, std::string_view args) {
  const auto found = open_.find({lane, key});
  if (found == open_.end()) {
    return;
  }
  complete(lane, found->second.name, found->second.begin, t, args);
  open_.erase(found);
}

void Timeline::complete(Lane lane, std::string_view name, model::Ps from, model::Ps to,
                        std::string_view args) {
  add('X', lane, name,
      fmt::format("\"ts\":{},\"dur\":{}{}{}{}", microseconds(from), microseconds(to - from),
                  args.empty() ? "" : ",\"args\":{", args, args.empty() ? "" : "}"));
}

void Timeline::instant(Lane lane, std::string_view name, model::Ps t) {
  add('i', lane, name, fmt::format("\"s\":\"t\",\"ts\":{}", microseconds(t)));
}

void Timeline::add(char phase, Lane lane, std::string_view name, std::string_view rest) {
  fmt::format_to(std::back_inserter(events_),
                 "{}{{\"ph\":\"{}\",\"pid\":{},\"tid\":{},\"name\":{},{}}}",
                 events_.empty() ? "" : ",\n", phase, lane.first, lane.second,
                 nlohmann::json(name).dump(), rest);
}

}  // namespace vfsim::bench
