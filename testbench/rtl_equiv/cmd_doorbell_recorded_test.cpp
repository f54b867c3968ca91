// Command doorbells: what runs of shipped scenarios asked of them, into the SystemC model and into
// the verilated block.
//
// Nothing may be reordered here. The firmware's orders come in bursts (an answer, the next take),
// but it looks at what is offered before it takes it, and a look waits for the block: so all looks,
// in one stream, must see the same.
#include <algorithm>
#include <array>

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

/// A block with a defect: orders of one kind do not reach it.
class Deaf final : public CmdDoorbell {
 public:
  Deaf(CmdDoorbell& real, Do to) : real_(real), to_(to) {}

  void ring(std::uint32_t fn, std::uint32_t slots) override { pass({0, Do::ring, fn, slots}); }
  void set_hold(std::uint32_t fn, bool hold) override { pass({0, Do::hold, fn, hold ? 1U : 0U}); }
  void reset(std::uint32_t fn) override { pass({0, Do::reset, fn, 0}); }
  void take(std::uint32_t fn, std::uint32_t slot) override { pass({0, Do::take, fn, slot}); }
  void done(std::uint32_t fn, std::uint32_t slot) override { pass({0, Do::done, fn, slot}); }
  void set(std::uint32_t fn, std::uint32_t slots) override { pass({0, Do::set, fn, slots}); }
  void clear(std::uint32_t fn, std::uint32_t slots) override { pass({0, Do::clear, fn, slots}); }
  void set_room(bool any, bool last) override { pass({0, Do::room, 0, any ? 2U : last ? 1U : 0U}); }
  [[nodiscard]] bool offered() const override { return real_.offered(); }
  [[nodiscard]] std::optional<Offer> offer() override { return real_.offer(); }
  [[nodiscard]] std::uint32_t pending(std::uint32_t fn) override { return real_.pending(fn); }
  [[nodiscard]] std::uint32_t owned(std::uint32_t fn) override { return real_.owned(fn); }
  [[nodiscard]] std::uint32_t pending_by_now(std::uint32_t fn) override { return real_.pending_by_now(fn); }
  [[nodiscard]] std::uint32_t owned_by_now(std::uint32_t fn) override { return real_.owned_by_now(fn); }

 private:
  void pass(const DoorbellStep& step) {
    if (step.what != to_) {
      (void)act(step, real_);
    }
  }
  CmdDoorbell& real_;
  Do to_;
};

/// Doorbells and the firmware behind them: takes what they offer when the run took something, and
/// ends a command when the run did, or behind its take.
class Served {
 public:
  explicit Served(CmdDoorbell& doorbells) : doorbells_(doorbells) {}

  [[nodiscard]] CmdDoorbell& doorbells() { return doorbells_; }
  [[nodiscard]] std::uint64_t executed(std::uint32_t fn, std::uint32_t slot) const {
    return executed_[fn * CmdDoorbell::kSlots + slot];
  }
  std::optional<CmdDoorbell::Offer> take() {
    const auto offer = doorbells_.offer();
    if (offer) {
      const std::size_t at = offer->fn * CmdDoorbell::kSlots + offer->slot;
      doorbells_.take(offer->fn, offer->slot);
      ++executed_[at];
      if (ended_[at]) {
        doorbells_.done(offer->fn, offer->slot);
      }
      owned_[at] = !ended_[at];
      ended_[at] = false;
    }
    return offer;
  }
  /// @param taken  in the run
  void done(std::uint32_t fn, std::uint32_t slot, bool taken) {
    const std::size_t at = fn * CmdDoorbell::kSlots + slot;
    if (owned_[at] || !taken) {
      doorbells_.done(fn, slot);
    }
    ended_[at] = taken && !owned_[at];
    owned_[at] = false;
  }
  [[nodiscard]] bool owns(std::uint32_t fn, std::uint32_t slot) const {
    return owned_[fn * CmdDoorbell::kSlots + slot];
  }
  void reset(std::uint32_t fn) {
    doorbells_.reset(fn);
    for (std::uint32_t slot = 0; slot < CmdDoorbell::kSlots; ++slot) {
      owned_[fn * CmdDoorbell::kSlots + slot] = ended_[fn * CmdDoorbell::kSlots + slot] = false;
    }
  }

 private:
  static constexpr std::size_t kAll = VF_MAX_FUNCTIONS * CmdDoorbell::kSlots;
  CmdDoorbell& doorbells_;
  std::array<std::uint64_t, kAll> executed_{};
  std::array<bool, kAll> owned_{}, ended_{};  // ended in the run, not taken here yet
};

class Played : public CmdDoorbellPair {
 protected:
  explicit Played(model::Ps period) : CmdDoorbellPair(period) {}

  /// Until the first difference. What the run itself saw must be what the model sees.
  void play(const std::vector<DoorbellStep>& steps, CmdDoorbell& rtl) {
    Served tlm_served(tlm_);
    Served rtl_served(rtl);
    for (auto step = steps.begin(); step != steps.end() && !histories_.differ(); ++step) {
      const model::Ps now = sc_core::sc_time_stamp().value();
      if (step->t > now) {
        advance(step->t - now);
      }
      if (step->what >= Do::offer) {
        look(*step, rtl);
      } else {
        order(*step, tlm_served, rtl_served);
      }
    }
  }

  std::uint64_t looks_ = 0;  // that both had to see alike
  std::uint64_t orders_ = 0;
  std::uint64_t swapped_ = 0;  // takes in another order

