#include <gtest/gtest.h>

#include "testbench/checkers/checker_rig.hpp"

namespace vfsim::bench {
namespace {

using model::Tlp;
using model::TlpKind;

constexpr model::FnRef kVf{0, 1};
constexpr model::FnRef kPeer{0, VF_MAX_FUNCTIONS};
constexpr std::uint64_t kVfWindow = 16ULL << 20;
constexpr std::uint64_t kPeerWindow = 17ULL << 20;
constexpr std::uint64_t kBytes = 1ULL << 20;

class RuleP2 : public testing::Test {
 protected:
  RuleP2() {
    rig_.learn_vhca(0, 1);
    rig_.rules().map_window(kVf, kVfWindow, kBytes);
    rig_.rules().map_window(kPeer, kPeerWindow, kBytes);
    rig_.rules().map_peers(kVf, kPeerWindow, kBytes);
  }
  static Tlp from_peer(std::uint64_t offset) {
    Tlp tlp;
    tlp.requester = CheckerRig::kPeer;
    tlp.addr = kVfWindow + offset;
    tlp.phys = tlp.addr;
    tlp.bytes = 8;
    return tlp;
  }
  Tlp read_of_peer() { return rig_.tlp(TlpKind::mem_read, kVf, kPeerWindow, 64); }
  void answer(Tlp tlp, std::uint32_t bytes, model::CplStatus status) {
    tlp.kind = TlpKind::completion;
    tlp.completer = CheckerRig::kPeer;
    tlp.status = status;
    tlp.bytes = bytes;
    tlp.last = true;
    rig_.received(0, tlp);
  }
  void migration() {
    const model::MigrationView view{0, 0, 1, true, ""};
    rig_.bus().emit<model::Probe::driver>(&model::Observer::migration, rig_.now(), view);
  }
  std::uint64_t violations() {
    rig_.rules().finish(rig_.now() + model::kMs);
    return rig_.violations("P2");
  }
  CheckerRig rig_;
};

TEST_F(RuleP2, BothDirections) {
  rig_.sent(0, from_peer(0));
  rig_.landed(0, from_peer(0));
  rig_.sent(0, read_of_peer());
  rig_.landed(0, read_of_peer());
  answer(read_of_peer(), 64, model::CplStatus::successful);
  EXPECT_EQ(rig_.evaluations("P2"), 3U);
  EXPECT_EQ(violations(), 0U);
}

TEST_F(RuleP2, DroppedWriteShowsWhenTheNextArrives) {
  rig_.sent(0, from_peer(0));
  rig_.advance(model::kNs);
  rig_.sent(0, from_peer(8));
  rig_.landed(0, from_peer(8));
  EXPECT_EQ(rig_.violations("P2"), 1U);
}

TEST_F(RuleP2, DroppedWriteShowsAtTheEnd) {
  rig_.sent(0, from_peer(0));
  EXPECT_EQ(violations(), 1U);
}

TEST_F(RuleP2, DroppedDoorbellAmongEqualAddresses) {
  for (const std::uint8_t value : {std::uint8_t{1}, std::uint8_t{2}}) {
    const std::uint8_t payload[8] = {value};
    rig_.sent(0, from_peer(0), payload);
    rig_.advance(model::kNs);
  }
  const std::uint8_t second[8] = {2};
  rig_.landed(0, from_peer(0), second);
  EXPECT_EQ(rig_.violations("P2"), 1U);
}

TEST_F(RuleP2, AResetDoesNotHideWhatWasLostBefore) {
  rig_.sent(0, from_peer(0));
  rig_.advance(model::kMs);
  rig_.bus().emit<model::Probe::function_reset>(&model::Observer::function_reset, rig_.now(), kVf);
  EXPECT_EQ(violations(), 1U);
}

TEST_F(RuleP2, AWriteUnderWayAtTheEndIsNotLost) {
  rig_.sent(0, from_peer(0));
  rig_.rules().finish(rig_.now() + model::kUs);
  EXPECT_EQ(rig_.violations("P2"), 0U);
}

TEST_F(RuleP2, Refused) {
  rig_.sent(0, from_peer(0));
  rig_.landed(0, from_peer(0), nullptr, false);
  EXPECT_EQ(violations(), 1U);
}

TEST_F(RuleP2, ArrivesTwice) {
  rig_.sent(0, from_peer(0));
  rig_.landed(0, from_peer(0));
  rig_.landed(0, from_peer(0));
  EXPECT_EQ(violations(), 1U);
}

TEST_F(RuleP2, ReadWithoutItsData) {
  rig_.sent(0, read_of_peer());
  rig_.landed(0, read_of_peer());
  answer(read_of_peer(), 32, model::CplStatus::successful);
  EXPECT_EQ(violations(), 1U);
}

TEST_F(RuleP2, ReadRefusedByItsTarget) {
  rig_.sent(0, read_of_peer());
  rig_.landed(0, read_of_peer());
  answer(read_of_peer(), 0, model::CplStatus::completer_abort);
  EXPECT_EQ(violations(), 1U);
}

TEST_F(RuleP2, StoppedTargetDuringAMigration) {
  migration();
  rig_.suspend(kVf, Half::initiator);
  rig_.sent(0, from_peer(0));
  rig_.landed(0, from_peer(0));  // P2P state: performed
  EXPECT_EQ(rig_.violations("P2"), 0U);
  rig_.suspend(kVf, Half::responder);
  rig_.sent(0, from_peer(8));
  rig_.landed(0, from_peer(8));
  EXPECT_EQ(rig_.violations("P2"), 1U);
}

TEST_F(RuleP2, AResetEndsWhatIsBetween) {
  rig_.sent(0, from_peer(0));
  rig_.bus().emit<model::Probe::function_reset>(&model::Observer::function_reset, rig_.now(), kVf);
  EXPECT_EQ(violations(), 0U);
}

TEST_F(RuleP2, MemoryIsNoPeer) {
  rig_.dma_write(kVf, 0x1000, CheckerRig::Bytes(64));
  EXPECT_EQ(rig_.evaluations("P2"), 0U);
}

}  // namespace
}  // namespace vfsim::bench
