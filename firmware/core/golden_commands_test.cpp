// Every golden command input, and the golden entries with their mailbox chains, executed by the
// firmware.
#include <gtest/gtest.h>

extern "C" {
#include "firmware/core/fw_internal.h"
}
#include "firmware/core/golden_commands.hpp"
#include "firmware/core/object_rig.hpp"

namespace vfsim::fwtest {
namespace {

/// PF with what the golden commands refer to: protection domain 0x5a, UAR 0x10.
class GoldenCommands : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(o.up);
    ASSERT_EQ(o.uar(), 0x10U);
    while (o.pd() != 0x5a) {
    }
  }
  const std::vector<Golden> golden =
      read_golden(VF_SOURCE_DIR "/firmware/interface/facts/golden_commands.txt");
  Objects o;
  MockNic& nic = o.nic;

  const Golden& find(const std::string& title, const std::string& kind, std::size_t skip = 0) {
    for (const Golden& g : golden) {
      if (g.title.rfind(title, 0) == 0 && g.kind.rfind(kind, 0) == 0 && skip-- == 0) {
        return g;
      }
    }
    ADD_FAILURE() << "no golden " << kind << " " << title;
    return golden[0];
  }
};

/// No input is malformed: all reach their handler, and those whose object exists here do their
/// work.
TEST_F(GoldenCommands, EveryInputReachesItsHandler) {
  int inputs = 0;
  for (const Golden& g : golden) {
    if (g.kind != "IN") {
      continue;
    }
    ++inputs;
    const bool reg = VF_GET(cmd_in, g.bytes.data(), opcode) == VF_OP_ACCESS_REG;
    const Reply r = o.run(g.bytes, reg ? static_cast<std::uint32_t>(g.bytes.size()) : 0);
    EXPECT_TRUE(r.completed && r.delivery == VF_DELIVERY_OK) << g.title;
    const bool foreign = g.title.find("0x1234") != std::string::npos ||  // no such function here
                         g.title.rfind("QUERY_VHCA", 0) == 0 ||
                         g.title.rfind("SAVE_VHCA", 0) == 0 ||
                         g.title.find("id=9") != std::string::npos;
    if (foreign) {
      EXPECT_NE(r.status(), VF_STATUS_OK) << g.title;
      EXPECT_NE(r.syndrome(), 0U) << g.title;
      EXPECT_NE(r.status(), VF_STATUS_BAD_OP) << g.title;
      EXPECT_NE(r.status(), VF_STATUS_BAD_INPUT_LEN) << g.title;
    } else {
      EXPECT_TRUE(r.ok()) << g.title << std::hex << " " << r.status() << " " << r.syndrome();
    }
    if (g.title.rfind("TEARDOWN", 0) == 0) {
      EXPECT_TRUE(o.run(command(VF_OP_INIT_HCA)).ok());
    }
    if (g.title.rfind("DEALLOC_PD", 0) == 0) {
      EXPECT_EQ(nic.ctx(0).pd[0x5a - VF_PD_BASE], 0) << "what the input names";
      while (o.pd() != 0x5a) {
      }
    }
  }
  EXPECT_EQ(inputs, 31);
}

TEST_F(GoldenCommands, AnswersHaveTheGoldenBytes) {
  EXPECT_EQ(o.run(find("QUERY_ISSI", "IN").bytes).out, find("QUERY_ISSI output", "OUT").bytes);
  Bytes pages = find("QUERY_PAGES output", "OUT").bytes;
  vf_be32_store(&pages[12], 4);
  EXPECT_EQ(o.run(find("QUERY_PAGES boot", "IN").bytes).out, pages) << "all but the count";
  ASSERT_TRUE(o.on(VF_OP_DEALLOC_PD, 0x5a).ok());
  EXPECT_EQ(o.run(find("ALLOC_PD", "IN").bytes).out, find("ALLOC_PD output", "OUT").bytes);
  Bytes key = find("CREATE_MKEY output", "OUT").bytes;
  vf_be32_store(&key[8], VF_MKEY_BASE);
  EXPECT_EQ(o.run(find("CREATE_MKEY MTT", "IN").bytes).out, key) << "all but the index";
}

TEST_F(GoldenCommands, FunctionThreeIsVfTwo) {
  ASSERT_TRUE(o.run(find("ENABLE_HCA", "IN").bytes).ok());
  EXPECT_EQ(nic.ctx(3).enabled, 1);
  const Reply general = o.run(find("QUERY_HCA_CAP general, current", "IN").bytes);
  EXPECT_EQ(VF_GET(cmd_hca_cap, &general.out[16], vhca_id), VF_VHCA_ID_BASE + 3U);
  const Reply second = o.run(find("QUERY_HCA_CAP general_2", "IN").bytes);
  EXPECT_EQ(VF_GET(cmd_hca_cap_2, &second.out[16], migratable), 1U);
  ASSERT_TRUE(o.run(find("MANAGE_PAGES give", "IN").bytes).ok());
  EXPECT_EQ(nic.firmware()->fn[3].page[1], 0x222000 | FW_PAGE_OF_PF);
}

