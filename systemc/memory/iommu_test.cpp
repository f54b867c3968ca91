#include "systemc/memory/iommu.hpp"

#include <gtest/gtest.h>

namespace vfsim::model {
namespace {

constexpr Rid kVf = 0x101;

TEST(IommuTest, a_requester_without_domain_reaches_nothing) {
  Iommu iommu;
  EXPECT_FALSE(iommu.translate(kVf, 0, 1, false).has_value());
  EXPECT_FALSE(iommu.translate(0xffff, 0, 1, true).has_value());
  iommu.map(kVf, {0x1000, 0x1000, 0x9000});
  EXPECT_FALSE(iommu.translate(kVf + 1, 0x1000, 1, false).has_value());
}

TEST(IommuTest, requests_must_lie_in_one_range) {
  Iommu iommu;
  EXPECT_TRUE(iommu.map(kVf, {0x1000, 0x1000, 0x9000}));
  EXPECT_TRUE(iommu.map(kVf, {0x2000, 0x1000, 0x5000}));
  EXPECT_EQ(iommu.translate(kVf, 0x1ff0, 16, true), 0x9ff0U);
  EXPECT_FALSE(iommu.translate(kVf, 0x1ff0, 17, true).has_value());
  EXPECT_EQ(iommu.translate(kVf, 0x2000, 0x1000, true), 0x5000U);
  EXPECT_FALSE(iommu.translate(kVf, 0x0fff, 1, true).has_value());
  EXPECT_FALSE(iommu.translate(kVf, 0x3000, 0, true).has_value());
  EXPECT_FALSE(iommu.translate(kVf, ~0ULL, 16, true).has_value());
}

TEST(IommuTest, permissions) {
  Iommu iommu;
  iommu.map(kVf, {0x1000, 0x1000, 0, true, false});
  iommu.map(kVf, {0x2000, 0x1000, 0, false, true});
  EXPECT_TRUE(iommu.translate(kVf, 0x1000, 4, false).has_value());
  EXPECT_FALSE(iommu.translate(kVf, 0x1000, 4, true).has_value());
  EXPECT_FALSE(iommu.translate(kVf, 0x2000, 4, false).has_value());
  EXPECT_TRUE(iommu.translate(kVf, 0x2000, 4, true).has_value());
}

TEST(IommuTest, overlaps_and_nonsense_are_refused) {
  Iommu iommu;
  EXPECT_TRUE(iommu.map(kVf, {0x4000, 0x4000, 0}));
  EXPECT_FALSE(iommu.map(kVf, {0x4000, 0x1000, 0}));
  EXPECT_FALSE(iommu.map(kVf, {0x7fff, 0x1000, 0}));
  EXPECT_FALSE(iommu.map(kVf, {0x3000, 0x1001, 0}));
  EXPECT_FALSE(iommu.map(kVf, {0x0, 0x10000, 0}));
  EXPECT_FALSE(iommu.map(kVf, {0x10000, 0, 0}));
  EXPECT_FALSE(iommu.map(kVf, {~0ULL, 2, 0}));
  EXPECT_TRUE(iommu.map(kVf, {0x3000, 0x1000, 0}));
  EXPECT_TRUE(iommu.map(kVf, {0x8000, 0x1000, 0}));
}

TEST(IommuTest, unmap_takes_whole_ranges_only) {
  Iommu iommu;
  iommu.map(kVf, {0x1000, 0x1000, 0});
  iommu.map(kVf, {0x2000, 0x1000, 0});
  EXPECT_TRUE(iommu.translate(kVf, 0x2000, 4, true).has_value());
  iommu.unmap(kVf, 0x1800, 0x1800);
  EXPECT_TRUE(iommu.translate(kVf, 0x1000, 4, true).has_value());
  EXPECT_FALSE(iommu.translate(kVf, 0x2000, 4, true).has_value());
  iommu.clear(kVf);
  EXPECT_FALSE(iommu.translate(kVf, 0x1000, 4, true).has_value());
}

}  // namespace
}  // namespace vfsim::model
