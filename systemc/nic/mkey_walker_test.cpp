#include <cstdlib>
#include <memory>

#include <gtest/gtest.h>

#include "systemc/nic/mkey_walker_tlm.hpp"
#include "systemc/nic/page_run.hpp"

namespace vfsim::model {
namespace {

constexpr std::uint32_t kFn = 3;
constexpr std::uint32_t kPd = 7;
constexpr std::uint32_t kKey = (VF_MKEY_BASE + 5) << 8 | 0x21;

struct RamDeleter {
  void operator()(vf_context_ram* ram) const { std::free(ram); }
};

class MkeyWalkerTest : public testing::Test {
 protected:
  MkeyWalkerTest()
      : ram_(static_cast<vf_context_ram*>(std::calloc(1, sizeof(vf_context_ram)))), walker_(*ram_) {
    vf_mkey& key = this->key();
    key.valid = 1;
    key.mode = VF_MKC_MODE_MTT;
    key.key = 0x21;
    key.local_read = 1;
    key.local_write = 1;
    key.pd = kPd;
    key.start = 0x10000800;  // begins inside its first page
    key.len = 0x2000;
    key.pages = {100, 3, 12, {}};
    ram_->mtt[100] = 0xa000;
    ram_->mtt[101] = 0xc000;
    ram_->mtt[102] = 0x5000;
  }
  vf_mkey& key() { return ram_->fn[kFn].mkey[5]; }
  bool start(std::uint64_t addr, std::uint32_t bytes, bool write = false) {
    return ask(kFn, kKey, kPd, addr, bytes, write) == VF_WALK_OK;
  }
  std::uint8_t ask(std::uint32_t fn, std::uint32_t mkey, std::uint32_t pd, std::uint64_t addr,
                   std::uint32_t bytes, bool write) {
    answer_ =
        walker_.answer_to({addr, mkey, pd, bytes, 0, static_cast<std::uint8_t>(fn), write, false});
    return answer_.result;
  }
  /// The page of `addr`, in a transfer that began with the last answer.
  std::uint8_t resume(std::uint64_t addr) {
    answer_ = walker_.answer_to({addr, kKey, kAnyPd, 0, answer_.gen, kFn, false, true});
    return answer_.result;
  }

  std::unique_ptr<vf_context_ram, RamDeleter> ram_;
  MkeyWalkerTlm walker_;
  WalkAnswer answer_;
};

TEST_F(MkeyWalkerTest, walks_pages_from_an_unaligned_start) {
  ASSERT_TRUE(start(0x10000800, 0x2000));
  EXPECT_EQ(answer_.addr, 0xa800U);
  EXPECT_EQ(answer_.run, 0x800U);
  ASSERT_EQ(resume(0x10001000), VF_WALK_OK);
  EXPECT_EQ(answer_.addr, 0xc000U);
  EXPECT_EQ(answer_.run, 0x1000U);
  ASSERT_EQ(resume(0x10002000), VF_WALK_OK);
  EXPECT_EQ(answer_.addr, 0x5000U);
}

TEST_F(MkeyWalkerTest, checks_bounds) {
  EXPECT_TRUE(start(0x10002000, 0x800));
  EXPECT_FALSE(start(0x10002000, 0x801));
  EXPECT_FALSE(start(0x100007ff, 1));
  EXPECT_FALSE(start(~0ULL, 2));
  key().length64 = 1;  // the page list still bounds it
  EXPECT_TRUE(start(0x10002000, 0x1000));
  EXPECT_FALSE(start(0x10002000, 0x1001));
}

TEST_F(MkeyWalkerTest, checks_key_byte_validity_domain_and_owner) {
  EXPECT_EQ(ask(kFn, kKey ^ 1, kPd, 0x10001000, 4, false), VF_WALK_NO_KEY);
  EXPECT_EQ(ask(kFn, kKey, kPd + 1, 0x10001000, 4, false), VF_WALK_DOMAIN);
  EXPECT_EQ(ask(kFn, kKey, kAnyPd, 0x10001000, 4, false), VF_WALK_OK);
  EXPECT_EQ(ask(kFn + 1, kKey, kPd, 0x10001000, 4, false), VF_WALK_NO_KEY);
  EXPECT_EQ(ask(kFn, 0xffffffff, kPd, 0x10001000, 4, false), VF_WALK_NO_KEY);
  key().valid = 0;
  EXPECT_FALSE(start(0x10001000, 4));
}

TEST_F(MkeyWalkerTest, checks_rights) {
  key().local_write = 0;
  EXPECT_FALSE(start(0x10001000, 4, true));
  EXPECT_TRUE(start(0x10001000, 4, false));
  key().local_read = 0;
  EXPECT_FALSE(start(0x10001000, 4, false));
  EXPECT_EQ(answer_.result, VF_WALK_RIGHT);
}

TEST_F(MkeyWalkerTest, physical_mode_is_the_identity_within_bounds) {
  key().mode = VF_MKC_MODE_PA;
  ASSERT_TRUE(start(0x10001234, 16));
  EXPECT_EQ(answer_.addr, 0x10001234U);
  EXPECT_FALSE(start(0x20000000, 16));
  key().length64 = 1;
  EXPECT_TRUE(start(0x20000000, 16));
}

TEST_F(MkeyWalkerTest, a_recreated_key_stops_a_running_transfer) {
  ASSERT_TRUE(start(0x10000800, 0x2000));
  key().gen++;
  EXPECT_EQ(resume(0x10001000), VF_WALK_CHANGED);
}

TEST_F(MkeyWalkerTest, a_page_list_outside_the_table_gives_nothing) {
  key().pages.mtt = VF_MTT_COUNT - 1;
  EXPECT_FALSE(start(0x10000800, 0x1000));
  EXPECT_EQ(page_run(*ram_, {0, 2, 12, {}}, 0x2000).bytes, 0U);
}

}  // namespace
}  // namespace vfsim::model
