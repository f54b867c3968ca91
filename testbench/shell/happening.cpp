#include "testbench/shell/happening.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <iterator>

#include "firmware/interface/tables.hpp"
#include "testbench/checkers/rule.hpp"

namespace vfsim::bench {
namespace {

constexpr HappeningGroup kGroupOf[] = {
#define HAPPENING_GROUP(name, doc)
#define HAPPENING(kind, group, doc) HappeningGroup::group,
#include "testbench/shell/happenings.def"
#undef HAPPENING
#undef HAPPENING_GROUP
};

std::string state(std::uint64_t value) {
  const auto name = contract::enum_name("MIG", static_cast<std::uint32_t>(value));
  return name.empty() ? std::to_string(value) : std::string(name);
}

std::string error_of(std::uint64_t error) {
  return error == 0 ? "" : fmt::format(": errno {} ({})", error, std::strerror(static_cast<int>(error)));
}

const char* completion_status(model::CplStatus status) {
  switch (status) {
    case model::CplStatus::successful:
      return "";
    case model::CplStatus::unsupported_request:
      return ", unsupported request";
    default:
      return ", completer abort";
  }
}

std::string tlp_text(const Happening& h) {
  const model::Tlp& tlp = h.tlp;
  std::string out = tlp_name(tlp);
  if (tlp.kind == model::TlpKind::completion) {
    out += fmt::format(" tag {} +{}{}{}", tlp.tag, tlp.bytes, tlp.last ? ", last" : "", completion_status(tlp.status));
  } else {
    out += fmt::format(" {:#x}+{}", tlp.addr, tlp.bytes);
    out += tlp.kind == model::TlpKind::mem_write ? "" : fmt::format(" tag {}", tlp.tag);
  }
  return out;
}

std::string command_text(const Happening& h) {
  std::string out(h.text_name());
  if (h.has_target) {
    out += " of " + function_name(h.target);
  }
  if (h.kind == HappeningKind::command_submitted) {
    return out + fmt::format(" rung, slot {}", h.c);
  }
  if (h.good) {
    return out + fmt::format(" done, slot {}", h.c);
  }
  const auto status = contract::enum_name("STATUS", static_cast<std::uint32_t>(h.d & 0xff));
  return out + fmt::format(" failed, slot {}: delivery {}, status {} {}, syndrome {:#x}", h.c, h.d >> 8 & 0xff, h.d & 0xff,
                           status, h.d >> 32);
}

std::string access_text(const Happening& h) {
  return fmt::format("{} {} {:#x}+{} {} {:#x}{}", h.d & 2 ? "config" : "BAR0", h.d & 1 ? "write" : "read", h.a, h.c,
                     h.d & 1 ? "<-" : "->", h.b, h.good ? "" : " refused");
}

std::string stream_text(const Happening& h) {
  static constexpr const char* kOps[] = {"opened", "read", "write", "poll"};
  const std::string out = fmt::format("descriptor {} {}", h.a, kOps[std::min<std::uint64_t>(h.b & 0xff, 3)]);
  return (h.b & 0xff) == 0 ? out : out + fmt::format(" {} of {} B", h.c, h.d) + error_of(h.b >> 8);
}

std::string driver_text(const Happening& h) {
  switch (h.kind) {
    case HappeningKind::arc:
      return fmt::format("arc {} -> {}{}", state(h.a), state(h.b), error_of(h.c));
    case HappeningKind::set_state:
      return fmt::format("SET_STATE {} returned, state is {}{}", state(h.a), state(h.b), error_of(h.c));
    case HappeningKind::device_reset:
      return fmt::format("VFIO_DEVICE_RESET returned, state is {}{}", state(h.b), error_of(h.c));
    case HappeningKind::precopy_info:
      return fmt::format("pre-copy info: initial {} B, dirty {} B{}", h.b, h.c, error_of(h.a));
    case HappeningKind::migration:
      return fmt::format("guest {} migration {} -> {}{}", h.a, static_cast<char>('A' + h.b), static_cast<char>('A' + h.c),
                         h.good ? " begins" : fmt::format(" ended: {}", h.text_name()));
    case HappeningKind::dirty_report:
      return fmt::format("dirty report, {} pages", h.a);
    case HappeningKind::dirty_tracking:
      return h.good ? "dirty tracking on" : "dirty tracking off";
    case HappeningKind::vcpus:
      return fmt::format("guest {} vCPUs {} on {}", h.a, h.good ? "run" : "stop", static_cast<char>('A' + h.b));
    default:
      return fmt::format("guest {} phase {} {}", h.a, h.text_name(), h.good ? "begins" : "ends");
  }
}

std::string body(const Happening& h) {
  switch (h.kind) {
    case HappeningKind::tlp_sent:
      return tlp_text(h);
    case HappeningKind::tlp_received:
      return tlp_text(h) + " received";
    case HappeningKind::tlp_landed:
      return tlp_text(h) + (h.good ? " landed" : " refused");
    case HappeningKind::iommu_fault:
      return fmt::format("IOMMU fault, {} at {:#x}", h.good ? "write" : "read", h.a);
    case HappeningKind::interrupt:
      return fmt::format("interrupt vector {}{}", h.a, h.good ? "" : " refused");
    case HappeningKind::access:
      return access_text(h);
    case HappeningKind::command_submitted:
    case HappeningKind::command_completed:
      return command_text(h);
    case HappeningKind::frame_sent:
      return fmt::format("frame of {} B sent", h.a);
    case HappeningKind::frame_discarded:
      return fmt::format("frame of {} B discarded: no cable", h.a);
    case HappeningKind::frame_received:
      return fmt::format("frame of {} B {}", h.a, h.good ? "received" : "dropped");
    case HappeningKind::function_reset:
      return "reset";
    case HappeningKind::stream:
      return stream_text(h);
    case HappeningKind::violation:
      return fmt::format("rule {} is violated", h.text_name());
    default:
      return driver_text(h);
  }
}

bool about_a_guest(const Happening& h) {
  return h.kind == HappeningKind::migration || h.kind == HappeningKind::vcpus || h.kind == HappeningKind::phase;
}

}  // namespace

HappeningGroup group_of(HappeningKind kind) { return kGroupOf[static_cast<std::size_t>(kind)]; }

HappeningGroup find_group(std::string_view name) {
  const auto* found = std::find_if(std::begin(kHappeningGroups), std::end(kHappeningGroups),
                                   [&](const HappeningGroupInfo& g) { return g.name == name; });
  return static_cast<HappeningGroup>(found - kHappeningGroups);
}

std::string group_names_of_happenings() {
  std::string names;
  for (const HappeningGroupInfo& g : kHappeningGroups) {
    names += (names.empty() ? "" : " ") + std::string(g.name);
  }
  return names;
}

void Happening::set_name(std::string_view text) {
  const std::size_t n = std::min(text.size(), name.size() - 1);
  std::memcpy(name.data(), text.data(), n);
  name[n] = 0;
}

const char* tlp_name(const model::Tlp& tlp) {
  switch (tlp.kind) {
    case model::TlpKind::mem_write:
      return tlp.interrupt ? "MSI" : "MWr";
    case model::TlpKind::mem_read:
      return "MRd";
    case model::TlpKind::completion:
      return "CplD";
    case model::TlpKind::cfg_read:
      return "CfgRd";
    default:
      return "CfgWr";
  }
}

std::string time_text(model::Ps t) { return fmt::format("{}.{:09} ms", t / model::kMs, t % model::kMs); }

std::string text(const Happening& h) {
  return about_a_guest(h) ? body(h) : fmt::format("{:<7} {}", function_name(h.who), body(h));
}

}  // namespace vfsim::bench
