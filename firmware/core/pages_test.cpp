// Pages that drivers lend the firmware.
#include <gtest/gtest.h>

#include "firmware/core/object_rig.hpp"

namespace vfsim::fwtest {
namespace {

Bytes manage(std::uint32_t op_mod, std::uint32_t function_id, std::uint32_t count) {
  Bytes in = command(VF_OP_MANAGE_PAGES, op_mod);
  VF_SET(manage_pages_in, in.data(), function_id, function_id);
  VF_SET(manage_pages_in, in.data(), input_num_entries, count);
  return in;
}
Bytes give(std::uint32_t function_id, std::uint32_t count, std::uint64_t first = 0x10'0000) {
  return with_pages(manage(VF_PAGES_GIVE, function_id, count), count, first);
}

class Pages : public testing::Test {
 protected:
  MockNic nic;
  void SetUp() override { ASSERT_TRUE(nic.enable(0).ok() && nic.enable(1).ok()); }
  std::int32_t wanted(std::uint32_t fn, std::uint32_t kind, std::uint32_t function_id = 0) {
    Bytes in = command(VF_OP_QUERY_PAGES, kind);
    VF_SET(query_pages_in, in.data(), function_id, function_id);
    const Reply r = nic.run(fn, in);
    EXPECT_TRUE(r.ok());
    EXPECT_EQ(VF_GET(query_pages_out, r.out.data(), function_id), function_id);
    return static_cast<std::int32_t>(VF_GET(query_pages_out, r.out.data(), num_pages));
  }
  std::vector<std::uint64_t> take(std::uint32_t fn, std::uint32_t function_id, std::uint32_t count,
                                  std::uint32_t room) {
    const Reply r = nic.run(fn, manage(VF_PAGES_TAKE, function_id, count), 16 + room * 8);
    EXPECT_TRUE(r.ok());
    std::vector<std::uint64_t> pages(VF_GET(manage_pages_out, r.out.data(), output_num_entries));
    EXPECT_LE(pages.size(), std::min(count, room));
    for (std::size_t i = 0; i < pages.size(); ++i) {
      pages[i] = vf_be64_load(&r.out[16 + i * 8]);
    }
    return pages;
  }
  void bad(const Reply& r, std::uint32_t status, std::uint32_t syndrome) {
    EXPECT_EQ(r.status(), status);
    EXPECT_EQ(r.syndrome(), syndrome);
  }
};

TEST_F(Pages, AskedForAtBootAndInitPerFunction) {
  for (const std::uint32_t fn : {0U, 1U}) {
    const std::int32_t boot = wanted(fn, VF_PAGES_BOOT);
    EXPECT_TRUE(boot >= 1 && boot <= 4);
    EXPECT_TRUE(nic.run(fn, give(0, static_cast<std::uint32_t>(boot))).ok());
    EXPECT_EQ(wanted(fn, VF_PAGES_BOOT), 0);
    const std::int32_t init = wanted(fn, VF_PAGES_INIT);
    EXPECT_GT(init, 0);
    EXPECT_TRUE(nic.run(fn, give(0, static_cast<std::uint32_t>(init), 0x20'0000)).ok());
    EXPECT_EQ(wanted(fn, VF_PAGES_INIT), 0);
    EXPECT_EQ(wanted(fn, VF_PAGES_REGULAR), 0);
  }
}

TEST_F(Pages, GivingNothingIsFine) {
  EXPECT_TRUE(nic.run(0, give(0, 0)).ok());
}

TEST_F(Pages, BadAddressesAreRefusedAsAWhole) {
  ASSERT_TRUE(nic.run(1, give(0, 2)).ok());
  bad(nic.run(1, give(0, 2, 0)), VF_STATUS_BAD_PARAM, VF_SYND_BAD_PAGE_ADDRESS);
  bad(nic.run(1, give(0, 2, 0x30'0800)), VF_STATUS_BAD_PARAM, VF_SYND_BAD_PAGE_ADDRESS);
  bad(nic.run(1, give(0, 2, 0x10'0000 - 4096)), VF_STATUS_BAD_PARAM, VF_SYND_BAD_PAGE_ADDRESS);
  Bytes in = give(0, 2, 0x40'0000);
  vf_be64_store(&in[24], 0x40'0000);
  bad(nic.run(1, in), VF_STATUS_BAD_PARAM, VF_SYND_BAD_PAGE_ADDRESS);
  in = give(0, 3, 0x50'0000);
  in.resize(in.size() - 1);
  bad(nic.run(1, in), VF_STATUS_BAD_INPUT_LEN, VF_SYND_SHORT_INPUT);
  EXPECT_EQ(take(1, 0, 100, 100).size(), 2U);
}

TEST_F(Pages, TakenBackOnceEachUntilNoneIsLeft) {
  ASSERT_TRUE(nic.run(0, give(0, 900)).ok());
  std::set<std::uint64_t> back;
  for (std::size_t got = 1; got > 0;) {
    const auto pages = take(0, 0, 768, 500);
    got = pages.size();
    for (const std::uint64_t page : pages) {
      EXPECT_TRUE(page >= 0x10'0000 && page < 0x10'0000 + 900 * 4096 && page % 4096 == 0);
      EXPECT_TRUE(back.insert(page).second);
    }
  }
  EXPECT_EQ(back.size(), 900U);
}

TEST_F(Pages, RunningFunctionKeepsWhatItNeeds) {
  ASSERT_TRUE(nic.run(1, give(0, 30)).ok());
  ASSERT_TRUE(nic.run(1, command(VF_OP_INIT_HCA)).ok());
  EXPECT_EQ(take(1, 0, 100, 100).size(), 10U);
  ASSERT_TRUE(nic.run(1, command(VF_OP_TEARDOWN_HCA)).ok());
  EXPECT_EQ(take(1, 0, 100, 100).size(), 20U);
}

TEST_F(Pages, FullListIsALimit) {
  ASSERT_TRUE(nic.run(0, give(0, VF_FW_PAGES)).ok());
  bad(nic.run(0, give(0, 1, 0x8000'0000)), VF_STATUS_LIMIT, VF_SYND_OUT_OF_CONTEXTS);
}

/// Pages that the PF gives for a VF go back to the PF only, also when the VF is reset in between.
TEST_F(Pages, OfThePfForAVfStayThePfs) {
  ASSERT_TRUE(nic.run(0, give(1, 5, 0x70'0000)).ok());
  ASSERT_TRUE(nic.run(1, give(0, 3, 0x70'0000)).ok()) << "an address of another memory";
  nic.flr(1);
  nic.poll();
  nic.set_queue(1, MockNic::queue_of(1));
  EXPECT_TRUE(take(1, 0, 100, 100).empty());
  EXPECT_EQ(take(0, 1, 100, 100).size(), 5U);
}

TEST_F(Pages, VfCannotReachOthers) {
  bad(nic.run(1, give(2, 1)), VF_STATUS_BAD_PARAM, VF_SYND_NOT_PERMITTED);
  EXPECT_TRUE(nic.run(1, give(1, 1)).ok()) << "itself by number";
}

TEST_F(Pages, ManyKeysAskForMore) {
  Objects o(2);
  const std::uint32_t uar = o.uar();
  const std::uint32_t eq = o.eq(uar, 1ULL << VF_EVENT_PAGE_REQUEST);
  const std::uint32_t pd = o.pd();
  for (int i = 0; i < 65; ++i) {
    ASSERT_NE(o.made(Objects::pa_mkey_in(pd)), 0U);
  }
  ASSERT_EQ(o.nic.events.size(), 1U);
  EXPECT_EQ(o.nic.events[0].fn, 2U);
  EXPECT_EQ(o.nic.events[0].event.eqn, eq);
  EXPECT_EQ(VF_GET(eqe_page_request, o.nic.events[0].event.data, num_pages), 4U);
  EXPECT_EQ(VF_GET(eqe_page_request, o.nic.events[0].event.data, function_id), 0U) << "itself";
  EXPECT_EQ(VF_GET(query_pages_out, o.run(command(VF_OP_QUERY_PAGES, VF_PAGES_REGULAR)).out.data(),
                   num_pages),
            4U);
  EXPECT_TRUE(o.run(give(0, 4)).ok());
  EXPECT_EQ(VF_GET(query_pages_out, o.run(command(VF_OP_QUERY_PAGES, VF_PAGES_REGULAR)).out.data(),
                   num_pages),
            0U);
}

TEST_F(Pages, DisabledVfReturnsThePfsPages) {
  Objects o(0);
  ASSERT_TRUE(o.nic.enable(3).ok());
  ASSERT_NE(o.eq(o.uar(), 1ULL << VF_EVENT_PAGE_REQUEST), 0U);
  ASSERT_TRUE(o.run(give(3, 6)).ok());
  Bytes in = command(VF_OP_DISABLE_HCA);
  VF_SET(disable_hca_in, in.data(), function_id, 3);
  ASSERT_TRUE(o.run(in).ok());
  ASSERT_EQ(o.nic.events.size(), 1U);
  EXPECT_EQ(VF_GET(eqe_page_request, o.nic.events[0].event.data, function_id), 3U);
  EXPECT_EQ(
      static_cast<std::int32_t>(VF_GET(eqe_page_request, o.nic.events[0].event.data, num_pages)),
      -6);
}

}  // namespace
}  // namespace vfsim::fwtest
