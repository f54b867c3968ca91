// Whatever changes a memory key or a translation entry is announced to the hardware that may have
// kept it.
#include <algorithm>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "firmware/core/migration_rig.hpp"
#include "firmware/core/object_rig.hpp"

namespace vfsim::fwtest {
namespace {

constexpr std::uint32_t kFunctions = 4;
constexpr std::uint32_t kEntries = 4096;  // watched translation entries

/// Keys and entries as they were, and what has been announced since.
class Watch {
 public:
  explicit Watch(MockNic& nic) : nic_(nic) { again(); }

  void again() {
    keys_.clear();
    for (std::uint32_t fn = 0; fn < kFunctions; ++fn) {
      keys_.insert(keys_.end(), std::begin(nic_.ctx(fn).mkey), std::end(nic_.ctx(fn).mkey));
    }
    mtt_.assign(nic_.ram().mtt, nic_.ram().mtt + kEntries);
    nic_.key_changes.clear();
    nic_.mtt_changes.clear();
  }

  /// Valid before or now, and different.
  [[nodiscard]] std::size_t changed_keys() const {
    return keys([](auto, auto) { return true; });
  }
  [[nodiscard]] std::size_t silent_keys() const {
    return keys([this](std::uint32_t fn, std::uint32_t number) {
      return std::none_of(nic_.key_changes.begin(), nic_.key_changes.end(), [&](const auto& c) {
        return c.first == fn && (c.second == 0 || c.second == number);
      });
    });
  }
  [[nodiscard]] std::size_t changed_entries() const {
    return entries([](auto) { return true; });
  }
  [[nodiscard]] std::size_t silent_entries() const {
    return entries([this](std::uint32_t entry) {
      return std::none_of(nic_.mtt_changes.begin(), nic_.mtt_changes.end(), [&](const auto& c) {
        return entry >= c.first && entry - c.first < c.second;
      });
    });
  }

 private:
  template <class Which>
  [[nodiscard]] std::size_t keys(const Which& which) const {
    std::size_t count = 0;
    for (std::uint32_t fn = 0; fn < kFunctions; ++fn) {
      for (std::uint32_t i = 0; i < VF_MKEY_COUNT; ++i) {
        const vf_mkey& before = keys_[fn * VF_MKEY_COUNT + i];
        const vf_mkey& now = nic_.ctx(fn).mkey[i];
        const bool differs =
            (before.valid != 0 || now.valid != 0) && std::memcmp(&before, &now, sizeof now) != 0;
        count += differs && which(fn, VF_MKEY_BASE + i) ? 1 : 0;
      }
    }
    return count;
  }
  template <class Which>
  [[nodiscard]] std::size_t entries(const Which& which) const {
    std::size_t count = 0;
    for (std::uint32_t i = 0; i < kEntries; ++i) {
      count += mtt_[i] != nic_.ram().mtt[i] && which(i) ? 1 : 0;
    }
    return count;
  }

  MockNic& nic_;
  std::vector<vf_mkey> keys_;
  std::vector<std::uint64_t> mtt_;
};

TEST(Announce, CreateAndDestroy) {
  Objects o;
  const std::uint32_t pd = o.pd();
  Watch watch(o.nic);
  const std::uint32_t key = o.made(Objects::mkey_in(pd, 3, 3 * 4096));
  ASSERT_NE(key, 0U);
  EXPECT_EQ(watch.changed_keys(), 1U);
  EXPECT_EQ(watch.changed_entries(), 3U);
  EXPECT_EQ(watch.silent_keys() + watch.silent_entries(), 0U);
  watch.again();
  ASSERT_TRUE(o.on(VF_OP_DESTROY_MKEY, key).ok());
  EXPECT_EQ(watch.changed_keys(), 1U);
  EXPECT_EQ(watch.silent_keys(), 0U);
  EXPECT_EQ(o.nic.key_changes.size(), 1U);
}

TEST(Announce, AnEntryThatIsUsedAgain) {
  Objects o;
  const std::uint32_t pd = o.pd();
  const std::uint32_t key = o.made(Objects::mkey_in(pd, 4, 4 * 4096));
  ASSERT_TRUE(o.on(VF_OP_DESTROY_MKEY, key).ok());
  Watch watch(o.nic);
  Bytes in = Objects::mkey_in(pd, 4, 4 * 4096);
  for (std::size_t i = in.size() - 4 * 8; i < in.size(); i += 8) {
    in[i + 2] ^= 0x55;  // other pages in the same entries
  }
  ASSERT_NE(o.made(in), 0U);
  EXPECT_EQ(watch.changed_entries(), 4U);
  EXPECT_EQ(watch.silent_entries(), 0U);
}

TEST(Announce, AllKeysOfAResetAtOnce) {
  Objects o(1);
  const std::uint32_t pd = o.pd();
  for (int i = 0; i < 5; ++i) {
    ASSERT_NE(o.made(Objects::mkey_in(pd, 3, 3 * 4096)), 0U);
  }
  Watch watch(o.nic);
  o.nic.flr(1);
  o.nic.poll();
  EXPECT_EQ(watch.changed_keys(), 5U);
  EXPECT_EQ(watch.silent_keys(), 0U);
  EXPECT_EQ(o.nic.key_changes.size(), 1U);
}

TEST(Announce, LoadOfAnImage) {
  Rig a;
  a.populate(1);
  ASSERT_TRUE(a.stop(1));
  const Bytes image = a.save(1).image;
  Rig b;
  ASSERT_TRUE(b.stop(2));
  Watch watch(b.nic);
  ASSERT_TRUE(b.load(2, image).ok());
  EXPECT_GT(watch.changed_keys(), 1U);
  EXPECT_GT(watch.changed_entries(), 1U);
  EXPECT_EQ(watch.silent_keys() + watch.silent_entries(), 0U);
  watch.again();
  ASSERT_TRUE(b.load(2, image).ok()) << "replaces what was there";
  EXPECT_EQ(watch.silent_keys() + watch.silent_entries(), 0U);
}

}  // namespace
}  // namespace vfsim::fwtest
