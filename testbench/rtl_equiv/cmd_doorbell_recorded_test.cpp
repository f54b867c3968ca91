// Command doorbells: what runs of shipped scenarios asked of them, into the SystemC model and into
// the verilated block.
// Nothing may be reordered (cmd_doorbell_pair.hpp): every look of the firmware, at what is offered
// and at the vectors, must see in both what it saw in the run.
#include <memory>
#include <tuple>

#include <gmock/gmock.h>

#include "testbench/rtl_equiv/block_stimulus.hpp"
#include "testbench/rtl_equiv/cmd_doorbell_pair.hpp"
#include "testbench/rtl_equiv/recorded_run.hpp"

namespace vfsim::bench {
namespace {

using Do = DoorbellStep::Do;
using model::CmdDoorbell;
using model::kNs;
using testing::HasSubstr;

/// @return  what a look sees; of an order, its value
std::uint32_t act(const DoorbellStep& step, CmdDoorbell& doorbells) {
  switch (step.what) {
    case Do::ring:
      doorbells.ring(step.fn, step.value);
      break;
    case Do::hold:
      doorbells.set_hold(step.fn, step.value != 0);
      break;
    case Do::reset:
      doorbells.reset(step.fn);
      break;
    case Do::take:
      doorbells.take(step.fn, step.value);
      break;
    case Do::done:
      doorbells.done(step.fn, step.value);
      break;
    case Do::set:
      doorbells.set(step.fn, step.value);
      break;
    case Do::clear:
      doorbells.clear(step.fn, step.value);
      break;
    case Do::room:
      doorbells.set_room(step.value > 1, step.value > 0);
      break;
    case Do::offer: {
      const auto offer = doorbells.offer();
      return offer ? std::uint32_t{offer->fn} << 8 | offer->slot : DoorbellStep::kNone;
    }
    case Do::pending:
      return doorbells.pending(step.fn);
    case Do::owned:
      return doorbells.owned(step.fn);
    case Do::count:
      break;
  }
  return step.value;
}

/// A block with a defect: it makes something else of the orders, and of what is offered.
class Broken : public CmdDoorbell {
 public:
  explicit Broken(CmdDoorbell& real) : real_(real) {}

  void ring(std::uint32_t fn, std::uint32_t slots) override { order({0, Do::ring, fn, slots}); }
  void set_hold(std::uint32_t fn, bool hold) override { order({0, Do::hold, fn, hold ? 1U : 0U}); }
  void reset(std::uint32_t fn) override { order({0, Do::reset, fn, 0}); }
  void take(std::uint32_t fn, std::uint32_t slot) override { order({0, Do::take, fn, slot}); }
  void done(std::uint32_t fn, std::uint32_t slot) override { order({0, Do::done, fn, slot}); }
  void set(std::uint32_t fn, std::uint32_t slots) override { order({0, Do::set, fn, slots}); }
  void clear(std::uint32_t fn, std::uint32_t slots) override { order({0, Do::clear, fn, slots}); }
  void set_room(bool any, bool last) override {
    order({0, Do::room, 0, any ? 2U : last ? 1U : 0U});
  }
  [[nodiscard]] bool offered() const override { return real_.offered(); }
  [[nodiscard]] std::optional<Offer> offer() override { return real_.offer(); }
  [[nodiscard]] std::uint32_t pending(std::uint32_t fn) override { return real_.pending(fn); }
  [[nodiscard]] std::uint32_t owned(std::uint32_t fn) override { return real_.owned(fn); }
  [[nodiscard]] std::uint32_t pending_by_now(std::uint32_t fn) override {
    return real_.pending_by_now(fn);
  }
  [[nodiscard]] std::uint32_t owned_by_now(std::uint32_t fn) override {
    return real_.owned_by_now(fn);
  }

 protected:
  virtual void order(const DoorbellStep& step) = 0;
  void pass(const DoorbellStep& step) { (void)act(step, real_); }

 private:
  CmdDoorbell& real_;
};

/// Orders of one kind do not reach it.
class Deaf final : public Broken {
 public:
  Deaf(CmdDoorbell& real, Do to) : Broken(real), to_(to) {}

 private:
  void order(const DoorbellStep& step) override {
    if (step.what != to_) {
      pass(step);
    }
  }
  Do to_;
};

/// A defect that hits slots as soon as the firmware has often said that it lacks room: in the
/// middle of what is hard.
class WithoutRoom : public Broken {
 public:
  using Broken::Broken;

