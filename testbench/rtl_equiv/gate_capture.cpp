#include "testbench/rtl_equiv/gate_capture.hpp"

#include <algorithm>
#include <deque>
#include <istream>
#include <map>
#include <nlohmann/json.hpp>

namespace vfsim::bench {

using model::GatePosted;
using model::kNs;
using model::kUs;
using model::Ps;
using Action = GateStimulus::Action;
using Json = nlohmann::json;

namespace {

constexpr std::uint64_t kFirstRid = 0x100;
constexpr Ps kLongestPause = 20 * kUs;
constexpr Ps kUnanswered = kUs;     // at the end of the log
constexpr Ps kWayBack = 250 * kNs;  // of the news that a write has landed
// VFIO states; source: Linux uapi, enum vfio_device_mig_state.
constexpr int kRunning = 2, kRunningP2p = 5, kPreCopy = 6, kPreCopyP2p = 7;

class Capture {
 public:
  explicit Capture(std::string host) : host_(std::move(host)) {}

  void line(const Json& e) {
    if (e.value("host", "") != host_) {
      return;
    }
    const std::string kind = e["kind"];
    const Ps t = e["t_ps"];
    if (kind == "tlp_sent" || kind == "tlp_received" || kind == "tlp_landed") {
      tlp(t, kind, e);
    } else if (kind == "command_submitted") {
      suspend_or_resume(t, e);
    } else if (kind == "vfio_state") {
      state(e["fn"], e["from"], e["to"]);
    } else if (kind == "function_reset") {
      event(at(t), Action::reset, e["fn"]);
    }
  }

  GateStimulus take() {
    std::stable_sort(stimulus_.events.begin(), stimulus_.events.end(),
                     [](const auto& a, const auto& b) { return a.at < b.at; });
    return std::move(stimulus_);
  }

 private:
  struct OpenRead {
    std::uint32_t fn = 0;
    std::size_t index = 0;
    std::uint64_t left = 0;
    Ps sent = 0;
  };
  struct OpenWrite {
    std::size_t index = 0;
    Ps sent = 0;
  };

  /// Time of the stimulus.
  Ps at(Ps t) {
    if (t - last_ > kLongestPause) {
      cut_ += t - last_ - kLongestPause;
    }
    last_ = t;
    return t - cut_;
  }
  GateStimulus::Function& function(std::uint32_t fn) {
    if (fn >= stimulus_.functions.size()) {
      stimulus_.functions.resize(fn + 1);
    }
    return stimulus_.functions[fn];
  }
  void event(Ps when, Action action, std::uint32_t fn) {
    function(fn);
    stimulus_.events.push_back({when, action, static_cast<std::uint8_t>(fn)});
  }

  void tlp(Ps t, const std::string& kind, const Json& e) {
    const std::uint64_t rid = std::stoull(e["requester"].get<std::string>(), nullptr, 16);
    if (rid < kFirstRid || rid >= kFirstRid + model::kNicFunctions) {
      return;
    }
    const auto fn = static_cast<std::uint32_t>(rid - kFirstRid);
    const std::string what = e["tlp"];
    if (kind == "tlp_sent" && what == "mem_read") {
      function(fn).reads.push_back({at(t), kUnanswered});
      reads_[e["tag"]] = {fn, function(fn).reads.size() - 1, e["bytes"], t};
      last_sent_[fn] = at(t);
    } else if (kind == "tlp_sent" && what == "mem_write") {
      const std::uint64_t addr = std::stoull(e["addr"].get<std::string>(), nullptr, 16);
      const bool message =
          addr >= model::kMsiWindow && addr < model::kMsiWindow + model::kMsiWindowBytes;
      function(fn).posted.push_back(
          {at(t), kUnanswered, message ? GatePosted::message : GatePosted::write});
      writes_[fn].push_back({function(fn).posted.size() - 1, t});
      if (!message) {
        last_sent_[fn] = at(t);
      }
    } else if (kind == "tlp_received" && what == "completion") {
      answered(t, e);
    } else if (kind == "tlp_landed" && what == "mem_write" && !writes_[fn].empty()) {
      const OpenWrite write = writes_[fn].front();
      writes_[fn].pop_front();
      function(fn).posted[write.index].takes = t - write.sent + kWayBack;
    }
  }

  void answered(Ps t, const Json& e) {
    const auto found = reads_.find(e["tag"]);
    if (found == reads_.end()) {
      return;
    }
    OpenRead& read = found->second;
    const std::uint64_t bytes = e["bytes"];
    read.left -= std::min(read.left, bytes);
    if (read.left == 0 || e["status"] != 0) {
      function(read.fn).reads[read.index].takes = t - read.sent;
      reads_.erase(found);
    }
  }

  void suspend_or_resume(Ps t, const Json& e) {
    if (e["opcode"] == "0x115" && e["op_mod"] == VF_SUSPEND_INITIATOR) {
      suspended_ = at(t);
    } else if (e["opcode"] == "0x116" && e["op_mod"] == VF_RESUME_INITIATOR) {
      resumed_ = at(t);
    }
  }

  /// Which function the last command was about.
  void state(std::uint32_t fn, int from, int to) {
    if ((from == kRunning && to == kRunningP2p) || (from == kPreCopy && to == kPreCopyP2p)) {
      event(suspended_, Action::close, fn);
      event(std::max(suspended_, last_sent_[fn]), Action::work_ends, fn);
    } else if ((from == kRunningP2p && to == kRunning) || (from == kPreCopyP2p && to == kPreCopy)) {
      event(resumed_, Action::open, fn);
    }
  }

  std::string host_;
  GateStimulus stimulus_;
  std::map<std::uint32_t, OpenRead> reads_;  // by tag
  std::map<std::uint32_t, std::deque<OpenWrite>> writes_;
  std::map<std::uint32_t, Ps> last_sent_;  // what a quiet function may not send
  Ps last_ = 0, cut_ = 0, suspended_ = 0, resumed_ = 0;
};

}  // namespace

GateStimulus capture_gate(std::istream& log, const std::string& host) {
  Capture capture(host);
  for (std::string text; std::getline(log, text);) {
    capture.line(Json::parse(text));
  }
  return capture.take();
}

}  // namespace vfsim::bench
