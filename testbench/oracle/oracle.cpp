#include "testbench/oracle/oracle.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>

#include "testbench/workload/schedule.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::size_t kSourceMac = 6;
constexpr std::uint32_t kShortestSent = 60;

std::uint64_t differing_bytes(const std::array<std::uint8_t, kPage>& a, const std::array<std::uint8_t, kPage>& b) {
  std::uint64_t different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    different += a[i] != b[i] ? 1U : 0U;
  }
  return different;
}

}  // namespace

PortCounts& PortCounts::operator+=(const PortCounts& other) {
  sent += other.sent;
  sent_bytes += other.sent_bytes;
  received += other.received;
  received_bytes += other.received_bytes;
  return *this;
}

PortCounts& PortCounts::operator-=(const PortCounts& other) {
  sent -= other.sent;
  sent_bytes -= other.sent_bytes;
  received -= other.received;
  received_bytes -= other.received_bytes;
  return *this;
}

Oracle::Oracle(model::ProbeBus& probes, std::uint32_t guests)
    : probes_(probes), guests_(guests), resets_(guests) {
  probes.subscribe(*this, {model::Probe::frame, model::Probe::function_reset});
}

void Oracle::uses(std::uint32_t guest, model::FnRef who) {
  Guest& g = guests_[guest];
  g.place = who;
  if (std::exchange(g.left, false)) {
    g.offered = g.to_guest.counts().expected;
  }
}

void Oracle::posted(std::uint32_t guest, FrameHash frame) {
  Guest& g = guests_[guest];
  g.to_client.expect(frame, now());
  if (g.was_reset) {
    g.to_client.excuse_last();
  }
}

void Oracle::on_wire(std::uint32_t guest, const std::uint8_t* bytes, std::size_t length) {
  arrive(guest, guests_[guest].to_client, frame_hash(bytes, length), "frame of the guest reached the wire", "frame_sent");
}

void Oracle::delivered(std::uint32_t guest, FrameHash frame) {
  arrive(guest, guests_[guest].to_guest, frame, "frame was handed to the guest", "msi");
}

void Oracle::arrive(std::uint32_t guest, FlowLedger& ledger, FrameHash frame, const char* what, const char* blame) {
  const FlowCounts before = ledger.counts();
  if (ledger.arrived(frame)) {
    return;
  }
  const FlowCounts after = ledger.counts();
  const char* how = after.duplicated > before.duplicated  ? "a second time"
                    : after.corrupted > before.corrupted ? "with bytes that nobody sent"
                    : after.reordered > before.reordered ? "behind a later one"
                                                         : nullptr;
  if (how != nullptr) {
    sight("X1", now(), guests_[guest].place, fmt::format("a {} {}", what, how), blame);
  }
}

void Oracle::sight(const char* rule, model::Ps t, model::FnRef who, std::string seen, const char* blame) {
  if (listener_ && sighted_.insert(rule).second) {
    listener_({rule, t, who, std::move(seen), blame});
  }
}

void Oracle::interrupts_checked(std::uint32_t guest, std::uint64_t lost, const std::string& first) {
  ++interrupt_checks_;
  guests_[guest].interrupts_lost = std::max(guests_[guest].interrupts_lost, lost);
  if (lost != 0) {
    sight("Q5", now(), guests_[guest].place, first);
  }
}

void Oracle::tell_losses() {
  for (std::uint32_t g = 0; g < guests_.size(); ++g) {
    for (const auto& [ledger, what] : {std::pair{&guests_[g].to_client, "that the guest posted"}, std::pair{&guests_[g].to_guest, "that the NIC accepted for the guest"}}) {
      if (const auto missing = ledger->first_missing()) {
        sight("X1", missing->t, guests_[g].place, fmt::format("frame {} of those {} never arrived", missing->number, what));
      }
    }
  }
}

void Oracle::split(std::uint32_t guest, const SplitFrames& frames) {
  guests_[guest].split = frames;
  if (!std::exchange(any_split_, true)) {
    probes_.subscribe(*this, {model::Probe::tlp_landed});
  }
}

void Oracle::tlp_landed(model::Ps t, std::uint8_t host, const model::Tlp& tlp, const std::uint8_t* payload, bool ok) {
  (void)t, (void)host;
  if (tlp.kind != model::TlpKind::mem_write || tlp.interrupt || payload == nullptr || !ok) {
    return;
  }
  for (std::uint32_t g = 0; g < guests_.size(); ++g) {
    Guest& guest = guests_[g];
    const SplitFrames& split = guest.split;
    if (split.tail_bytes != 0 && split.requester == tlp.requester && tlp.phys - split.window < split.window_bytes) {
      arrive(g, guest.tails, frame_hash(payload, tlp.bytes), "end of a frame was written to another device", "tlp_landed");
    }
  }
}