 protected:
  /// Time for the defect.
  [[nodiscard]] bool due() const { return lacks_ >= kOften && !hit_; }
  /// Once is enough.
  void hit() { hit_ = true; }
  /// While it is due.
  virtual void spoil(const DoorbellStep& step) { pass(step); }

 private:
  static constexpr int kOften = 20;

  void order(const DoorbellStep& step) override {
    lacks_ += step.what == Do::room && step.value != 2 ? 1 : 0;
    due() ? spoil(step) : pass(step);
  }
  int lacks_ = 0;
  bool hit_ = false;
};

/// A ring is lost.
class LosesOne final : public WithoutRoom {
  using WithoutRoom::WithoutRoom;
  void spoil(const DoorbellStep& step) override { step.what == Do::ring ? hit() : pass(step); }
};

/// A slot that is taken stays pending, from now on: one time alone would be covered by the next
/// ring of the slot, if that comes before the slot has its turn again.
class Doubles final : public WithoutRoom {
  using WithoutRoom::WithoutRoom;
  void spoil(const DoorbellStep& step) override {
    pass(step);
    if (step.what == Do::take) {
      pass({0, Do::ring, step.fn, 1U << step.value});
    }
  }
};

/// A function that rings is never offered.
class StarvesOne final : public WithoutRoom {
  using WithoutRoom::WithoutRoom;
  void spoil(const DoorbellStep& step) override {
    pass(step);
    if (step.what == Do::ring) {
      pass({0, Do::hold, step.fn, 1});
      hit();
    }
  }
};

/// A slot loses one turn to another.
class PassesOneOver final : public WithoutRoom {
 public:
  using WithoutRoom::WithoutRoom;
  [[nodiscard]] std::optional<Offer> offer() override {
    const auto offer = Broken::offer();
    if (!due() || !offer) {
      return offer;
    }
    pass({0, Do::clear, offer->fn, 1U << offer->slot});
    if (Broken::offer()) {
      hit();
    }
    pass({0, Do::ring, offer->fn, 1U << offer->slot});
    return Broken::offer();
  }
};

class Played : public CmdDoorbellPair {
 protected:
  explicit Played(model::Ps period) : CmdDoorbellPair(period) {}

  /// Until the first difference. What the run itself saw must be what the model sees.
  void play(const std::vector<DoorbellStep>& steps, CmdDoorbell& rtl) {
    for (auto step = steps.begin(); step != steps.end() && !histories_.differ(); ++step) {
      pass_time_to(step->t, rtl);
      const std::uint32_t seen = act(*step, tlm_);
      const std::uint32_t also = act(*step, rtl);
      if (step->what < Do::offer) {
        ++orders_;
        continue;
      }
      ASSERT_EQ(seen, expected(*step)) << "the recording is not whole, at " << step->t;
      ++looks_;
      note(*step, Side::tlm, seen);
      note(*step, Side::rtl, also);
    }
  }

  std::uint64_t looks_ = 0;
  std::uint64_t orders_ = 0;