TEST_F(GoldenCommands, CommandEventQueueWantsCommandEvents) {
  ASSERT_TRUE(o.run(find("CREATE_EQ command EQ", "IN").bytes).ok());
  const vf_eq& eq = nic.ctx(0).eq[0];
  EXPECT_EQ(eq.mask[0], 1ULL << VF_EVENT_CMD);
  EXPECT_EQ(eq.log_size, 8);
  EXPECT_EQ(nic.ram().mtt[eq.ring.mtt + 3], 0x336000U);
  nic.events.clear();
  nic.submit(0, 5, command(VF_OP_QUERY_ISSI), 112);
  nic.poll();
  const Bytes& want = find("EQE command completion, slot 5", "EQE").bytes;
  ASSERT_EQ(nic.events.size(), 1U);
  EXPECT_EQ(std::memcmp(nic.events[0].event.data, &want[0x20], 28), 0);
  EXPECT_EQ(nic.events[0].event.type, want[1]);
}

TEST_F(GoldenCommands, EventsHaveTheGoldenData) {
  ASSERT_NE(o.eq(0x10, 1ULL << VF_EVENT_PAGE_REQUEST | 1ULL << VF_EVENT_PORT_CHANGE), 0U);
  fw_request_pages(nic.firmware(), 3, 16);
  fw_request_pages(nic.firmware(), 3, -16);
  nic.set_link(false);
  nic.poll();
  nic.set_link(true);
  nic.poll();
  ASSERT_EQ(nic.events.size(), 4U);
  const std::pair<std::size_t, const char*> cases[] = {{0, "EQE page request: function 3 wants"},
                                                       {1, "EQE page request: function 3 returns"},
                                                       {3, "EQE port change"}};
  for (const auto& [index, title] : cases) {
    const Bytes& want = find(title, "EQE").bytes;
    EXPECT_EQ(nic.events[index].event.type, want[1]) << title;
    EXPECT_EQ(nic.events[index].event.sub_type, want[3]) << title;
    EXPECT_EQ(std::memcmp(nic.events[index].event.data, &want[0x20], 28), 0) << title;
  }
}

/// Entry and blocks as they lie in memory, at the golden addresses.
TEST_F(GoldenCommands, EntriesWithTheirChains) {
  const auto place = [&](const std::string& title) {
    for (const Golden& g : golden) {
      const auto at = g.kind.find('@');
      if (g.title.rfind(title, 0) == 0 && at != std::string::npos &&
          g.kind.find("disabled") != std::string::npos) {
        nic.write(0, std::stoul(g.kind.substr(at + 1), nullptr, 16), g.bytes);
      }
    }
    nic.write(0, MockNic::entry_at(0, 9), find(title, "COMMAND ENTRY").bytes);
    nic.ring(0, 9);
    nic.poll();
    return nic.reply(0, 9);
  };
  EXPECT_TRUE(place("64-byte entry + one input mailbox").ok());
  const vf_mkey& three = nic.ctx(0).mkey[0];
  EXPECT_EQ(three.pages.pages, 3U);
  EXPECT_EQ(nic.ram().mtt[three.pages.mtt + 1], 0x2abcde000U);
  EXPECT_TRUE(place("two-block input chain").ok());
  const vf_mkey& fifty = nic.ctx(0).mkey[1];
  EXPECT_EQ(fifty.pages.pages, 50U);
  EXPECT_EQ(nic.ram().mtt[fifty.pages.mtt + 49], 0x100031000U);
  EXPECT_EQ(place("SUSPEND_VHCA responder, all inline").syndrome(), VF_SYND_BAD_VHCA_ID);
}

/// The golden completion bytes: an entry of which only status, signature and ownership change.
TEST_F(GoldenCommands, LengthErrorCompletesWithTheGoldenBytes) {
  Bytes entry = find("SUSPEND_VHCA responder, all inline", "COMMAND ENTRY").bytes;
  Bytes want = find("the same entry completed with delivery status 0x7", "COMMAND ENTRY").bytes;
  vf_be32_store(&entry[4], 8);
  vf_entry_sign(entry.data());
  vf_be32_store(&want[4], 8);
  vf_entry_sign(want.data());
  nic.write(0, MockNic::entry_at(0, 9), entry);
  nic.ring(0, 9);
  nic.poll();
  EXPECT_EQ(nic.read(0, MockNic::entry_at(0, 9), 64), want);
}

}  // namespace
}  // namespace vfsim::fwtest
