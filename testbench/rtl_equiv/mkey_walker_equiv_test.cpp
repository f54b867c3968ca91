// Key walkers: the same random requests into the SystemC model and into the verilated block, while
// keys and pages change. mkey_walker_pair.hpp says which differences are legal.
#include <filesystem>
#include <random>

#include "testbench/rtl_equiv/mkey_walker_pair.hpp"

namespace vfsim::bench {
namespace {

using model::kNs;
using model::WalkRequest;

constexpr std::uint32_t kFns = 4;
constexpr std::uint32_t kKeys = 6;
constexpr std::uint32_t kEntries = 128;

class MkeyWalkerEquiv : public MkeyWalkerPair {
 protected:
  MkeyWalkerEquiv() {
    for (std::uint32_t i = 0; i < kEntries; ++i) {
      ram_->mtt[i] = page();
    }
    for (std::uint32_t i = 0; i < kFns * kKeys; ++i) {
      key(i / kKeys, i % kKeys) = random_key();
    }
  }

  std::uint32_t any(std::uint32_t below) { return static_cast<std::uint32_t>(rng_() % below); }
  bool once_in(std::uint32_t n) { return any(n) == 0; }
  std::uint64_t page() { return rng_() & 0xffff'ffff'f000; }

  vf_mkey random_key() {
    vf_mkey k{};
    k.valid = !once_in(12);
    k.mode = once_in(6) ? VF_MKC_MODE_PA : VF_MKC_MODE_MTT;
    k.key = static_cast<std::uint8_t>(any(2));
    k.local_read = !once_in(8);
    k.local_write = !once_in(8);
    k.relaxed_read = once_in(2);
    k.relaxed_write = once_in(2);
    k.length64 = once_in(8);
    k.gen = static_cast<std::uint16_t>(any(3));
    k.pd = any(2);
    k.pages = {any(kEntries - 8), 1 + any(7), static_cast<std::uint8_t>(12 + any(3)), {}};
    k.start = any(0x10000);
    k.len = (std::uint64_t{k.pages.pages} << k.pages.log_page) - any(0x2000);
    return k;
  }

  WalkRequest random_request() {
    WalkRequest r;
    r.fn = static_cast<std::uint8_t>(any(kFns));
    const std::uint32_t index = any(kKeys);
    const vf_mkey& k = key(r.fn, index);
    r.mkey = once_in(40) ? any(~0U) : (VF_MKEY_BASE + index) << 8 | (once_in(16) ? 7U : k.key);
    r.pd = once_in(3) ? model::kAnyPd : once_in(12) ? 5 : k.pd;
    r.bytes = once_in(8) ? any(2) : any(0x1800);
    r.addr = once_in(10) ? rng_() : k.start + any(0x8000) - any(4);
    r.write = once_in(2);
    r.resume = once_in(4);
    r.gen = once_in(6) ? static_cast<std::uint16_t>(any(3)) : k.gen;
    return r;
  }

  void change() {
    if (once_in(2)) {
      const std::uint32_t fn = any(kFns);
      const std::uint32_t index = any(kKeys);
      key(fn, index) = random_key();
      keys_changed(fn, once_in(4) ? 0 : index, VF_MKEY_COUNT - index);
    } else {
      const std::uint32_t first = any(kEntries - 8);
      const std::uint32_t count = 1 + any(8);
      for (std::uint32_t i = first; i < first + count; ++i) {
        ram_->mtt[i] = page();
      }
      entries_changed(first, count);
    }
  }

  std::mt19937_64 rng_{11};
};

TEST_F(MkeyWalkerEquiv, RandomRequestsAndChanges) {
  constexpr std::uint64_t kRequests = 40000;
  for (std::uint64_t i = 0; i < kRequests && !histories_.differ(); ++i) {
    (void)request(random_request());
    for (std::uint32_t burst = once_in(8) ? any(6) : once_in(4) ? 1 : 0; burst > 0; --burst) {
      change();
    }
    advance(1 + (once_in(6) ? any(30) * kNs : any(4000)));
  }
  advance(1000 * model::kUs);
  expect_equal();
  EXPECT_EQ(histories_.compared(), kRequests);
  EXPECT_GT(overtaken_, kRequests / 20) << "changes in the middle of walks";
}

TEST_F(MkeyWalkerEquiv, AnUnannouncedChangeIsFound) {
  vf_mkey& k = key(1, 0);
  k = {};
  k.valid = k.local_read = 1;
  k.mode = VF_MKC_MODE_MTT;
  k.len = 4096;
  k.pages = {5, 1, 12, {}};
  WalkRequest r;
  r.fn = 1;
  r.mkey = VF_MKEY_BASE << 8;
  r.bytes = 64;
  for (int i = 0; i < 2; ++i) {
    (void)request(r);
    advance(100 * kNs);
    ram_->mtt[5] = 0xdead000;  // nobody is told: the cache goes on with the page of before
  }
  histories_.finish();
  EXPECT_TRUE(histories_.differ());
  EXPECT_NE(histories_.report().find("dead000"), std::string::npos) << histories_.report();
  EXPECT_TRUE(wave_written_ && std::filesystem::file_size(wave_) > 1000);
}

}  // namespace
}  // namespace vfsim::bench
