// The quiesce gate: random and captured stimuli into the SystemC model and into the verilated
// block. gate_side.hpp says which reorderings are legal.
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <random>

#include <gtest/gtest.h>

#include "firmware/interface/fault_set.hpp"
#include "rtl_models/common/rtl_session.hpp"
#include "rtl_models/dma_gate/tb/feeder_duty.hpp"
#include "systemc/nic/dma_gate_tlm.hpp"
#include "systemc/rtl_bridge/dma_gate_rtl.hpp"
#include "testbench/rtl_equiv/gate_capture.hpp"
#include "testbench/rtl_equiv/gate_side.hpp"
#include "testbench/rtl_equiv/wave_of_test.hpp"

namespace vfsim::bench {
namespace {

using model::GatePosted;
using model::kNs;
using model::kUs;
using model::Ps;
using Action = GateStimulus::Action;

constexpr std::uint64_t kWaveWindow = 2'000'000;  // ps
constexpr std::uint64_t kTimeoutUs = 100;

struct Mix {
  std::uint64_t seed;
  std::uint32_t functions;
  std::uint32_t tags;
  bool losses;  // of completions
};

class Generator {
 public:
  explicit Generator(const Mix& mix) : mix_(mix), rng_(mix.seed) { rng_.discard(16); }

  GateStimulus stimulus(Ps length) {
    GateStimulus s;
    s.functions.resize(mix_.functions);
    for (std::uint32_t fn = 0; fn < mix_.functions; ++fn) {
      requests(s.functions[fn], length);
      gates(s, static_cast<std::uint8_t>(fn), length);
    }
    for (Ps at = any(20 * kUs); at < length; at += any(20 * kUs)) {
      s.events.push_back({at, Action::link_stops, 0});
      at += any(kUs);
      s.events.push_back({at, Action::link_goes, 0});
    }
    std::stable_sort(s.events.begin(), s.events.end(),
                     [](const auto& a, const auto& b) { return a.at < b.at; });
    return s;
  }

 private:
  Ps any(Ps below) { return 1 + rng_() % below; }

  /// Bursts and pauses.
  void requests(GateStimulus::Function& f, Ps length) {
    for (Ps at = any(kUs); at < length; at += any(4 * kUs)) {
      for (Ps n = any(12); n > 0; --n) {
        f.reads.push_back({at, read_takes()});
        at += any(3) == 1 ? any(300 * kNs) : 0;
      }
    }
    for (Ps at = any(kUs); at < length; at += any(4 * kUs)) {
      for (Ps n = any(12); n > 0; --n) {
        f.posted.push_back({at, any(kUs), any(5) == 1 ? GatePosted::message : GatePosted::write});
        at += any(3) == 1 ? any(300 * kNs) : 0;
      }
    }
  }
  Ps read_takes() {
    if (mix_.losses && any(400) == 1) {
      return any(2) == 1 ? GateStimulus::kLost : kTimeoutUs * kUs * 5 / 4 + any(20 * kUs);
    }
    return 100 * kNs + any(2 * kUs);
  }
  void gates(GateStimulus& s, std::uint8_t fn, Ps length) {
    for (Ps at = any(20 * kUs); at < length; at += any(20 * kUs)) {
      if (any(6) == 1) {
        s.events.push_back({at, Action::reset, fn});
        continue;
      }
      s.events.push_back({at, Action::close, fn});
      at += any(3 * kUs);
      s.events.push_back({at, Action::work_ends, fn});
      at += any(mix_.losses ? 300 * kUs : 6 * kUs);  // now and then before the acknowledgement
      s.events.push_back({at, Action::open, fn});
    }
  }

