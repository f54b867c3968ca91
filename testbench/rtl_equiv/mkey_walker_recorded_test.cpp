// Key walkers: what runs of shipped scenarios asked of them, into the SystemC model and into the
// verilated block. mkey_walker_pair.hpp says which differences are legal.
#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "firmware/interface/hw_records.h"
#include "testbench/rtl_equiv/block_stimulus.hpp"
#include "testbench/rtl_equiv/mkey_walker_pair.hpp"
#include "testbench/rtl_equiv/recorded_run.hpp"

namespace vfsim::bench {
namespace {

using Do = WalkerStep::Do;
using model::kNs;

vf_mkey key_of(const std::string& text) {
  std::array<std::uint8_t, VF_BYTES(hw_mkey)> record;
  for (std::size_t i = 0; i < record.size(); ++i) {
    record[i] = static_cast<std::uint8_t>(std::stoul(text.substr(2 * i, 2), nullptr, 16));
  }
  return vf_mkey_of_record(record.data());
}

class Played : public MkeyWalkerPair {
 protected:
  explicit Played(model::Ps period) : MkeyWalkerPair(period), period_(period) {}

  /// Until the first difference.
  /// @param announced  false: memory changes, and the RTL is not told
  void play(const std::vector<WalkerStep>& steps, bool announced = true) {
    announced_ = announced;
    for (auto step = steps.begin(); step != steps.end() && !histories_.differ(); ++step) {
      const model::Ps now = calendar_.now();
      if (step->t > now) {
        advance(step->t - now);
      }
      act(*step);
    }
    advance(100'000 * period_);
  }

  std::uint64_t refused_ = 0;

 private:
  void act(const WalkerStep& step) {
    switch (step.what) {
      case Do::walk:
        then_ = request(step.request);
        break;
      case Do::answer:  // of the model in the run, at once: the recording is whole
        EXPECT_EQ(then_.result, step.answer.result) << step.t;
        EXPECT_EQ(then_.addr, step.answer.addr) << step.t;
        EXPECT_EQ(then_.run, step.answer.run) << step.t;
        refused_ += step.answer.result != VF_WALK_OK ? 1 : 0;
        break;
      case Do::keys:
        for (std::size_t i = 0; i < step.keys.size(); ++i) {
          key(step.fn, step.first + static_cast<std::uint32_t>(i)) = key_of(step.keys[i]);
        }
        keys_changed(step.fn, step.first, static_cast<std::uint32_t>(step.keys.size()));
        break;
      case Do::entries:
        std::copy(step.entries.begin(), step.entries.end(), &ram_->mtt[step.first]);
        if (announced_) {
          entries_changed(step.first, static_cast<std::uint32_t>(step.entries.size()));
        }
        break;
      case Do::count:
        break;
    }
  }

  model::Ps period_;
  model::WalkAnswer then_;
  bool announced_ = true;
};

class MkeyWalkerRecorded : public Played, public testing::WithParamInterface<RecordedRun> {
 protected:
  MkeyWalkerRecorded() : Played(GetParam().period) {}
};

TEST_P(MkeyWalkerRecorded, BothGiveTheSameAnswers) {
  const auto steps = recorded(GetParam(), "mkey_walker", walker_steps);
  play(steps);
  expect_equal();
  const auto walks = std::count_if(steps.begin(), steps.end(),
                                   [](const WalkerStep& s) { return s.what == Do::walk; });
  EXPECT_EQ(histories_.compared(), static_cast<std::uint64_t>(walks));
  EXPECT_GT(walks, 40);
  EXPECT_GT(changes_, 20U);
  RecordProperty("refused", std::to_string(refused_));
  RecordProperty("overtaken", std::to_string(overtaken_));
}

/// Those with the most variety of all shipped ones: 127 functions, images that overwrite keys and
/// pages, resets, keys that are created and destroyed all the time, keys that are not the caller's,
/// keys of another VF's doorbells. Slow clocks make walks wait for each other, and for changes.
INSTANTIATE_TEST_SUITE_P(Runs, MkeyWalkerRecorded,
                         testing::Values(RecordedRun{"vfs127", "A", "vfs127", 20 * kNs},
                                         RecordedRun{"migrate", "B", "migrate"},
                                         RecordedRun{"ping_pong10", "A", "ping_pong10", 50 * kNs},
                                         RecordedRun{"commands_held", "A", "commands_held"},
                                         RecordedRun{"rogue", "A", "rogue"},
                                         RecordedRun{"rogue_reach", "A", "rogue_reach", 100 * kNs},
                                         RecordedRun{"reset_race", "A", "reset_race", 100 * kNs},
                                         RecordedRun{"p2p_vfs", "B", "p2p_vfs"},
                                         RecordedRun{"bad_image", "B", "bad_image"},
                                         RecordedRun{"save_wrong_key", "A",
                                                     "migrate --fault save_wrong_key"}),
                         [](const auto& run) { return std::string(run.param.name); });

class MkeyWalkerDefect : public Played {
 protected:
  MkeyWalkerDefect() : Played(kNs) {}
};

/// As if the cache kept its lines: pages that other owners have by now.
TEST_F(MkeyWalkerDefect, StaleEntriesAreFoundInARecordedRun) {
  play(recorded({"stale", "A", "ping_pong10"}, "mkey_walker", walker_steps), false);
  histories_.finish();
  ASSERT_TRUE(histories_.differ());
  EXPECT_NE(histories_.report().find("last transactions of the TLM"), std::string::npos);
  EXPECT_NE(histories_.report().find("last transactions of the RTL"), std::string::npos);
  EXPECT_TRUE(wave_written_);
  EXPECT_LT(std::filesystem::file_size(wave_), 1U << 20U) << "the last microseconds only";
}

}  // namespace
}  // namespace vfsim::bench
