#include "systemc/pcie/config_space.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/interface/layout.h"

namespace vfsim::model {
namespace {

class MockEvents : public ConfigEvents {
 public:
  MOCK_METHOD(void, flr_requested, (), (override));
  MOCK_METHOD(void, command_changed, (), (override));
  MOCK_METHOD(void, bar_changed, (), (override));
  MOCK_METHOD(void, msix_control_changed, (), (override));
  MOCK_METHOD(void, sriov_changed, (), (override));
};

ConfigIdentity identity(ConfigIdentity::Role role) {
  ConfigIdentity id;
  id.role = role;
  id.vendor = VF_PCI_VENDOR;
  id.device = role == ConfigIdentity::Role::vf ? VF_PCI_DEVICE_VF : VF_PCI_DEVICE_PF;
  id.bar0_bytes = role == ConfigIdentity::Role::vf ? 0 : 1ULL << VF_BAR_LOG_PF_BYTES;
  id.msix_vectors = VF_MSIX_VECTORS;
  id.msix_table = VF_BAR_MSIX_TABLE;
  id.msix_pba = VF_BAR_MSIX_PBA;
  id.total_vfs = 8;
  id.vf_device = VF_PCI_DEVICE_VF;
  id.vf_bar0_bytes = 1ULL << VF_BAR_LOG_VF_BYTES;
  return id;
}

/// The offset of a capability found as an operating system finds it; 0 if absent.
std::uint32_t find_cap(const ConfigSpace& config, std::uint32_t id) {
  std::uint32_t at = config.read(0x34, 1);
  for (int guard = 0; at != 0 && guard < 48; ++guard) {
    if (config.read(at, 1) == id) {
      return at;
    }
    at = config.read(at + 1, 1);
  }
  return 0;
}

std::uint32_t find_ext_cap(const ConfigSpace& config, std::uint32_t id) {
  std::uint32_t at = 0x100;
  for (int guard = 0; at != 0 && guard < 480; ++guard) {
    const std::uint32_t header = config.read(at, 4);
    if ((header & 0xffff) == id && header != 0) {
      return at;
    }
    at = header >> 20U;
  }
  return 0;
}

class PfConfigTest : public testing::Test {
 protected:
  testing::NiceMock<MockEvents> events_;
  ConfigSpace config_{identity(ConfigIdentity::Role::pf), events_};
  std::uint32_t sriov_ = find_ext_cap(config_, 0x10);
  std::uint32_t pcie_ = find_cap(config_, 0x10);
  std::uint32_t msix_ = find_cap(config_, 0x11);
};

TEST_F(PfConfigTest, identity_is_a_connectx_6_dx_ethernet_function) {
  EXPECT_EQ(config_.read(0, 4), 0x101d15b3U);
  EXPECT_EQ(config_.read(0x08, 4) >> 8U, 0x020000U);
  EXPECT_EQ(config_.read(0x0e, 1) & 0x7fU, 0U);
  EXPECT_NE(config_.read(0x06, 2) & 0x10U, 0U);  // capability list
  config_.write(0, 0xdeadbeef, 4);
  EXPECT_EQ(config_.read(0, 4), 0x101d15b3U);
}

TEST_F(PfConfigTest, bar0_is_64_bit_prefetchable_and_sizes) {
  EXPECT_CALL(events_, bar_changed()).Times(4);
  config_.write(0x10, 0xffffffff, 4);
  config_.write(0x14, 0xffffffff, 4);
  const std::uint64_t mask =
      static_cast<std::uint64_t>(config_.read(0x14, 4)) << 32U | config_.read(0x10, 4);
  EXPECT_EQ(mask & 0xfU, 0xcU);
  EXPECT_EQ(~(mask & ~0xfULL) + 1, 1ULL << VF_BAR_LOG_PF_BYTES);
  config_.write(0x10, 0x80400000, 4);
  config_.write(0x14, 0x4000, 4);
  EXPECT_EQ(config_.bar0(), 0x400080400000ULL);
  config_.write(0x18, 0xffffffff, 4);
  EXPECT_EQ(config_.read(0x18, 4), 0U);  // no other BAR
}

TEST_F(PfConfigTest, command_bits) {
  EXPECT_CALL(events_, command_changed()).Times(1);
  config_.write(0x04, 0xffff, 2);
  EXPECT_TRUE(config_.bus_master());
  EXPECT_TRUE(config_.memory_enable());
  EXPECT_EQ(config_.read(0x04, 2), 0x0546U);
  config_.write(0x04, 0x0546, 2);  // no change, no event
}

TEST_F(PfConfigTest, function_level_reset) {
  ASSERT_NE(pcie_, 0U);
  EXPECT_NE(config_.read(pcie_ + 4, 4) & 1U << 28U, 0U);
  EXPECT_CALL(events_, flr_requested()).Times(2);
  config_.write(pcie_ + 8, 0x7fff, 2);
  config_.write(pcie_ + 8, 0x8000, 2);
  EXPECT_EQ(config_.read(pcie_ + 8, 2) & 0x8000U, 0U);
  config_.write(pcie_ + 9, 0x80, 1);
}

TEST_F(PfConfigTest, reset_restores_power_on_values_silently) {
  config_.write(0x04, 0x6, 2);
  config_.write(0x10, 0x80400000, 4);
  config_.write(sriov_ + 0x10, 4, 2);
  config_.write(sriov_ + 0x08, 0x9, 2);
  EXPECT_CALL(events_, sriov_changed()).Times(0);
  EXPECT_CALL(events_, command_changed()).Times(0);
  config_.reset();
  EXPECT_FALSE(config_.bus_master());
  EXPECT_FALSE(config_.vf_enable());
  EXPECT_EQ(config_.num_vfs(), 0U);
  EXPECT_EQ(config_.bar0(), 0U);
}

TEST_F(PfConfigTest, payload_and_request_sizes) {
  EXPECT_EQ(config_.read(pcie_ + 4, 4) & 7U, 1U);  // 256 bytes supported
  EXPECT_EQ(config_.max_payload(), 128U);
  EXPECT_EQ(config_.max_read_request(), 512U);
  EXPECT_TRUE(config_.relaxed_ordering());
  EXPECT_CALL(events_, command_changed()).Times(1);
  config_.write(pcie_ + 8, 1U << 5U | 5U << 12U, 2);
  EXPECT_EQ(config_.max_payload(), 256U);
  EXPECT_EQ(config_.max_read_request(), 4096U);
  EXPECT_FALSE(config_.relaxed_ordering());
}

TEST_F(PfConfigTest, msix_capability) {
  ASSERT_NE(msix_, 0U);
  EXPECT_EQ(config_.read(msix_ + 2, 2) & 0x7ffU, VF_MSIX_VECTORS - 1U);
  EXPECT_EQ(config_.read(msix_ + 4, 4), static_cast<std::uint32_t>(VF_BAR_MSIX_TABLE));
  EXPECT_EQ(config_.read(msix_ + 8, 4), static_cast<std::uint32_t>(VF_BAR_MSIX_PBA));
  EXPECT_CALL(events_, msix_control_changed()).Times(2);
  config_.write(msix_ + 2, 0xc000, 2);
  EXPECT_TRUE(config_.msix_enable());
  EXPECT_TRUE(config_.msix_function_mask());
  config_.write(msix_, 0x80000000, 4);  // a dword write reaches message control too
  EXPECT_FALSE(config_.msix_function_mask());
  EXPECT_EQ(config_.read(msix_, 1), 0x11U);
}

TEST_F(PfConfigTest, sriov_read_only_fields) {
  ASSERT_NE(sriov_, 0U);
  EXPECT_NE(find_ext_cap(config_, 0x0e), 0U);
  EXPECT_EQ(config_.read(sriov_, 4) >> 16U & 0xfU, 1U);
  EXPECT_EQ(config_.read(sriov_ + 4, 4), 2U);  // no VF migration, ARI preserved
  for (const std::uint32_t value : {0U, 0xffffffffU}) {
    for (std::uint32_t reg = 0x0c; reg < 0x20; reg += 4) {
      config_.write(sriov_ + reg, value, 4);
    }
    EXPECT_EQ(config_.read(sriov_ + 0x0c, 2), 8U);  // InitialVFs = TotalVFs
    EXPECT_EQ(config_.read(sriov_ + 0x0e, 2), 8U);
    EXPECT_EQ(config_.read(sriov_ + 0x12, 1), 0U);
    EXPECT_EQ(config_.read(sriov_ + 0x14, 2), 1U);  // First VF Offset
    EXPECT_EQ(config_.read(sriov_ + 0x16, 2), 1U);  // VF Stride
    EXPECT_EQ(config_.read(sriov_ + 0x1a, 2), 0x101eU);
    EXPECT_EQ(config_.read(sriov_ + 0x1c, 4), 0x7ffU);
  }
  EXPECT_EQ(config_.read(sriov_ + 0x20, 4), 1U);
}

TEST_F(PfConfigTest, num_vfs_is_writable_only_while_vfs_are_disabled) {
  EXPECT_CALL(events_, sriov_changed()).Times(4);
  config_.write(sriov_ + 0x10, 5, 2);
  EXPECT_EQ(config_.num_vfs(), 5U);
  config_.write(sriov_ + 0x10, 9, 2);  // above TotalVFs
  EXPECT_EQ(config_.num_vfs(), 5U);
  config_.write(sriov_ + 0x08, 0x9, 2);
  EXPECT_TRUE(config_.vf_enable());
  EXPECT_TRUE(config_.vf_memory_enable());
  config_.write(sriov_ + 0x10, 2, 2);
  EXPECT_EQ(config_.num_vfs(), 5U);
  config_.write(sriov_ + 0x08, 0x0, 2);
  config_.write(sriov_ + 0x10, 2, 2);
  EXPECT_EQ(config_.num_vfs(), 2U);
}

TEST_F(PfConfigTest, sriov_control_has_no_migration_bits) {
  config_.write(sriov_ + 0x08, 0xffff, 2);
  EXPECT_EQ(config_.read(sriov_ + 0x08, 2), 0x0019U);
  EXPECT_EQ(config_.read(sriov_ + 0x0a, 2), 0U);
}

TEST_F(PfConfigTest, vf_bar_sizes_per_vf) {
  config_.write(sriov_ + 0x24, 0xffffffff, 4);
  config_.write(sriov_ + 0x28, 0xffffffff, 4);
  EXPECT_EQ(config_.read(sriov_ + 0x24, 4), 0xfff0000cU);  // 1 MiB
  EXPECT_EQ(config_.read(sriov_ + 0x28, 4), 0xffffffffU);
  config_.write(sriov_ + 0x24, 0x40100000, 4);
  config_.write(sriov_ + 0x28, 0x4001, 4);
  EXPECT_EQ(config_.vf_bar0(), 0x400140100000ULL);
}

TEST_F(PfConfigTest, accesses_outside_change_nothing) {
  config_.write(0xffc, 0xffffffff, 4);
  config_.write(0xffffffff, 0xffffffff, 4);
  EXPECT_EQ(config_.read(0xffc, 4), 0U);
  EXPECT_EQ(config_.read(0xffffffff, 4), 0U);
  EXPECT_EQ(config_.read(0, 8), 0U);
}

TEST(VfConfigTest, header_of_a_virtual_function) {
  testing::StrictMock<MockEvents> events;
  ConfigSpace config(identity(ConfigIdentity::Role::vf), events);
  EXPECT_EQ(config.read(0, 4), 0xffffffffU);
  config.write(0x10, 0xffffffff, 4);
  config.write(0x14, 0xffffffff, 4);
  EXPECT_EQ(config.read(0x10, 4), 0U);
  EXPECT_EQ(config.read(0x14, 4), 0U);
  EXPECT_EQ(config.read(0x3d, 1), 0U);  // no INTx
  EXPECT_CALL(events, command_changed()).Times(1);
  config.write(0x04, 0xffff, 2);
  EXPECT_EQ(config.read(0x04, 2), 0x4U);
  EXPECT_EQ(find_ext_cap(config, 0x10), 0U);
  EXPECT_NE(find_cap(config, 0x11), 0U);
  EXPECT_CALL(events, flr_requested()).Times(1);
  config.write(find_cap(config, 0x10) + 8, 0x8000, 2);
}

TEST(EndpointConfigTest, plain_function_has_no_extended_capability) {
  ConfigIdentity id = identity(ConfigIdentity::Role::endpoint);
  id.msix_vectors = 0;
  ConfigEvents events;
  const ConfigSpace config(id, events);
  EXPECT_EQ(config.read(0x100, 4), 0U);
  EXPECT_EQ(find_cap(config, 0x11), 0U);
  EXPECT_NE(find_cap(config, 0x10), 0U);
}

}  // namespace
}  // namespace vfsim::model