  Mix mix_;
  std::mt19937_64 rng_;
};

model::NicParams nic_params(const Mix& mix) {
  model::NicParams params;
  params.vfs = mix.functions - 1;
  params.dma_tags = mix.tags;
  params.completion_timeout_us = kTimeoutUs;
  return params;
}

/// Both gates, each with its own surroundings, in one calendar.
class Pair final : private rtl::AssertionListener {
 public:
  /// Events of the first stimulus, requests of each side's own.
  Pair(const model::NicParams& params, const GateStimulus& tlm, const GateStimulus& rtl)
      : calendar_("calendar"),
        cores_{core(params), core(params)},
        tlm_gate_(*cores_[0]),
        tlm_(Side::tlm, *cores_[0], tlm, histories_),
        rtl_(Side::rtl, *cores_[1], rtl, histories_) {
    session_.keep_wave(kWaveWindow);
    rtl_gate_ = std::make_unique<model::DmaGateRtl>(*cores_[1], session_, "rtl.dma_gate");
    std::filesystem::remove(wave_);
    for (const GateStimulus::Event& event : tlm.events) {
      const bool link = event.action == Action::link_stops || event.action == Action::link_goes;
      due_[link ? model::kNicFunctions : event.fn].push_back(event);
    }
    histories_.on_difference([this] { wave_written_ = session_.wave()->write(wave_); });
    tlm_.start(tlm_gate_);
    rtl_.start(*rtl_gate_);
  }

  /// @param longest  for the whole stimulus
  void run(Ps longest) {
    const Ps start = calendar_.now();
    while (calendar_.now() < start + longest && !histories_.differ() && !ended()) {
      advance(1 + rng_() % (100 * kNs));
      act(calendar_.now() - start);
    }
    ended_ = ended();
    advance(300 * kUs);  // what may still expire
    tlm_.finish();
    rtl_.finish();
    histories_.finish();
  }
  void expect_equal() const {
    EXPECT_FALSE(histories_.differ())
        << histories_.report() << (wave_written_ ? "wave: " : "no wave at ") << wave_;
    EXPECT_TRUE(ended_) << "TLM ended: " << tlm_.ended() << ", RTL ended: " << rtl_.ended();
    EXPECT_EQ(tlm_.wrong(), "");
    EXPECT_EQ(rtl_.wrong(), "");
  }
  /// Defects for the SystemC gate.
  void break_tlm(enum vf_fault fault) { cores_[0]->faults = contract::fault_set({fault}); }
  [[nodiscard]] const std::string& tlm_wrong() const { return tlm_.wrong(); }
  [[nodiscard]] const Histories& histories() const { return histories_; }
  [[nodiscard]] bool wave_written() const { return wave_written_; }

 private:
  std::unique_ptr<model::NicCore> core(const model::NicParams& params) {
    return std::make_unique<model::NicCore>(calendar_, probes_, params, model::PcieParams(), 0,
                                            0x100);
  }
  void advance(Ps time) {
    calendar_.run_for(time);
  }
  [[nodiscard]] bool ended() const {
    return tlm_.ended() && rtl_.ended() &&
           std::all_of(due_.begin(), due_.end(), [](const auto& list) { return list.empty(); });
  }
  /// What is due of the stimulus, to both at one time.
  void act(Ps now) {
    for (auto& list : due_) {
      while (!list.empty() && list.front().at <= now && may_act(list.front())) {
        tlm_.act(list.front());
        rtl_.act(list.front());
        list.pop_front();
      }
    }
  }
  [[nodiscard]] bool may_act(const GateStimulus::Event& event) const {
    switch (event.action) {
      case Action::reset:
        return !tlm_.has_requests(event.fn) && !rtl_.has_requests(event.fn);
      case Action::open:
        return tlm_.is_quiet(event.fn) == rtl_.is_quiet(event.fn);
      default:
        return true;
    }
  }
  /// What comes up at a quiet function is asked for all the same: both gates must hold it.
  void assertion_failed(const char* assertion) override {
    if (!rtl::is_feeder_duty(assertion)) {
      ADD_FAILURE() << assertion;
    }
  }

