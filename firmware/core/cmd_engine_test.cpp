// Delivery: queue fetch, mailbox chains, signatures, completion.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/core/object_rig.hpp"
#include "firmware/interface/fault_set.hpp"

namespace vfsim::fwtest {
namespace {

constexpr std::uint32_t kSlot = 3;

/// A command that needs an input block (SET_DRIVER_VERSION) and one that needs output blocks
/// (QUERY_ADAPTER).
Bytes one_block_in() {
  return command(VF_OP_SET_DRIVER_VERSION);
}
Bytes long_in() {
  return Objects::mkey_in(1, 50, 50 * 4096);
}
constexpr std::uint32_t kBlockOut = 4112;  // QUERY_HCA_CAP: 8 blocks

class Engine : public testing::Test {
 protected:
  Objects o;
  MockNic& nic = o.nic;

  /// Delivery status of what build() made after `change`; nothing else may be written but bytes
  /// 0x20.. of the entry.
  std::uint8_t delivery() {
    nic.dma_log.clear();
    nic.ring(0, kSlot);
    nic.poll();
    const Reply r = nic.reply(0, kSlot);
    EXPECT_TRUE(r.completed);
    return r.delivery;
  }
  void flip(std::uint64_t addr, std::uint8_t bits = 1) {
    *nic.byte(0, addr) = static_cast<std::uint8_t>(*nic.byte(0, addr) ^ bits);
  }
  void expect_only_entry_written() {
    for (const DmaRecord& d : nic.dma_log) {
      if (d.dma.to_host) {
        EXPECT_EQ(d.dma.addr, MockNic::entry_at(0, kSlot) + 0x20);
        EXPECT_EQ(d.dma.bytes, 32U);
      }
    }
  }
};

TEST_F(Engine, EntryErrorsHaveTheirStatus) {
  struct Case {
    const char* what;
    void (*change)(std::uint8_t* entry);
    std::uint8_t delivery;
  };
  const Case cases[] = {
      {"type", [](std::uint8_t* e) { e[0] = 6; }, VF_DELIVERY_BAD_DESCRIPTOR},
      {"token 0", [](std::uint8_t* e) { e[0x3c] = 0; }, VF_DELIVERY_TOKEN},
      {"short input", [](std::uint8_t* e) { vf_be32_store(e + 4, 15); }, VF_DELIVERY_IN_LENGTH},
      {"long input", [](std::uint8_t* e) { vf_be32_store(e + 4, VF_CMD_MAX_IN_BYTES + 1); },
       VF_DELIVERY_IN_LENGTH},
      {"short output", [](std::uint8_t* e) { vf_be32_store(e + 0x38, 7); }, VF_DELIVERY_OUT_LENGTH},
      {"input pointer bits", [](std::uint8_t* e) { e[0x0f] = 4; }, VF_DELIVERY_IN_PTR_ALIGN},
      {"output pointer bits", [](std::uint8_t* e) { e[0x36] |= 1; }, VF_DELIVERY_OUT_PTR_ALIGN},
      {"no input block", [](std::uint8_t* e) { vf_be64_store(e + 8, 0); },
       VF_DELIVERY_IN_PTR_ALIGN},
      {"no output block", [](std::uint8_t* e) { vf_be64_store(e + 0x30, 0); },
       VF_DELIVERY_OUT_PTR_ALIGN},
  };
  for (const Case& c : cases) {
    nic.build(0, kSlot, one_block_in(), 64);
    nic.edit_entry(0, kSlot, c.change);
    EXPECT_EQ(delivery(), c.delivery) << c.what;
    expect_only_entry_written();
  }
  EXPECT_TRUE(o.run(command(VF_OP_QUERY_ISSI)).ok()) << "the engine goes on";
}

TEST_F(Engine, WrongSignatureIsRefusedOnlyIfChecked) {
  nic.build(0, kSlot, command(VF_OP_QUERY_ISSI), 112);
  flip(MockNic::entry_at(0, kSlot) + 0x3d);
  EXPECT_EQ(delivery(), VF_DELIVERY_SIGNATURE);

  fw_config config = MockNic::default_config();
  config.check_signatures = false;
  Objects lax(0, config);
  lax.nic.build(0, kSlot, command(VF_OP_QUERY_ISSI), 112);
  *lax.nic.byte(0, MockNic::entry_at(0, kSlot) + 0x3d) ^= 1;
  lax.nic.ring(0, kSlot);
  lax.nic.poll();
  EXPECT_TRUE(lax.nic.reply(0, kSlot).ok());
}

TEST_F(Engine, SlotOfTheDriverIsNotTouched) {
  nic.build(0, kSlot, command(VF_OP_QUERY_ISSI), 16);
  nic.edit_entry(0, kSlot, [](std::uint8_t* e) { e[0x3f] = 0; });
  nic.dma_log.clear();
  nic.ring(0, kSlot);
  nic.poll();
  ASSERT_EQ(nic.dma_log.size(), 1U);
  EXPECT_FALSE(nic.dma_log[0].dma.to_host);
}

TEST_F(Engine, BlockErrorsHaveTheirStatus) {
  const std::uint64_t in1 = MockNic::in_block_at(0, kSlot, 1);
  const std::uint64_t in0 = MockNic::in_block_at(0, kSlot, 0);
  const std::uint64_t out7 = MockNic::out_block_at(0, kSlot, 7);
  const std::uint64_t out0 = MockNic::out_block_at(0, kSlot, 0);
  const std::pair<std::uint64_t, std::uint8_t> cases[] = {
      {in1 + 0x23d, VF_DELIVERY_TOKEN},
      {in1 + 0x23b, VF_DELIVERY_BAD_BLOCK_NUMBER},
      {in0 + 0x237, VF_DELIVERY_IN_PTR_ALIGN},
      {out7 + 0x23d, VF_DELIVERY_TOKEN},
      {out7 + 0x23b, VF_DELIVERY_BAD_BLOCK_NUMBER},
      {out0 + 0x237, VF_DELIVERY_OUT_PTR_ALIGN},
  };
  for (const auto& [addr, want] : cases) {
    nic.build(0, kSlot, long_in(), kBlockOut);
    flip(addr);
    EXPECT_EQ(delivery(), want) << std::hex << addr;
    expect_only_entry_written();
  }
}

/// Drivers reuse chains: what is linked behind the last block that the length needs is stale.
TEST_F(Engine, ChainEndsByLength) {
  nic.build(0, kSlot, one_block_in(), 16);
  vf_be64_store(nic.byte(0, MockNic::in_block_at(0, kSlot, 0) + 0x230), 0x123);
  EXPECT_EQ(delivery(), VF_DELIVERY_OK);
}

TEST_F(Engine, BlockSignaturesCountOnceTheDriverSwitchedThemOn) {
  nic.build(0, kSlot, one_block_in(), 16);  // not signed
  EXPECT_EQ(delivery(), VF_DELIVERY_OK);

  Bytes set = command(VF_OP_SET_HCA_CAP);
  Bytes query = command(VF_OP_QUERY_HCA_CAP, 1);
  const Reply caps = o.run(query, 4112);
  std::copy(caps.out.begin() + 16, caps.out.end(), set.begin() + 16);
  VF_SET(cmd_hca_cap, &set[16], cmdif_checksum, 3);
  ASSERT_TRUE(o.run(set).ok());

  nic.build(0, kSlot, one_block_in(), 16);
  EXPECT_EQ(delivery(), VF_DELIVERY_SIGNATURE);
  nic.build(0, kSlot, one_block_in(), 16, true);
  flip(MockNic::in_block_at(0, kSlot, 0) + 5);
  EXPECT_EQ(delivery(), VF_DELIVERY_SIGNATURE);
  nic.build(0, kSlot, one_block_in(), kBlockOut, true);
  flip(MockNic::out_block_at(0, kSlot, 2) + 0x23e);
  EXPECT_EQ(delivery(), VF_DELIVERY_SIGNATURE);

  nic.build(0, kSlot, query, 4112, true);
  EXPECT_EQ(delivery(), VF_DELIVERY_OK);
  for (std::uint32_t b = 0; b < 8; ++b) {
    EXPECT_TRUE(vf_block_signed(nic.read(0, MockNic::out_block_at(0, kSlot, b), 576).data(), 1))
        << b;
  }
}

TEST_F(Engine, OwnershipComesLastAndOnlyOutputBytesChange) {
  nic.build(0, kSlot, command(VF_OP_QUERY_ADAPTER), 272);
  const Bytes before = nic.read(0, MockNic::entry_at(0, kSlot), 64);
  EXPECT_EQ(delivery(), VF_DELIVERY_OK);
  const Bytes after = nic.read(0, MockNic::entry_at(0, kSlot), 64);
  EXPECT_TRUE(std::equal(before.begin(), before.begin() + 0x20, after.begin()));
  EXPECT_TRUE(std::equal(before.begin() + 0x30, before.begin() + 0x3d, after.begin() + 0x30));
  ASSERT_FALSE(nic.dma_log.empty());
  EXPECT_EQ(nic.dma_log.back().dma.addr, MockNic::entry_at(0, kSlot) + 0x20)
      << "last of all transfers";
}

TEST_F(Engine, EntryIsWrittenOnlyWhenBlocksAreVisible) {
  nic.defer_dma = true;
  nic.build(0, kSlot, command(VF_OP_QUERY_ADAPTER), 272);
  nic.ring(0, kSlot);
  int entry_writes = 0;
  for (int i = 0; i < 20 && !nic.reply(0, kSlot).completed; ++i) {
    nic.poll();
    if (nic.waiting_dma() > 1) {
      EXPECT_EQ(entry_writes, 0);
    }
    nic.finish_dma(1);
  }
  EXPECT_TRUE(nic.reply(0, kSlot).ok());
}

TEST_F(Engine, NothingBehindTheOfferedOutputIsWritten) {
  nic.build(0, kSlot, command(VF_OP_QUERY_ISSI), 112);
  EXPECT_EQ(delivery(), VF_DELIVERY_OK);
  EXPECT_EQ(*nic.byte(0, MockNic::out_block_at(0, kSlot, 0) + 95), 3);
  EXPECT_EQ(*nic.byte(0, MockNic::out_block_at(0, kSlot, 0) + 96), 0xee);
  nic.build(0, kSlot, command(VF_OP_ENABLE_HCA), 12);
  EXPECT_EQ(delivery(), VF_DELIVERY_OK);
}

TEST_F(Engine, OfferedOutputBehindTheAnswerIsZero) {
  const Reply r = o.run(command(VF_OP_QUERY_ISSI), 600);
  ASSERT_EQ(r.out.size(), 600U);
  EXPECT_TRUE(std::all_of(r.out.begin() + 112, r.out.end(), [](std::uint8_t b) { return b == 0; }));
}

TEST_F(Engine, CompletionPostsTheSlotOnTheCommandQueueOnly) {
  const std::uint32_t uar = o.uar();
  const std::uint32_t async = o.eq(uar, 1ULL << VF_EVENT_PORT_CHANGE);
  nic.events.clear();
  o.run(command(VF_OP_QUERY_ISSI));
  EXPECT_TRUE(nic.events.empty()) << "no event queue wants it";
  const std::uint32_t eqn = o.eq(uar, 1ULL << VF_EVENT_CMD);
  EXPECT_TRUE(nic.events.empty()) << "the command that makes the queue is not announced on it";
  nic.submit(0, 5, command(VF_OP_QUERY_ISSI), 112);
  nic.poll();
  ASSERT_EQ(nic.events.size(), 1U);
  EXPECT_NE(eqn, async);
  EXPECT_EQ(nic.events[0].event.eqn, eqn);
  EXPECT_EQ(nic.events[0].event.type, VF_EVENT_CMD);
  EXPECT_EQ(VF_GET(eqe_cmd, nic.events[0].event.data, vector), 1U << 5);
}

TEST_F(Engine, HostMemoryErrorDropsTheCommandAndShowsInHealth) {
  nic.build(0, kSlot, one_block_in(), 16);
  nic.poison[{0, MockNic::in_block_at(0, kSlot, 0) / 4096}] = FW_DMA_BUS_ERROR;
  nic.ring(0, kSlot);
  nic.poll();
  EXPECT_FALSE(nic.reply(0, kSlot).completed);
  EXPECT_EQ(nic.reg(0, FW_FN_HEALTH), 0x0aU);
  nic.poison.clear();
  EXPECT_TRUE(o.run(command(VF_OP_QUERY_ISSI)).ok());
}

TEST_F(Engine, DoorbellWithoutQueueIsIgnored) {
  nic.set_queue(1, 0);
  nic.dma_log.clear();
  nic.ring(1, 0);
  nic.poll();
  EXPECT_TRUE(nic.dma_log.empty());
  EXPECT_EQ(nic.reg(1, FW_FN_CMD_DB), 0U);
}

TEST_F(Engine, NicInterfaceBitsAreNoAddress) {
  nic.set_queue(0, MockNic::queue_of(0) | 0x700);
  EXPECT_TRUE(o.run(command(VF_OP_QUERY_ISSI)).ok());
}

/// More commands than contexts, from several functions, transfers one at a time: all end, each
/// once.
TEST_F(Engine, AllSlotsOfAllFunctionsEnd) {
  for (std::uint32_t fn = 1; fn <= 3; ++fn) {
    ASSERT_TRUE(nic.bring_up(fn));
  }
  nic.defer_dma = true;
  nic.dma_limit = 3;
  for (std::uint32_t fn = 0; fn <= 3; ++fn) {
    for (std::uint32_t slot = 0; slot < 31; ++slot) {
      nic.submit(fn, slot, command(VF_OP_QUERY_ISSI), 112);
    }
  }
  nic.poll();
  for (int i = 0; i < 4000 && nic.waiting_dma() > 0; ++i) {
    nic.finish_dma(1);
    nic.poll();
  }
  for (std::uint32_t fn = 0; fn <= 3; ++fn) {
    for (std::uint32_t slot = 0; slot < 31; ++slot) {
      EXPECT_TRUE(nic.reply(fn, slot).ok()) << fn << "/" << slot;
    }
  }
}

TEST_F(Engine, PagesSlotAlwaysHasAContext) {
  ASSERT_TRUE(nic.bring_up(1));
  nic.defer_dma = true;
  for (std::uint32_t slot = 0; slot < 20; ++slot) {
    nic.submit(1, slot, command(VF_OP_QUERY_ISSI), 112);  // their first transfer never ends
  }
  nic.poll();
  EXPECT_EQ(nic.waiting_dma(), 15U);
  Bytes in = command(VF_OP_MANAGE_PAGES, VF_PAGES_CANNOT_GIVE);
  nic.submit(0, 31, in, 16);
  nic.poll();
  EXPECT_EQ(nic.waiting_dma(), 16U);
  EXPECT_EQ(nic.cmd_room(), 0U) << "no context left: nothing is offered";
  nic.defer_dma = false;
  nic.finish_dma();
  nic.poll();
  EXPECT_EQ(nic.cmd_room(), FW_CMD_ROOM_ANY | FW_CMD_ROOM_LAST);
}

/// A driver that rings a slot whose command runs gets no second execution beside the first.
TEST_F(Engine, ARingOfARunningSlotWaits) {
  nic.defer_dma = true;
  nic.submit(0, 3, command(VF_OP_QUERY_ISSI), 112);
  nic.poll();
  ASSERT_EQ(nic.waiting_dma(), 1U) << "the entry is being fetched";
  nic.ring(0, 3);
  nic.poll();
  EXPECT_EQ(nic.waiting_dma(), 1U);
  EXPECT_EQ(nic.reg(0, FW_FN_CMD_DB), 1U << 3) << "kept";
  nic.defer_dma = false;
  nic.finish_dma();
  nic.poll();
  EXPECT_TRUE(nic.reply(0, 3).ok());
  EXPECT_EQ(nic.reg(0, FW_FN_CMD_DB), 0U) << "looked at again: the entry is the driver's by then";
}

TEST_F(Engine, ResetDropsCommandsWithoutCompletion) {
  ASSERT_TRUE(nic.bring_up(1));
  nic.defer_dma = true;
  nic.submit(1, 0, command(VF_OP_QUERY_ISSI), 112);
  nic.submit(0, 0, command(VF_OP_QUERY_ISSI), 112);
  nic.poll();
  nic.flr(1);
  nic.poll();
  nic.defer_dma = false;
  nic.finish_dma();
  nic.poll();
  EXPECT_FALSE(nic.reply(1, 0).completed);
  EXPECT_TRUE(nic.reply(0, 0).ok());
  nic.set_queue(1, MockNic::queue_of(1));
  EXPECT_TRUE(nic.run(1, command(VF_OP_QUERY_ISSI)).ok())
      << "the function stays enabled over its reset";
}

TEST(EngineFault, EveryEighthCommandCompletesTwice) {
  fw_config config = MockNic::default_config();
  config.faults = contract::fault_set({VF_FAULT_completion_twice});
  Objects o(0, config);
  ASSERT_TRUE(o.up);
  o.eq(o.uar(), 1ULL << VF_EVENT_CMD);
  o.nic.events.clear();
  for (int i = 0; i < 16; ++i) {
    ASSERT_TRUE(o.run(command(VF_OP_QUERY_ISSI)).ok());
  }
  EXPECT_EQ(o.nic.events.size(), 18U);
}

}  // namespace
}  // namespace vfsim::fwtest
