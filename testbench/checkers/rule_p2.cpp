// P2: peer-to-peer requests are performed: once, with data, and never by a device that is stopped.
#include <algorithm>
#include <array>
#include <deque>
#include <fmt/format.h>

#include "host_driver/migration/vfio_device.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using driver::MigState;
using model::FnRef;
using model::Ps;
using model::Tlp;
using model::TlpKind;

/// Up one link and down another, and back; besides queues that are full, and a retrain.
constexpr std::uint32_t kTrips = 8;
constexpr Ps kQueues = 100 * model::kUs;

/// A request is peer-to-peer when its translated address lies in a window of another device. Writes
/// of a device arrive in the order of their sending, so one that is overtaken was dropped; reads
/// are known by their tag. A reset of either side ends what is between them.
class P2 final : public Rule {
 public:
  explicit P2(const RuleInputs& inputs) : context_(inputs.context), view_(inputs.view) {}

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this, {model::Probe::driver, model::Probe::function_reset});
    view_.peers().subscribe(
        *this, {model::Probe::tlp_sent, model::Probe::tlp_landed, model::Probe::tlp_received});
  }

  void migration(Ps t, const model::MigrationView& view) override {
    (void)t;
    migrations_ += view.begin ? 1U : ~0U;
  }
  void vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to, int error) override {
    (void)t, (void)from;
    if (who.fn >= VF_MAX_FUNCTIONS && who.host < kHosts && error == 0) {
      const auto state = static_cast<MigState>(to);
      peer_stopped_[who.host] = state == MigState::stop || state == MigState::stop_copy;
    }
  }
  void device_reset(Ps t, FnRef who, std::uint32_t now, int error) override {
    (void)now, (void)error;
    if (who.fn >= VF_MAX_FUNCTIONS && who.host < kHosts) {
      peer_stopped_[who.host] = false;
    }
    forget(t, who);
  }
  void function_reset(Ps t, FnRef who) override { forget(t, who); }

  void tlp_sent(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload) override {
    Request request;
    if ((tlp.kind == TlpKind::mem_write || tlp.kind == TlpKind::mem_read) && !tlp.interrupt &&
        target_of(host, tlp, request.target)) {
      request.sent = t;
      request.tlp = tlp;
      request.head = head(tlp, payload);
      open_[host].push_back(request);
    }
  }

  void tlp_landed(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload,
                  bool ok) override {
    FnRef target;
    if (tlp.interrupt || !target_of(host, tlp, target)) {
      return;
    }
    evaluated();
    const bool found = take(t, host, tlp, head(tlp, payload));
    if (!found) {
      violate(t, target, "a peer-to-peer request arrives once",
              fmt::format("{} arrived without having been sent, or again", text(tlp)));
    }
    if (!ok) {
      violate(t, target, "no peer-to-peer request is refused", text(tlp));
    }
    if (migrations_ != 0 && stopped(target)) {
      violate(t, target, "a stopped device gets no peer-to-peer request during a migration",
              text(tlp));
    }
  }

  /// Completions between devices.
  void tlp_received(Ps t, std::uint8_t host, const Tlp& tlp) override {
    Requests& open = open_[host];
    const auto read = std::find_if(open.begin(), open.end(), [&](const Request& request) {
      return request.tlp.kind == TlpKind::mem_read && request.tlp.requester == tlp.requester &&
             request.tlp.tag == tlp.tag;
    });
    if (read == open.end()) {
      return;
    }
    read->bytes += tlp.bytes;
    if (!tlp.last && tlp.status == model::CplStatus::successful) {
      return;
    }
    evaluated();
    if (tlp.status != model::CplStatus::successful || read->bytes != read->tlp.bytes) {
      violate(t, read->target, "a peer-to-peer read is answered with its data",
              fmt::format("{}: {}, {} bytes", text(read->tlp),
                          tlp.status == model::CplStatus::successful ? "successful" : "refused",
                          read->bytes));
    }
    open.erase(read);
  }

  void finish(Ps end) override {
    for (Requests& open : open_) {
      overdue(end, open);
    }
  }

 private:
  struct Request {
    Ps sent = 0;
    Tlp tlp;
    std::uint64_t head = 0;  // writes: first bytes of the payload
    FnRef target;
    bool landed = false;      // reads: at the target
    std::uint32_t bytes = 0;  // reads: that have come back
  };
  using Requests = std::deque<Request>;

  bool target_of(std::uint8_t host, const Tlp& tlp, FnRef& target) const {
    std::uint64_t offset = 0;
    const auto phys = context_.translate(host, tlp.requester, tlp.addr, tlp.bytes);
    return phys && view_.window_at(host, *phys, target, offset);
  }

  [[nodiscard]] bool stopped(FnRef target) const {
    return is_nic(context_, target) ? view_.run(target).responder_stopped
                                    : peer_stopped_[target.host];
  }

  [[nodiscard]] static std::string text(const Tlp& tlp) {
    return fmt::format("{} of {} bytes at {:#x} from {:04x}",
                       tlp.kind == TlpKind::mem_read ? "read" : "write", tlp.bytes, tlp.addr,
                       tlp.requester);
  }

  /// Tells writes to one address apart.
  [[nodiscard]] static std::uint64_t head(const Tlp& tlp, const std::uint8_t* payload) {
    std::uint64_t value = 0;
    for (std::uint32_t i = 0;
         payload != nullptr && tlp.kind == TlpKind::mem_write && i < tlp.bytes && i < 8; ++i) {
      value = value << 8 | payload[i];
    }
    return value;
  }

  void lost(Ps t, const Request& request) {
    violate(
        t, request.target, "every peer-to-peer request is performed",
        fmt::format("{}, sent at {} ns, was not", text(request.tlp), request.sent / model::kNs));
  }

  /// The request that has arrived; writes before it will not come any more.
  bool take(Ps t, std::uint8_t host, const Tlp& tlp, std::uint64_t head) {
    Requests& open = open_[host];
    const auto found = std::find_if(open.begin(), open.end(), [&](const Request& request) {
      return !request.landed && request.tlp.kind == tlp.kind &&
             request.tlp.requester == tlp.requester && request.tlp.addr == tlp.addr &&
             request.tlp.bytes == tlp.bytes && request.head == head &&
             (tlp.kind == TlpKind::mem_write || request.tlp.tag == tlp.tag);
    });
    if (found == open.end()) {
      return false;
    }
    const Ps sent = found->sent;
    if (tlp.kind == TlpKind::mem_read) {
      found->landed = true;  // its completion ends it
      return true;
    }
    open.erase(found);
    for (auto it = open.begin(); it != open.end() && it->sent < sent;) {
      const bool overtaken =
          it->tlp.kind == TlpKind::mem_write && it->tlp.requester == tlp.requester;
      if (overtaken) {
        lost(t, *it);
      }
      it = overtaken ? open.erase(it) : it + 1;
    }
    return true;
  }

  /// What has been under way for longer than it can take.
  void overdue(Ps t, Requests& open) {
    const Ps bound =
        kTrips * (context_.pcie.latency_ns + context_.pcie.memory_ns) * model::kNs + kQueues;
    for (auto request = open.begin(); request != open.end();) {
      const bool late = t - request->sent > bound;
      if (late) {
        evaluated();
        lost(t, *request);
      }
      request = late ? open.erase(request) : request + 1;
    }
  }

  void forget(Ps t, FnRef who) {
    if (who.host >= kHosts) {
      return;
    }
    Requests& open = open_[who.host];
    overdue(t, open);
    open.erase(std::remove_if(open.begin(), open.end(),
                              [&](const Request& request) {
                                return request.target.fn == who.fn ||
                                       function_of(context_, request.tlp.requester) == who.fn;
                              }),
               open.end());
  }

  const CheckContext& context_;
  FunctionView& view_;
  std::array<Requests, kHosts> open_;  // by the host's requesters, in the order of sending
  std::array<bool, kHosts> peer_stopped_{};
  std::uint32_t migrations_ = 0;
};

}  // namespace

std::unique_ptr<Rule> make_rule_P2(const RuleInputs& inputs) {
  return std::make_unique<P2>(inputs);
}

}  // namespace vfsim::bench
