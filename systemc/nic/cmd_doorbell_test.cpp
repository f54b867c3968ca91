#include "systemc/nic/cmd_doorbell.hpp"

#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vfsim::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

class CmdDoorbellTest : public testing::Test, private OfferListener {
 protected:
  CmdDoorbellTest() { doorbells.set_room(true, true); }

  /// Takes what is offered, up to `most`: (function, slot).
  std::vector<std::pair<int, int>> run(int most = 100, bool finish = true) {
    std::vector<std::pair<int, int>> taken;
    for (auto offer = doorbells.offer(); offer && most > 0; offer = doorbells.offer(), --most) {
      taken.emplace_back(offer->fn, offer->slot);
      doorbells.take(offer->fn, offer->slot);
      if (finish) {
        doorbells.done(offer->fn, offer->slot);
      }
    }
    return taken;
  }
  void command_offered() override { ++told; }

  int told = 0;
  CmdDoorbellTlm doorbells{*this};
};

TEST_F(CmdDoorbellTest, FunctionsInTurnAndSlotsInTurn) {
  doorbells.ring(7, 0b1101);
  doorbells.ring(3, 0b11);
  EXPECT_THAT(run(), ElementsAre(Pair(7, 0), Pair(3, 0), Pair(7, 2), Pair(3, 1), Pair(7, 3)));
  EXPECT_EQ(doorbells.pending(7), 0U);
  doorbells.ring(7, 0b1);
  doorbells.ring(7, 0b10000);
  EXPECT_THAT(run(), ElementsAre(Pair(7, 0), Pair(7, 4))) << "the first was offered at once";
}

TEST_F(CmdDoorbellTest, ARingOfAnOwnedSlotWaitsForItsEnd) {
  doorbells.ring(1, 0b1);
  EXPECT_THAT(run(1, false), ElementsAre(Pair(1, 0)));
  doorbells.ring(1, 0b1);
  EXPECT_FALSE(doorbells.offered());
  EXPECT_EQ(doorbells.pending(1), 1U);
  EXPECT_EQ(doorbells.owned(1), 1U);
  doorbells.done(1, 0);
  EXPECT_THAT(run(), ElementsAre(Pair(1, 0)));
}

TEST_F(CmdDoorbellTest, HoldWithdrawsTheOfferAndKeepsTheRing) {
  doorbells.ring(2, 0b1);
  doorbells.set_hold(2, true);
  EXPECT_FALSE(doorbells.offered());
  doorbells.take(2, 0);
  EXPECT_EQ(doorbells.pending(2), 1U) << "taken too late";
  doorbells.set_hold(2, false);
  EXPECT_THAT(run(), ElementsAre(Pair(2, 0)));
}

TEST_F(CmdDoorbellTest, RoomForTheLastSlotOnly) {
  doorbells.ring(1, 1U << 31 | 1U);
  doorbells.set_room(false, true);
  EXPECT_THAT(run(), ElementsAre(Pair(1, 31)));
  doorbells.set_room(false, false);
  EXPECT_THAT(run(), IsEmpty());
  doorbells.set_room(true, true);
  EXPECT_THAT(run(), ElementsAre(Pair(1, 0)));
}

TEST_F(CmdDoorbellTest, AnOfferThatIsWithdrawnKeepsItsTurn) {
  doorbells.ring(1, 0b11);
  doorbells.ring(2, 0b1);
  doorbells.set_room(false, false);
  EXPECT_FALSE(doorbells.offered());
  doorbells.set_room(true, true);
  doorbells.set_hold(1, true);
  doorbells.set_hold(1, false);
  EXPECT_THAT(run(), ElementsAre(Pair(2, 0), Pair(1, 0), Pair(1, 1)))
      << "2 was offered meanwhile, and the turn of 1 is next";
}

/// The firmware says that it lacks room behind each take: the offer that stood by then must not
/// have had its turn.
TEST_F(CmdDoorbellTest, NobodyStarvesWhereThereIsRoomForOne) {
  doorbells.ring(1, ~0U);
  doorbells.ring(2, ~0U);
  std::vector<std::pair<int, int>> taken;
  for (int i = 0; i < 6; ++i) {
    const auto now = run(1, false);
    ASSERT_THAT(now, SizeIs(1));
    taken.push_back(now[0]);
    doorbells.set_room(false, false);
    doorbells.done(now[0].first, now[0].second);
    doorbells.set_room(true, true);
  }
  EXPECT_THAT(taken,
              ElementsAre(Pair(1, 0), Pair(2, 0), Pair(1, 1), Pair(2, 1), Pair(1, 2), Pair(2, 2)));
}

TEST_F(CmdDoorbellTest, ResetAndClearForget) {
  doorbells.ring(1, 0b11);
  EXPECT_THAT(run(1, false), ElementsAre(Pair(1, 0)));
  doorbells.reset(1);
  EXPECT_EQ(doorbells.pending(1) | doorbells.owned(1), 0U);
  EXPECT_FALSE(doorbells.offered());
  doorbells.ring(1, 0b11);
  doorbells.clear(1, 0b01);
  EXPECT_THAT(run(), ElementsAre(Pair(1, 1)));
}

TEST_F(CmdDoorbellTest, TellsOncePerOffer) {
  doorbells.ring(1, 0b1);
  doorbells.ring(1, 0b10);
  doorbells.ring(2, 0b1);
  EXPECT_EQ(told, 1);
  run();
  EXPECT_EQ(told, 3);
}

}  // namespace
}  // namespace vfsim::model