void Oracle::function_reset(model::Ps t, model::FnRef who) {
  (void)t;
  for (std::uint32_t guest = 0; guest < guests_.size(); ++guest) {
    if (resets_[guest].who.host == who.host && resets_[guest].who.fn == who.fn) {
      was_reset(guest);
    }
  }
}

void Oracle::was_reset(std::uint32_t guest) {
  const ExpectedReset expected = std::exchange(resets_[guest], {});
  Guest& g = guests_[guest];
  const FlowCounts out = g.to_client.counts();
  g.to_client.write_off_all(g.sent - std::min(g.sent, out.arrived + out.duplicated + out.corrupted));
  g.to_guest.excuse_all();
  g.tails.excuse_all();
  g.was_reset = true;
  if (expected.then) {
    expected.then();
  }
}

void Oracle::abandon(std::uint32_t guest, std::uint64_t completed) {
  guests_[guest].completed = completed;
  guests_[guest].abandoned = guests_[guest].to_client.counts().expected - completed;
  guests_[guest].was_reset = false;
}

/// A driver that has not given up sees none of what it posted completed all the same.
std::uint64_t Oracle::abandoned(const Guest& guest) {
  return guest.was_reset ? guest.to_client.counts().expected - guest.completed : guest.abandoned;
}

void Oracle::lose(std::uint32_t guest, std::uint64_t completed) {
  abandon(guest, completed);
  Guest& g = guests_[guest];
  g.to_client.excuse_all();
  g.to_guest.excuse_all();
  g.tails.excuse_all();
  g.offered = g.to_guest.counts().expected;
}

Oracle::Interface& Oracle::interface_of(const std::vector<model::FnRef>& functions) {
  const auto same = [&](const Interface& interface) {
    return std::any_of(interface.functions.begin(), interface.functions.end(), [&](model::FnRef who) {
      return who.host == functions.front().host && who.fn == functions.front().fn;
    });
  };
  const auto found = std::find_if(interfaces_.begin(), interfaces_.end(), same);
  if (found != interfaces_.end()) {
    return *found;
  }
  interfaces_.push_back({functions, {}, {}, {}, {}});
  return interfaces_.back();
}

PortCounts Oracle::device_counts(const std::vector<model::FnRef>& functions) const {
  PortCounts sum;
  for (const model::FnRef who : functions) {
    sum += ports_[who.host * kFunctions + who.fn];
  }
  return sum;
}

void Oracle::interface_begins(const std::vector<model::FnRef>& functions, const PortCounts& driver) {
  Interface& interface = interface_of(functions);
  interface = {functions, driver, device_counts(functions), {}, {}};
}

void Oracle::interface_counted(const std::vector<model::FnRef>& functions, const PortCounts& driver) {
  Interface& interface = interface_of(functions);
  interface.driver = driver;
  interface.driver -= interface.driver_base;
  interface.device = device_counts(functions);
  interface.device -= interface.device_base;
  if (wrong(interface) != 0) {
    const PortCounts& d = interface.driver;
    const PortCounts& n = interface.device;
    sight("X1", now(), functions.front(),
          fmt::format("the interface's driver has sent {} frames ({} B) and received {} ({} B), its device has sent {} ({} B) "
                      "and accepted {} ({} B)", d.sent, d.sent_bytes, d.received, d.received_bytes, n.sent, n.sent_bytes,
                      n.received, n.received_bytes), "frame_sent");
  }
}

std::uint64_t Oracle::wrong(const Interface& interface) {
  const auto one = [](std::uint64_t a, std::uint64_t b, bool other) {
    return a > b ? a - b : b > a ? b - a : std::uint64_t{other ? 1U : 0U};
  };
  const PortCounts& driver = interface.driver;
  const PortCounts& device = interface.device;
  return one(driver.sent, device.sent, driver.sent_bytes != device.sent_bytes) +
         one(driver.received, device.received, driver.received_bytes != device.received_bytes);
}

void Oracle::frame_sent(model::Ps t, model::FnRef who, const std::uint8_t* bytes, std::uint32_t length) {
  (void)t;
  ++port(who).sent;
  port(who).sent_bytes += std::max(length, kShortestSent);
  const int guest = guest_of_mac(bytes + kSourceMac);
  if (guest >= 0 && static_cast<std::size_t>(guest) < guests_.size()) {
    ++guests_[static_cast<std::size_t>(guest)].sent;
    guests_[static_cast<std::size_t>(guest)].place.host = who.host;
  }
}