 private:
  void look(const DoorbellStep& step, CmdDoorbell& rtl) {
    const std::uint32_t seen = act(step, tlm_);
    const std::uint32_t expected = step.what == Do::offer && step.value != DoorbellStep::kNone
                                       ? step.fn << 8 | step.value
                                       : step.value;
    ASSERT_EQ(seen, expected) << "the recording is not whole, at " << step.t;
    const std::uint32_t also = act(step, rtl);
    note(step, Side::tlm, seen);
    note(step, Side::rtl, also);
  }
  /// Which function is offered may differ. While the two are not in step, so may all else.
  void note(const DoorbellStep& step, Side side, std::uint32_t value) {
    std::string text = "looks";
    if (apart_ == 0) {
      looks_ += side == Side::tlm ? 1 : 0;
      text = step.what == Do::offer
                 ? value == DoorbellStep::kNone ? "nothing offered" : "something offered"
                 : fmt::format("{} of {}: {:08x}", to_string(step.what), step.fn, value);
    }
    histories_.record(side, calendar_.now(), 0, std::move(text));
  }

  void order(const DoorbellStep& step, Served& tlm, Served& rtl) {
    ++orders_;
    switch (step.what) {
      case Do::take:
        return take(step, tlm, rtl);
      case Do::done: {
        const bool taken = tlm.owns(step.fn, step.value);
        tlm.done(step.fn, step.value, taken);
        return rtl.done(step.fn, step.value, taken);
      }
      case Do::reset:
        tlm.reset(step.fn);
        return rtl.reset(step.fn);
      case Do::hold:
        held_[step.fn] = step.value != 0;
        break;
      default:
        break;
    }
    (void)act(step, tlm.doorbells());
    (void)act(step, rtl.doorbells());
  }
  void take(const DoorbellStep& step, Served& tlm, Served& rtl) {
    const auto offer = tlm.doorbells().offer();
    if (!offer || offer->fn != step.fn || offer->slot != step.value) {  // as behind a reset
      (void)act(step, tlm.doorbells());
      (void)act(step, rtl.doorbells());
      return;
    }
    taken(Side::tlm, tlm.take(), tlm, rtl);
    const auto other = rtl.take();
    taken(Side::rtl, other, rtl, tlm);
    swapped_ += other && (other->fn != offer->fn || other->slot != offer->slot) ? 1 : 0;
  }
  void taken(Side side, const std::optional<CmdDoorbell::Offer>& offer, const Served& own,
             const Served& other) {
    if (!offer || held_[offer->fn]) {
      histories_.record(side, calendar_.now(), 0,
                        offer ? fmt::format("took {}.{}, which is held", offer->fn, offer->slot)
                              : "had nothing to take");
      return;
    }
    apart_ +=
        own.executed(offer->fn, offer->slot) > other.executed(offer->fn, offer->slot) ? 1 : -1;
    histories_.record(side, calendar_.now(), 1 + offer->fn * CmdDoorbell::kSlots + offer->slot,
                      fmt::format("took {}.{}", offer->fn, offer->slot));
  }

  std::int64_t apart_ = 0;  // takes that one of them is ahead with
  std::array<bool, VF_MAX_FUNCTIONS> held_{};
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
  RecordProperty("swapped", std::to_string(swapped_));
}

/// Resets at any time, all run states, images with doorbells, commands that are lost or answered
/// twice. Runs in which the firmware runs out of room are left out: there, a command taken in
/// another order changes what there is room for.
INSTANTIATE_TEST_SUITE_P(
    Runs, CmdDoorbellRecorded,
    testing::Values(RecordedRun{"reset_race", "A", "reset_race", 30 * kNs},
                    RecordedRun{"state_walk", "A", "state_walk"},
                    RecordedRun{"cancel_sweep", "B", "cancel_sweep"},
                    RecordedRun{"command_timeout", "A", "command_timeout", 10 * kNs},
                    RecordedRun{"completion_twice", "A", "migrate --fault completion_twice"}),
    [](const auto& run) { return std::string(run.param.name); });

struct Defect {
  const char* name;
  Do deaf_to;
};
std::ostream& operator<<(std::ostream& out, const Defect& defect) {
  return out << "deaf to " << to_string(defect.deaf_to);
}
class CmdDoorbellDefect : public Played, public testing::WithParamInterface<Defect> {
 protected:
  CmdDoorbellDefect() : Played(kNs) {}
};

TEST_P(CmdDoorbellDefect, IsFoundInARecordedRun) {
  expect_failures_ = true;  // of the rules of a block that is not told all; they come on top
  const RecordedRun run{GetParam().name, "A", "commands_held"};
  Deaf broken(*rtl_, GetParam().deaf_to);
  play(recorded(run, "cmd_doorbell", doorbell_steps), broken);
  ASSERT_TRUE(histories_.differ());
  EXPECT_THAT(histories_.report(), HasSubstr("last transactions of the TLM"));
  EXPECT_THAT(histories_.report(), HasSubstr("last transactions of the RTL"));
  EXPECT_TRUE(wave_written_);
  EXPECT_LT(std::filesystem::file_size(wave_), 1U << 20U) << "the last microseconds only";
}

INSTANTIATE_TEST_SUITE_P(Seeded, CmdDoorbellDefect,
                         testing::Values(Defect{"hold_ignored", Do::hold},
                                         Defect{"done_lost", Do::done},
                                         Defect{"room_ignored", Do::room},
                                         Defect{"clear_ignored", Do::clear}),
                         [](const auto& defect) { return std::string(defect.param.name); });

}  // namespace
}  // namespace vfsim::bench
