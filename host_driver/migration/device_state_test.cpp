// Configuration space, reset, and the peer device.
#include <vector>

#include <gtest/gtest.h>

#include "firmware/interface/layout.h"
#include "host_driver/migration/bytes.hpp"
#include "host_driver/migration/peer_device.hpp"
#include "host_driver/migration/vf_config.hpp"
#include "host_driver/platform/fake_os.hpp"
#include "host_driver/platform/fake_platform.hpp"

namespace vfsim::driver {
namespace {

using S = MigState;

/// Capability list: MSI-X at 0x40, PCI Express at 0x60.
void add_capabilities(FakePlatform& function) {
  function.config_write(0x06, 0x10, 2);
  function.config_write(0x34, 0x40, 1);
  function.config_write(0x40, kPciCapMsix | 0x60 << 8, 2);
  function.config_write(0x60, kPciCapExpress, 2);
}

TEST(VfConfig, TravelsWithTableBarsAndControl) {
  FakeOs os;
  FakePlatform source(os), target(os);
  add_capabilities(source);
  add_capabilities(target);
  source.config_write(0x04, 0x0404, 2);
  source.config_write(0x42, 0x801f, 2);
  source.config_write(0x68, 0x2930, 2);
  write_le32(source, VF_BAR_MSIX_TABLE, 0xfee01000);
  write_le32(source, VF_BAR_MSIX_TABLE + 31 * 16 + 8, 0x4041);
  auto saved = save_vf_config(source, {0xc000000c, 0x12, 0, 0, 0, 0});
  ASSERT_TRUE(saved);
  auto bars = restore_vf_config(target, saved.value());
  ASSERT_TRUE(bars);
  EXPECT_EQ(bars.value()[0], 0xc000000cU);
  EXPECT_EQ(target.config_read(0x04, 2), 0x0404U);
  EXPECT_EQ(target.config_read(0x42, 2) & 0xc000U, 0x8000U);
  EXPECT_EQ(target.config_read(0x68, 2), 0x2930U);
  EXPECT_EQ(read_le32(target, VF_BAR_MSIX_TABLE), 0xfee01000U);
  EXPECT_EQ(read_le32(target, VF_BAR_MSIX_TABLE + 31 * 16 + 8), 0x4041U);
  EXPECT_EQ(save_vf_config(target, bars.value()).value().size(), saved.value().size());
}

TEST(VfConfig, RefusesWhatIsNoSuchSpace) {
  FakeOs os;
  FakePlatform function(os);
  add_capabilities(function);
  auto saved = save_vf_config(function, {}).value();
  auto flipped = saved;
  flipped[20] ^= 1;
  EXPECT_EQ(restore_vf_config(function, flipped).error().code, EINVAL);
  saved.pop_back();
  EXPECT_EQ(restore_vf_config(function, saved).error().code, EINVAL);
}

TEST(VfConfig, ResetSetsTheFlrBitAndWaits) {
  FakeOs os;
  FakePlatform function(os);
  add_capabilities(function);
  function.config_write(0x04, 0x0406, 2);
  function.config_write(0x68, 0x2910, 2);
  bool flr = false;
  function.on_config_write([&](std::uint32_t reg, std::uint32_t value, std::uint32_t) {
    if (reg == 0x68 && (value & 0x8000) != 0) {
      flr = true;
      function.config_write(0x04, 0, 2);
      function.config_write(0x68, 0, 2);
    }
  });
  const Nanoseconds before = os.now();
  ASSERT_TRUE(reset_function(function));
  EXPECT_TRUE(flr);
  EXPECT_GE(os.now() - before, std::chrono::milliseconds(100));
  EXPECT_EQ(function.config_read(0x04, 2), 0x0406U);
  EXPECT_EQ(function.config_read(0x68, 2), 0x2910U);
}

/// Registers of the peer device: drained as soon as the initiator is stopped.
void make_peer(FakePlatform& peer) {
  peer.on_read([&peer](std::uint64_t offset) -> std::optional<std::uint32_t> {
    return offset == VF_PEER_REG_STATUS ? std::optional<std::uint32_t>(swap32(1)) : std::nullopt;
  });
}

TEST(PeerDevice, StateTravels) {
  FakeOs os;
  FakePlatform a(os), b(os);
  make_peer(a);
  make_peer(b);
  write_le32(a, VF_PEER_REG_CTRL, 4);
  write_le32(a, VF_PEER_REG_DB_COUNT, 17);
  write_le32(a, VF_PEER_REG_DB_ADDR_LO, 0x5008);
  write_le32(a, VF_PEER_MEM + VF_PEER_MEM_BYTES - 4, 0xdeadbeef);
  PeerVfioDevice source(a), target(b);
  EXPECT_EQ(source.migration_flags(), 3U);
  ASSERT_TRUE(source.set_state(S::running_p2p));
  EXPECT_EQ(read_le32(a, VF_PEER_REG_CTRL), 5U);
  auto out = source.set_state(S::stop_copy);
  ASSERT_TRUE(out);
  EXPECT_EQ(read_le32(a, VF_PEER_REG_CTRL), 7U);
  auto in = target.set_state(S::resuming);
  ASSERT_TRUE(in);
  for (;;) {
    auto piece = out.value()->read(1000, false).value();
    if (piece.empty()) {
      break;
    }
    ASSERT_TRUE(in.value()->write(piece.data(), piece.size()));
  }
  ASSERT_TRUE(target.set_state(S::stop));
  EXPECT_EQ(read_le32(b, VF_PEER_REG_CTRL), 7U);
  ASSERT_TRUE(target.set_state(S::running));
  EXPECT_EQ(read_le32(b, VF_PEER_REG_CTRL), 4U);
  EXPECT_EQ(read_le32(b, VF_PEER_REG_DB_COUNT), 17U);
  EXPECT_EQ(read_le32(b, VF_PEER_MEM + VF_PEER_MEM_BYTES - 4), 0xdeadbeefU);
  EXPECT_EQ(in.value()->write(nullptr, 0).error().code, ENODEV);
}

TEST(PeerDevice, BadImageKeepsResuming) {
  FakeOs os;
  FakePlatform function(os);
  make_peer(function);
  PeerVfioDevice peer(function);
  auto in = peer.set_state(S::resuming);
  const std::uint8_t junk[4] = {1, 2, 3, 4};
  ASSERT_TRUE(in.value()->write(junk, 4));
  EXPECT_EQ(peer.set_state(S::stop).error().code, EINVAL);
  EXPECT_EQ(peer.state().value(), S::resuming);
  ASSERT_TRUE(peer.reset());
  EXPECT_EQ(peer.state().value(), S::running);
  EXPECT_EQ(peer.set_state(S::pre_copy).error().code, EINVAL);
}

TEST(PeerDevice, ReportsFromItsImageWhileItIsStopped) {
  FakeOs os;
  FakePlatform function(os);
  make_peer(function);
  PeerVfioDevice peer(function);
  ASSERT_TRUE(peer.logging_start(4096, {{0, 1 << 20}}));
  write_le32(function, VF_PEER_REG_DB_ADDR_LO, 0x7008);
  ASSERT_TRUE(peer.set_state(S::stop_copy));
  write_le32(function, VF_PEER_REG_DB_ADDR_LO, 0);  // what a stopped responder reads as
  EXPECT_EQ(peer.logging_report(0, 1 << 20).value(), std::vector<std::uint64_t>{0x7000});
}

TEST(PeerDevice, ReportsThePageItWritesTo) {
  FakeOs os;
  FakePlatform function(os);
  PeerVfioDevice peer(function);
  EXPECT_EQ(peer.logging_report(0, 1 << 20).error().code, EINVAL);
  ASSERT_TRUE(peer.logging_start(4096, {{0, 1 << 20}}));
  write_le32(function, VF_PEER_REG_DB_ADDR_LO, 0x5008);
  EXPECT_EQ(peer.logging_report(0, 1 << 20).value(), std::vector<std::uint64_t>{0x5000});
  write_le32(function, VF_PEER_REG_DB_ADDR_HI, 0x4000);
  EXPECT_TRUE(peer.logging_report(0, 1 << 20).value().empty());
}

}  // namespace
}  // namespace vfsim::driver
