// What only shows when the whole scenario is known.
#include <algorithm>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "testbench/scenarios/memory_plan.hpp"
#include "testbench/scenarios/scenario.hpp"

namespace vfsim::bench {
namespace {

bool power_of_two(std::uint32_t value) {
  return value != 0 && (value & (value - 1)) == 0;
}

/// Lines as check() reports them, without the file; "" where nothing is wrong.
std::string wrong_guests(const Scenario& s) {
  if (s.workload.vfs() > s.nic.vfs) {
    return s.workload.vfs_per_guest == 1
               ? fmt::format("workload.guests = {} but nic.vfs = {}; each guest needs a VF",
                             s.workload.guests, s.nic.vfs)
               : fmt::format(
                     "workload.guests = {} and workload.vfs_per_guest = {}, but nic.vfs = {}",
                     s.workload.guests, s.workload.vfs_per_guest, s.nic.vfs);
  }
  if (s.workload.replay_guests > s.workload.guests) {
    return fmt::format("workload.replay_guests = {} but workload.guests = {}",
                       s.workload.replay_guests, s.workload.guests);
  }
  return "";
}

std::string wrong_traffic(const Scenario& s) {
  if (s.workload.packet_bytes > s.nic.mtu + kEthernetHeader) {
    return fmt::format("workload.packet_bytes = {} does not fit nic.mtu = {}; allowed is mtu + 14",
                       s.workload.packet_bytes, s.nic.mtu);
  }
  // They are posted before the first one is rung.
  const std::uint32_t queue = 1U << s.workload.log_sq;
  if (s.workload.peer_device && s.workload.peer_doorbells > queue) {
    return fmt::format(
        "workload.peer_doorbells = {} but the send queue takes {} (workload.log_sq = {}); allowed "
        "is at most the size of the queue",
        s.workload.peer_doorbells, queue, s.workload.log_sq);
  }
  return "";
}

/// Who rings must know what was posted: nothing else may use those queues, and no driver starts
/// anew.
std::string wrong_p2p(const Scenario& s) {
  const WorkloadParams& w = s.workload;
  if (w.p2p_sends == 0) {
    return "";
  }
  if (w.vfs_per_guest < 2) {
    return fmt::format("workload.p2p_sends = {} but workload.vfs_per_guest = {}; allowed is 2 .. 8",
                       w.p2p_sends, w.vfs_per_guest);
  }
  if (w.peer_device) {
    return fmt::format(
        "workload.p2p_sends = {} and a workload.peer_device, which rings, too; "
        "allowed is one of them",
        w.p2p_sends);
  }
  if (w.p2p_sends > 1U << w.log_sq) {
    return fmt::format("workload.p2p_sends = {} but the send queue takes {} (workload.log_sq = {})",
                       w.p2p_sends, 1U << w.log_sq, w.log_sq);
  }
  if (s.pcie.reorder) {
    return fmt::format(
        "workload.p2p_sends = {} and pcie.reorder, with which a later doorbell may "
        "come before an earlier one; allowed is one of them",
        w.p2p_sends);
  }
  const auto breaks = [](const Step& step) {
    return step.verb == "guest_reset" || step.verb == "lossy_send" || step.verb == "rogue_send" ||
           (step.verb == "reset" && step.text("device") == "own");
  };
  const auto step = std::find_if(s.steps.begin(), s.steps.end(), breaks);
  return step == s.steps.end()
             ? ""
             : fmt::format(
                   "workload.p2p_sends = {} and step {} in line {}, after which a doorbell "
                   "would name another request; allowed is one of them",
                   w.p2p_sends, step->verb, step->line);
}

std::string wrong_memory(const Scenario& s) {
  const WorkloadParams& w = s.workload;
  const std::uint64_t driver =
      (w.vfs_per_guest * guest_driver_bytes(w.log_sq, w.log_rq, s.nic.mtu) +
       w.dirty_pages * 4096ULL) /
          kMiB +
      1;
  if (w.guest_memory_mib < driver) {
    return fmt::format(
        "workload.guest_memory_mib = {} is too little for queues of 2^{} and 2^{} frames of "
        "nic.mtu = {} and workload.dirty_pages = {}; allowed is at least {}",
        w.guest_memory_mib, w.log_sq, w.log_rq, s.nic.mtu, w.dirty_pages, driver);
  }
  const std::uint64_t host = kGuestMemory / kMiB + std::uint64_t{w.guests} * w.guest_memory_mib;
  if (s.host.memory_mib < host) {
    return fmt::format(
        "host.memory_mib = {} is too little for {} guests of {} MiB and the host's drivers; "
        "allowed is at least {}",
        s.host.memory_mib, w.guests, w.guest_memory_mib, host);
  }
  return "";
}

std::string wrong_sizes(const Scenario& s) {
  for (const auto& [name, value] : {std::pair{"lanes", s.pcie.lanes},
                                    {"max_payload", s.pcie.max_payload},
                                    {"max_read_request", s.pcie.max_read_request},
                                    {"read_boundary", s.pcie.read_boundary}}) {
    if (!power_of_two(value)) {
      return fmt::format("pcie.{} = {}; allowed are powers of two", name, value);
    }
  }
  return "";
}

std::string wrong_credits(const Scenario& s) {
  const std::uint32_t least = s.pcie.max_payload / 16;
  return s.pcie.posted_data >= least
             ? ""
             : fmt::format(
                   "pcie.posted_data = {} never lets a write of pcie.max_payload = {} pass; "
                   "allowed is at least {}",
                   s.pcie.posted_data, s.pcie.max_payload, least);
}

/// Longest time that a healthy read can take, us: all tags out, their completions one after the
/// other at the rate of the link or of the completion credits, whichever is less.
std::uint64_t slowest_read_us(const Scenario& s) {
  const model::PcieParams& p = s.pcie;
  const std::uint64_t round_trip_ns = 2ULL * p.latency_ns + p.memory_ns;
  const std::uint64_t bytes = std::uint64_t{s.nic.dma_tags} * p.max_read_request;
  const std::uint64_t lane_mbytes = 250ULL << (p.generation - 1);  // generation 3 on: a little less
  constexpr std::uint64_t kOverhead = 2;  // headers of completions of one boundary each
  const std::uint64_t link_ns = bytes * kOverhead * 1000 / (lane_mbytes * p.lanes);
  const std::uint64_t window = std::max<std::uint64_t>(p.completion_data * 16ULL, p.max_payload);
  const std::uint64_t credit_ns = (bytes + window - 1) / window * 2 * p.latency_ns;
  return (round_trip_ns + std::max(link_ns, credit_ns) + 999) / 1000;
}

std::string wrong_timeout(const Scenario& s) {
  const std::uint64_t least = slowest_read_us(s);
  return s.nic.completion_timeout_us >= least
             ? ""
             : fmt::format(
                   "nic.completion_timeout_us = {} ends reads that are still on their way "
                   "(nic.dma_tags, pcie.max_read_request, pcie.latency_ns, credits and link rate); "
                   "allowed is at least {}",
                   s.nic.completion_timeout_us, least);
}

/// Where the first parameter in the line that was set got its value; else the file.
std::string place_of(const std::string& what, const Scenario& s) {
  std::string place = s.path;
  std::size_t first = std::string::npos;
  for (const auto& [key, where] : s.places) {
    const std::size_t at = what.find(key + " = ");
    if (at < first) {
      first = at;
      place = where;
    }
  }
  return place;
}

/// What the steps so far say about a guest. A migration that ends otherwise than expected ends the
/// run.
struct Whereabouts {
  std::size_t host = 0;
  bool known = true;    // else it depends on how a migration ends
  bool moving = false;  // a migration or pause may still go on in the background
};

/// Whether the guest is on the other host when such a migration ends as expected.
bool moves(const Step& step) {
  const std::string expect = step.text("expect");
  return expect == "any" || expect == "completed" ||
         (expect == "unknown" && step.text("cut") == "after_finish");
}

std::string wrong_migration(const Step& step, Whereabouts& guest) {
  constexpr const char* kHosts[] = {"A", "B"};
  const std::uint64_t number = step.number("guest");
  if (!guest.known && step.text("to") != "other") {
    return fmt::format(
        "host {}, but where guest {} is then depends on how it migrated before; allowed is other",
        step.text("to"), number);
  }
  if (step.text("to") == kHosts[guest.host]) {
    return fmt::format("host {0}, but guest {1} is on host {0} then; allowed is {2}",
                       kHosts[guest.host], number, kHosts[guest.host ^ 1]);
  }
  if (step.number("times") == 0) {
    return "times 0; allowed is 1 .. 1000";
  }
  if (step.number("times") > 1 && step.text("to") != "other") {
    return fmt::format("host {} and times {}; allowed is other", step.text("to"),
                       step.number("times"));
  }
  guest.known = guest.known && !(step.text("expect") == "any" && step.may_end_otherwise());
  guest.host ^= moves(step) ? step.number("times") & 1 : 0;
  return "";
}

/// What is wrong with a step; "" if nothing is.
std::string wrong_step(const Step& step, std::vector<Whereabouts>& guests) {
  const std::uint64_t guest = step.number("guest");
  if (step.options.count("guest") != 0 && guest >= guests.size()) {
    return fmt::format("guest {}; there are {} (workload.guests), counted from 0", guest,
                       guests.size());
  }
  if (step.verb == "join") {
    std::for_each(guests.begin(), guests.end(), [](Whereabouts& g) { g.moving = false; });
  }
  if (step.verb != "migrate" && step.verb != "pause") {
    return "";
  }
  if (std::exchange(guests[guest].moving, step.text("background") == "yes")) {
    return fmt::format(
        "guest {}, which may still migrate or pause in the background then; join comes first",
        guest);
  }
  return step.verb == "migrate" ? wrong_migration(step, guests[guest]) : "";
}

}  // namespace

bool check(const Scenario& s, std::string& error) {
  for (const auto rule : {wrong_guests, wrong_traffic, wrong_p2p, wrong_sizes, wrong_memory,
                          wrong_credits, wrong_timeout}) {
    if (const std::string what = rule(s); !what.empty()) {
      error = place_of(what, s) + ": " + what;
      return false;
    }
  }
  std::vector<Whereabouts> guests(s.workload.guests);
  for (const Step& step : s.steps) {
    if (const std::string what = wrong_step(step, guests); !what.empty()) {
      error = fmt::format("{}:{}: step {} names {}", s.path, step.line, step.verb, what);
      return false;
    }
  }
  return true;
}

}  // namespace vfsim::bench