  model::ProbeBus probes_;
  model::Calendar calendar_;
  rtl::RtlSession session_{*this};
  Histories histories_{gate_streams()};
  std::array<std::unique_ptr<model::NicCore>, 2> cores_;
  model::DmaGateTlm tlm_gate_;
  GateSide tlm_, rtl_;
  std::unique_ptr<model::DmaGateRtl> rtl_gate_;
  std::array<std::deque<GateStimulus::Event>, model::kNicFunctions + 1> due_;  // the last: the link
  std::mt19937_64 rng_{1};
  const std::string wave_ = wave_of_test("dma_gate");
  bool ended_ = false;
  bool wave_written_ = false;
};

void compare(const Mix& mix, Ps length, std::uint64_t least) {
  const GateStimulus stimulus = Generator(mix).stimulus(length);
  Pair pair(nic_params(mix), stimulus, stimulus);
  pair.run(20000 * kUs);
  pair.expect_equal();
  EXPECT_GT(pair.histories().compared(), least);
}

TEST(DmaGateEquiv, FewFunctionsManyTags) {
  compare({1, 4, 256, false}, 2000 * kUs, 10000);
}
TEST(DmaGateEquiv, TagsAreScarce) {
  compare({2, 6, 12, false}, 700 * kUs, 5000);
}
TEST(DmaGateEquiv, NoOwnTags) {
  compare({3, 6, 5, false}, 2000 * kUs, 10000);
}
TEST(DmaGateEquiv, LostAndLateCompletions) {
  compare({4, 4, 64, true}, 2000 * kUs, 8000);
}
TEST(DmaGateEquiv, AllFunctions) {
  compare({5, 128, 256, false}, 100 * kUs, 5000);
}

/// What a run of a shipped scenario asks of host A's gate.
void compare_captured(const std::string& scenario, std::uint64_t least) {
  const std::string log = "dma_gate_equiv_" + scenario + ".jsonl";
  const std::string command = VFSIM " run " + scenario + " --events " + log + " > /dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  std::ifstream file(log);
  const GateStimulus stimulus = capture_gate(file, "A");
  std::filesystem::remove(log);
  const Mix mix{0, static_cast<std::uint32_t>(stimulus.functions.size()), 256, false};
  Pair pair(nic_params(mix), stimulus, stimulus);
  pair.run(1000 * model::kMs);
  pair.expect_equal();
  EXPECT_GT(pair.histories().compared(), least);
}

TEST(DmaGateEquiv, CapturedThereAndBackAgain) {
  compare_captured("ping_pong", 5000);
}
TEST(DmaGateEquiv, CapturedResetsThatRaceStateChanges) {
  compare_captured("reset_race", 2000);
}

TEST(DmaGateEquiv, ADifferenceIsFoundAndItsWaveKept) {
  const Mix mix{6, 3, 16, false};
  const GateStimulus tlm = Generator(mix).stimulus(50 * kUs);
  GateStimulus rtl = tlm;
  GatePosted& kind = rtl.functions[1].posted[4].kind;
  kind = kind == GatePosted::write ? GatePosted::message : GatePosted::write;
  Pair pair(nic_params(mix), tlm, rtl);
  pair.run(1000 * kUs);
  EXPECT_TRUE(pair.histories().differ());
  EXPECT_NE(pair.histories().report().find("fn 1 posted"), std::string::npos);
  EXPECT_TRUE(pair.wave_written());
}

TEST(DmaGateEquiv, AGateThatLeaksIsFound) {
  const Mix mix{7, 3, 16, false};
  const GateStimulus stimulus = Generator(mix).stimulus(200 * kUs);
  Pair pair(nic_params(mix), stimulus, stimulus);
  pair.break_tlm(VF_FAULT_dma_after_suspend);
  pair.run(2000 * kUs);
  EXPECT_NE(pair.tlm_wrong().find("of a quiet function"), std::string::npos) << pair.tlm_wrong();
}

}  // namespace
}  // namespace vfsim::bench