void Oracle::frame_discarded(model::Ps t, model::FnRef who, const std::uint8_t* bytes, std::uint32_t length) {
  (void)t;
  const int guest = guest_of_mac(bytes + kSourceMac);
  if (!plugged_[who.host] && guest >= 0 && static_cast<std::size_t>(guest) < guests_.size()) {
    guests_[static_cast<std::size_t>(guest)].to_client.write_off(frame_hash(bytes, length));
  }
}

void Oracle::frame_received(model::Ps t, model::FnRef who, const std::uint8_t* bytes, std::uint32_t length,
                            model::FrameDrop drop) {
  if (drop == model::FrameDrop::none) {
    ++port(who).received;
    port(who).received_bytes += length;
  }
  const int guest = guest_of_mac(bytes);
  if (drop == model::FrameDrop::none && guest >= 0 && static_cast<std::size_t>(guest) < guests_.size()) {
    Guest& g = guests_[static_cast<std::size_t>(guest)];
    const std::uint32_t tail = std::min(g.split.tail_bytes, length);
    g.place.host = who.host;
    g.to_guest.expect(frame_hash(bytes, length - tail), t);
    if (tail != 0) {
      g.tails.expect(frame_hash(bytes + length - tail, tail), t);
    }
  }
}

void Oracle::compare_memory(model::FnRef who, const model::HostMemory& source, std::uint64_t source_phys,
                            const model::HostMemory& destination, std::uint64_t destination_phys, std::uint64_t bytes) {
  std::array<std::uint8_t, kPage> a{};
  std::array<std::uint8_t, kPage> b{};
  for (std::uint64_t at = 0; at < bytes; at += kPage) {
    if (!source.touched(source_phys + at) && !destination.touched(destination_phys + at)) {
      continue;
    }
    source.read(source_phys + at, a.data(), kPage);
    destination.read(destination_phys + at, b.data(), kPage);
    ++pages_compared_;
    if (std::memcmp(a.data(), b.data(), kPage) != 0) {
      const std::uint64_t different = differing_bytes(a, b);
      const auto at_byte = static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin()).first - a.begin());
      sight("D2", now(), who, fmt::format("page {:#x} of the guest differs in {} bytes, the first at {:#x}: {:#04x} on the source, {:#04x} here",
                                          at, different, at + at_byte, a[at_byte], b[at_byte]));
      mismatch_bytes_ += different;
      ++stale_pages_;
    }
  }
}

bool Oracle::settled(std::uint32_t guest) const {
  const Guest& g = guests_[guest];
  const FlowCounts in = g.to_guest.counts();
  const FlowCounts out = g.to_client.counts();
  return in.expected == g.offered && in.lost == 0 && g.tails.counts().lost == 0 && out.lost == 0 && g.completed + g.abandoned == out.expected;
}

OracleFigures Oracle::figures() const {
  OracleFigures f;
  for (const Guest& g : guests_) {
    const FlowCounts in = g.to_guest.counts();
    const FlowCounts out = g.to_client.counts();
    f.tx_posted += out.expected;
    f.tx_completed += g.completed;
    f.tx_on_wire += g.sent;
    f.tx_discarded += out.discarded;
    f.rx_offered += g.left ? in.expected : g.offered;
    f.rx_accepted += in.expected;
    f.rx_delivered += in.arrived;
    f.rx_discarded += in.discarded;
    f.tx_abandoned += abandoned(g);
    for (const FlowCounts& counts : {in, out, g.tails.counts()}) {
      f.lost += counts.lost;
      f.duplicated += counts.duplicated;
      f.corrupted += counts.corrupted;
      f.reordered += counts.reordered;
    }
    f.interrupts_lost += g.interrupts_lost;
  }
  for (const Interface& interface : interfaces_) {
    f.interface_sent += interface.driver.sent;
    f.interface_on_wire += interface.device.sent;
    f.interface_accepted += interface.device.received;
    f.interface_received += interface.driver.received;
    f.interface_wrong += wrong(interface);
  }
  f.memory_mismatch_bytes = mismatch_bytes_;
  f.missed_dirty_pages = stale_pages_;
  f.pages_compared = pages_compared_;
  f.interrupt_checks = interrupt_checks_;
  return f;
}

}  // namespace vfsim::bench