 private:
  /// What stands when the orders of a burst have had their time is the interrupt of the firmware;
  /// it looks there only if there should be one.
  void pass_time_to(model::Ps t, CmdDoorbell& rtl) {
    const model::Ps now = calendar_.now();
    if (t > now) {
      advance(t - now);
      const DoorbellStep stands{t, Do::offer, 0, 0};
      note(stands, Side::tlm, act(stands, tlm_));
      note(stands, Side::rtl, act(stands, rtl));
    }
  }
  static std::uint32_t expected(const DoorbellStep& step) {
    return step.what == Do::offer && step.value != DoorbellStep::kNone ? step.fn << 8 | step.value
                                                                       : step.value;
  }
  void note(const DoorbellStep& step, Side side, std::uint32_t value) {
    histories_.record(side, calendar_.now(), 0,
                      step.what != Do::offer
                          ? fmt::format("{} of {}: {:08x}", to_string(step.what), step.fn, value)
                      : value == DoorbellStep::kNone
                          ? "nothing offered"
                          : fmt::format("{}.{} offered", value >> 8, value & 0xff));
  }
};

class CmdDoorbellRecorded : public Played, public testing::WithParamInterface<RecordedRun> {
 protected:
  CmdDoorbellRecorded() : Played(GetParam().period) {}
};

TEST_P(CmdDoorbellRecorded, BothOfferTheSame) {
  const auto steps = recorded(GetParam(), "cmd_doorbell", doorbell_steps);
  play(steps, *rtl_);
  expect_equal();
  EXPECT_GT(looks_, 200U);
  EXPECT_GT(orders_, 200U);
}

struct Defect {
  const char* name;
  std::unique_ptr<Broken> (*build)(CmdDoorbell&);
};
template <class Kind>
std::unique_ptr<Broken> without_room(CmdDoorbell& real) {
  return std::make_unique<Kind>(real);
}
template <Do What>
std::unique_ptr<Broken> deaf_to(CmdDoorbell& real) {
  return std::make_unique<Deaf>(real, What);
}
std::ostream& operator<<(std::ostream& out, const Defect& defect) {
  return out << defect.name;
}

class CmdDoorbellDefect : public Played,
                          public testing::WithParamInterface<std::tuple<RecordedRun, Defect>> {
 protected:
  CmdDoorbellDefect() : Played(std::get<RecordedRun>(GetParam()).period) {}
};

TEST_P(CmdDoorbellDefect, IsFoundInARecordedRun) {
  expect_failures_ = true;  // of the rules of a block that is not told all; they come on top
  auto [run, defect] = GetParam();
  const std::string name = std::string(run.name) + '_' + defect.name;
  run.name = name.c_str();
  const auto broken = defect.build(*rtl_);
  play(recorded(run, "cmd_doorbell", doorbell_steps), *broken);
  ASSERT_TRUE(histories_.differ());
  EXPECT_THAT(histories_.report(), HasSubstr("last transactions of the TLM"));
  EXPECT_THAT(histories_.report(), HasSubstr("last transactions of the RTL"));
  EXPECT_TRUE(wave_written_);
  EXPECT_LT(std::filesystem::file_size(wave_), 1U << 20U) << "the last microseconds only";
}

std::string name_of(const testing::TestParamInfo<std::tuple<RecordedRun, Defect>>& defect) {
  return std::string(std::get<RecordedRun>(defect.param).name) + '_' +
         std::get<Defect>(defect.param).name;
}

// Runs whose firmware runs out of room.
const RecordedRun kVfs127{"vfs127", "A", "vfs127"};
const RecordedRun kHeldA{"commands_held_a", "A", "commands_held"};
const RecordedRun kHeldB{"commands_held_b", "B", "commands_held", 100 * kNs};
const RecordedRun kMalformed{"malformed", "B", "malformed"};
const RecordedRun kManyRandom{"random_many", "A", "random_many --seed 5"};

/// 127 functions at once, resets at any time, all run states, images with doorbells, commands that
/// are malformed, lost or answered twice.
INSTANTIATE_TEST_SUITE_P(
    Runs, CmdDoorbellRecorded,
    testing::Values(kVfs127, kHeldA, kHeldB, kMalformed, kManyRandom,
                    RecordedRun{"reset_race", "A", "reset_race", 30 * kNs},
                    RecordedRun{"state_walk", "A", "state_walk"},
                    RecordedRun{"cancel_sweep", "B", "cancel_sweep"},
                    RecordedRun{"command_timeout", "A", "command_timeout", 10 * kNs},
                    RecordedRun{"completion_twice", "A", "migrate --fault completion_twice"}),
    [](const auto& run) { return std::string(run.param.name); });

using Seeded = std::tuple<RecordedRun, Defect>;
INSTANTIATE_TEST_SUITE_P(Seeded, CmdDoorbellDefect,
                         testing::Values(Seeded{kHeldA, {"hold_ignored", deaf_to<Do::hold>}},
                                         Seeded{kHeldA, {"done_lost", deaf_to<Do::done>}},
                                         Seeded{kHeldA, {"room_ignored", deaf_to<Do::room>}},
                                         Seeded{kHeldB, {"set_ignored", deaf_to<Do::set>}},
                                         Seeded{kMalformed, {"clear_ignored", deaf_to<Do::clear>}}),
                         name_of);
const Defect kLost{"slot_lost", without_room<LosesOne>};
const Defect kDoubled{"slot_doubled", without_room<Doubles>};
const Defect kStarved{"slot_starved", without_room<StarvesOne>};
const Defect kTurnLost{"turn_lost", without_room<PassesOneOver>};
INSTANTIATE_TEST_SUITE_P(SeededWithoutRoom, CmdDoorbellDefect,
                         testing::Combine(testing::Values(kHeldA, kManyRandom),
                                          testing::Values(kLost, kDoubled, kStarved, kTurnLost)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(SeededWithoutRoomElsewhere, CmdDoorbellDefect,
                         testing::Values(Seeded{kHeldB, kDoubled}, Seeded{kMalformed, kLost},
                                         Seeded{kVfs127, kStarved}, Seeded{kVfs127, kTurnLost}),
                         name_of);

}  // namespace
}  // namespace vfsim::bench
