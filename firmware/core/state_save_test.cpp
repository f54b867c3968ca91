// SAVE and QUERY: which SAVE is allowed when, sizes, increments, chunks, errors, resets.
#include <gtest/gtest.h>

#include "firmware/core/migration_rig.hpp"
#include "firmware/interface/fault_set.hpp"

namespace vfsim::fwtest {
namespace {

void expect_refused(const Reply& reply, std::uint32_t status, std::uint32_t syndrome) {
  EXPECT_TRUE(reply.completed);
  EXPECT_EQ(reply.status(), status);
  EXPECT_EQ(reply.syndrome(), syndrome) << std::hex << reply.syndrome();
}

std::vector<fw_image_record> records(const Bytes& image) {
  std::vector<fw_image_record> out;
  fw_image_record r{};
  for (bool more = fw_image_first(image.data(), image.size(), &r); more;
       more = fw_image_next(image.data(), image.size(), &r)) {
    out.push_back(r);
  }
  return out;
}

bool valid(const Bytes& image) {
  std::uint32_t syndrome = 0;
  std::uint32_t offset = 0;
  return fw_image_check(image.data(), image.size(), &syndrome, &offset) == 0;
}

std::uint32_t flags_of(const Bytes& image) {
  return static_cast<std::uint32_t>(VF_GET(image_header, image.data(), flags));
}

TEST(Save, QueryOfAStoppedFunctionIsExact) {
  Rig rig;
  ASSERT_TRUE(rig.good);
  rig.populate(1);
  ASSERT_TRUE(rig.stop(1));
  const Sizes size = rig.query(1);
  ASSERT_TRUE(size.reply.ok());
  EXPECT_EQ(size.state, std::uint32_t{VF_MIGRATION_STATE_IDLE});
  const Saved saved = rig.save(1, false, false, size.required);
  ASSERT_TRUE(saved.ok());
  EXPECT_EQ(saved.image.size(), size.required);
  EXPECT_TRUE(valid(saved.image));
  EXPECT_EQ(flags_of(saved.image), std::uint32_t{FW_IMAGE_FINAL});
  EXPECT_EQ(saved.next, 0U);
  expect_refused(rig.save(1, false, false, size.required - 1).reply, VF_STATUS_BAD_PARAM,
                 VF_SYND_BUFFER_TOO_SMALL);
}

TEST(Save, EveryObjectHasARecord) {
  Rig rig;
  rig.populate(1);
  ASSERT_TRUE(rig.stop(1));
  const Saved saved = rig.save(1);
  std::map<int, int> count;
  for (const auto& r : records(saved.image)) {
    ++count[r.kind];
  }
  const std::map<int, int> expected = {
      {FW_IMAGE_FUNCTION, 1}, {FW_IMAGE_CAPS, 1},     {FW_IMAGE_FW_PAGES, 1}, {FW_IMAGE_SETS, 1},
      {FW_IMAGE_EVENTS, 1},   {FW_IMAGE_COUNTERS, 2}, {FW_IMAGE_EQ, 3},       {FW_IMAGE_CQ, 3},
      {FW_IMAGE_MKEY, 2},     {FW_IMAGE_TIS, 1},      {FW_IMAGE_QC, 1},       {FW_IMAGE_SQ, 2},
      {FW_IMAGE_RQ, 2},       {FW_IMAGE_QP, 1},       {FW_IMAGE_RQT, 1},      {FW_IMAGE_TIR, 2},
      {FW_IMAGE_FT, 2},       {FW_IMAGE_FG, 1},       {FW_IMAGE_FTE, 1}};
  EXPECT_EQ(count, expected);
}

TEST(Save, SizeOfARunningFunctionHasSlack) {
  Rig rig;
  rig.populate(1);
  const std::uint32_t running = rig.query(1).required;
  ASSERT_TRUE(rig.stop(1));
  EXPECT_GE(running, rig.query(1).required + FW_IMAGE_SLACK);
}

TEST(Save, WhichSaveIsAllowedWhen) {
  Rig rig;
  rig.populate(1);
  const auto bad = [](const Saved& s, std::uint32_t syndrome) {
    expect_refused(s.reply, VF_STATUS_BAD_RES_STATE, syndrome);
  };
  bad(rig.save(1, false, false), VF_SYND_NOT_SUSPENDED);
  bad(rig.save(1, true, true), VF_SYND_NOT_TRACKING);
  expect_refused(rig.query(1, true).reply, VF_STATUS_BAD_RES_STATE, VF_SYND_NOT_TRACKING);
  EXPECT_TRUE(rig.save(1, false, true).ok());
  bad(rig.save(1, true, false), VF_SYND_NOT_SUSPENDED);
  EXPECT_TRUE(rig.save(1, true, true).ok());
  EXPECT_TRUE(rig.save(1, false, false).ok()) << "clean-up save ends tracking";
  bad(rig.save(1, true, true), VF_SYND_NOT_TRACKING);
  ASSERT_TRUE(rig.suspend(1, VF_SUSPEND_INITIATOR).ok());
  bad(rig.save(1, false, false), VF_SYND_NOT_SUSPENDED);
  EXPECT_TRUE(rig.save(1, false, true).ok()) << "P2P -> PRE_COPY_P2P";
  ASSERT_TRUE(rig.suspend(1, VF_SUSPEND_RESPONDER).ok());
  bad(rig.save(1, false, true), VF_SYND_ALREADY_SUSPENDED);
  bad(rig.save(1, true, true), VF_SYND_ALREADY_SUSPENDED);
  EXPECT_TRUE(rig.save(1, true, false).ok()) << "final save";
  bad(rig.save(1, true, false), VF_SYND_NOT_TRACKING);
  EXPECT_TRUE(rig.save(1, false, false).ok());
}

TEST(Save, IncrementHoldsWhatChanged) {
  Rig rig;
  rig.populate(1);
  ASSERT_TRUE(rig.save(1, false, true).ok());
  EXPECT_EQ(rig.query(1, true).state, std::uint32_t{VF_MIGRATION_STATE_READY});
  const Saved none = rig.save(1, true, true);
  EXPECT_TRUE(records(none.image).empty());
  EXPECT_TRUE(valid(none.image));

  rig.nic.ctx(1).cq[255].pi++;
  rig.nic.ctx(1).fte[100].valid = 0;
  rig.nic.ctx(1).pd[7] = 1;
  EXPECT_EQ(rig.query(1, true).state, std::uint32_t{VF_MIGRATION_STATE_DIRTY});
  const Saved some = rig.save(1, true, true);
  const auto changed = records(some.image);
  ASSERT_EQ(changed.size(), 3U);
  EXPECT_EQ(changed[0].kind, FW_IMAGE_SETS);
  EXPECT_EQ(changed[1].kind, FW_IMAGE_CQ);
  EXPECT_EQ(changed[1].number, VF_CQ_BASE + 255U);
  EXPECT_EQ(changed[2].kind, FW_IMAGE_FTE);
  EXPECT_TRUE(changed[2].tombstone);
  EXPECT_EQ(VF_GET(image_header, some.image.data(), base_id),
            VF_GET(image_header, none.image.data(), image_id));
  EXPECT_EQ(VF_GET(image_header, some.image.data(), sequence), 2U);

  ASSERT_TRUE(rig.stop(1));
  const std::uint32_t exact = rig.query(1, true).required;
  const Saved last = rig.save(1, true, false, exact);
  ASSERT_TRUE(last.ok());
  EXPECT_EQ(last.image.size(), exact);
  EXPECT_EQ(flags_of(last.image), std::uint32_t{FW_IMAGE_FINAL});
}

TEST(Save, TrackedSaveNeverFailsForSize) {
  Rig rig;
  rig.populate(1);
  const Saved first = rig.save(1, false, true, 1024);
  ASSERT_TRUE(first.ok());
  EXPECT_LE(first.image.size(), 1024U);
  EXPECT_EQ(flags_of(first.image), std::uint32_t{FW_IMAGE_MORE});
  EXPECT_EQ(rig.query(1, true).state, std::uint32_t{VF_MIGRATION_STATE_INIT});
  const Saved rest = rig.save(1, true, true);
  EXPECT_EQ(flags_of(rest.image), 0U);
  EXPECT_NE(rig.query(1, true).state, std::uint32_t{VF_MIGRATION_STATE_INIT});
  expect_refused(rig.save(1, false, true, 90).reply, VF_STATUS_BAD_PARAM, VF_SYND_BUFFER_TOO_SMALL);
}

TEST(Save, CleanUpSaveFitsTheIncrementsBuffer) {
  Rig rig;
  rig.populate(1);
  ASSERT_TRUE(rig.save(1, false, true).ok());
  const std::uint32_t size = rig.query(1, true).required;
  EXPECT_TRUE(rig.save(1, false, false, size).ok());
  EXPECT_EQ(rig.query(1).state, std::uint32_t{VF_MIGRATION_STATE_IDLE});
}

TEST(Save, FailedFinalSaveCanBeRepeated) {
  Rig rig;
  rig.populate(1);
  ASSERT_TRUE(rig.save(1, false, true).ok());
  rig.nic.ctx(1).cq[1].ci++;
  ASSERT_TRUE(rig.stop(1));
  const std::uint32_t size = rig.query(1, true).required;
  expect_refused(rig.save(1, true, false, size - 8).reply, VF_STATUS_BAD_PARAM,
                 VF_SYND_BUFFER_TOO_SMALL);
  EXPECT_TRUE(rig.save(1, true, false, size).ok()) << "a buffer that is too small loses nothing";
}

TEST(Save, Chunks) {
  Rig rig;
  rig.populate(1);
  ASSERT_TRUE(rig.stop(1));
  const Sizes size = rig.query(1, false, true);
  ASSERT_TRUE(size.reply.ok());
  EXPECT_LE(size.required, size.remaining);
  Saved chunk = rig.save(1, false, false, 2048);
  std::size_t total = 0;
  int chunks = 0;
  while (chunk.ok() && chunks < 100) {
    ++chunks;
    total += chunk.image.size();
    EXPECT_LE(chunk.image.size(), 2048U);
    EXPECT_TRUE(valid(chunk.image));
    if (chunk.next == 0) {
      break;
    }
    EXPECT_EQ(flags_of(chunk.image), std::uint32_t{FW_IMAGE_MORE});
    chunk = rig.save(1, true, false, 2048);
  }
  ASSERT_TRUE(chunk.ok());
  EXPECT_GT(chunks, 1);
  EXPECT_EQ(flags_of(chunk.image), std::uint32_t{FW_IMAGE_FINAL});
  EXPECT_EQ(total, size.remaining + (static_cast<std::size_t>(chunks) - 1) *
                                        (FW_IMAGE_HEADER + FW_IMAGE_TRAILER));
  expect_refused(rig.save(1, true, false, 2048).reply, VF_STATUS_BAD_RES_STATE,
                 VF_SYND_NO_STATE_PENDING);
}

/// A driver's buffer is as large as the image, and more.
TEST(Save, ChunksAreAsAnnouncedInALargeBuffer) {
  Rig rig;
  rig.populate(1);
  ASSERT_TRUE(rig.stop(1));
  const Sizes size = rig.query(1, false, true);
  std::uint32_t announced = size.required;
  ASSERT_LT(announced, size.remaining);
  int chunks = 0;
  for (bool first = true; announced != 0; first = false) {
    const Saved chunk = rig.save(1, !first, false, 65536);
    ASSERT_TRUE(chunk.ok());
    EXPECT_LE(chunk.image.size(), announced);
    announced = chunk.next;
    ++chunks;
  }
  EXPECT_GT(chunks, 1);
  EXPECT_LE(chunks, FW_CHUNKS + 2) << "an image is not cut to crumbs";
}

TEST(Save, AChunkTakesARecordThatHasGrown) {
  Rig rig;
  rig.populate(1);
  ASSERT_TRUE(rig.query(1, false, true).reply.ok());
  rig.nic.ctx(1).mkey[0] = rig.nic.ctx(1).mkey[1023];
  rig.nic.ctx(1).mkey[0].len = 4000 * VF_PAGE_BYTES;
  rig.nic.ctx(1).mkey[0].pages = rig.pages_at(0x1'0000'0000, 4000);
  ASSERT_TRUE(rig.stop(1));
  std::uint32_t next = 1;
  for (bool first = true; next != 0; first = false) {
    const Saved chunk = rig.save(1, !first, false, 65536);
    ASSERT_TRUE(chunk.ok());
    next = chunk.next;
  }
}

TEST(Save, ChunkAnnouncedIsEnough) {
  Rig rig;
  rig.populate(1);
  rig.nic.ctx(1).mkey[5] = rig.nic.ctx(1).mkey[1023];
  rig.nic.ctx(1).mkey[5].len = 1000 * VF_PAGE_BYTES;
  rig.nic.ctx(1).mkey[5].pages = rig.pages_at(0x1'0000'0000, 1000);
  ASSERT_TRUE(rig.stop(1));
  std::uint32_t next = rig.query(1, false, true).required;
  EXPECT_GT(next, 8000U) << "the longest record fits";
  for (bool first = true; next != 0; first = false) {
    const Saved chunk = rig.save(1, !first, false, next);
    ASSERT_TRUE(chunk.ok());
    next = chunk.next;
  }
}

TEST(Save, BadKeys) {
  Rig rig;
  rig.populate(1);
  const std::uint32_t read_only = (VF_MKEY_BASE + 701) << 8;
  const std::uint32_t small = (VF_MKEY_BASE + 702) << 8;
  rig.key(read_only, 0x8'0000'0000, 64, true, false);
  rig.key(small, 0x9'0000'0000, 1);
  rig.nic.ctx(0).mkey[702].len = 1000;
  ASSERT_TRUE(rig.stop(1));
  for (const std::uint32_t key : {0U, read_only, small, Rig::kKey ^ 1U}) {
    expect_refused(rig.save(1, false, false, 1 << 20, key).reply, VF_STATUS_BAD_RESOURCE,
                   VF_SYND_BAD_MKEY);
  }
  rig.nic.poison[{0, Rig::kBuffer / VF_PAGE_BYTES}] = FW_DMA_BUS_ERROR;
  expect_refused(rig.save(1).reply, VF_STATUS_INTERNAL, VF_SYND_DMA_ERROR);
  rig.nic.poison.clear();
  EXPECT_TRUE(rig.save(1).ok()) << "nothing is left behind";
}

TEST(Save, FailedTransferEndsTracking) {
  Rig rig;
  rig.populate(1);
  ASSERT_TRUE(rig.save(1, false, true).ok());
  EXPECT_FALSE(rig.save(1, true, true, 4096, 0).ok());
  expect_refused(rig.save(1, true, true).reply, VF_STATUS_BAD_RES_STATE, VF_SYND_NOT_TRACKING);
}

TEST(Save, OneAtATimePerFunctionSeveralInParallel) {
  Rig rig;
  rig.populate(1);
  ASSERT_TRUE(rig.stop(1) && rig.stop(2) && rig.stop(3));
  rig.nic.defer_dma = true;
  rig.nic.submit(0, 1, Rig::save_command(1, false, false, 1 << 20), 16);
  rig.nic.submit(0, 2, Rig::save_command(1, false, false, 1 << 20), 16);
  rig.nic.poll();
  rig.nic.finish_dma(
      2);  // the entries; the mailboxes follow, then the first SAVE starts, then the rest is there
  rig.nic.poll();
  rig.nic.submit(0, 5, Rig::vhca_command(VF_OP_RESUME_VHCA, 1, VF_RESUME_RESPONDER), 16);
  rig.nic.poll();
  rig.nic.submit(0, 3, Rig::save_command(2, false, false, 1 << 20), 16);
  rig.nic.submit(0, 4, Rig::save_command(3, false, false, 1 << 20), 16);
  std::uint32_t most = 0;
  for (int i = 0; i < 200; ++i) {
    rig.nic.poll();
    const auto* buffer = rig.firmware().image.buffer;
    most = std::max<std::uint32_t>(most, buffer[0].used + buffer[1].used);
    rig.nic.finish_dma(1);
  }
  EXPECT_EQ(most, 2U);
  rig.nic.poll();
  EXPECT_TRUE(rig.nic.reply(0, 1).ok());
  EXPECT_TRUE(rig.nic.reply(0, 3).ok());
  EXPECT_TRUE(rig.nic.reply(0, 4).ok()) << "waits for a buffer, then goes on";
  expect_refused(rig.nic.reply(0, 2), VF_STATUS_RES_BUSY, VF_SYND_SAVE_IN_PROGRESS);
  expect_refused(rig.nic.reply(0, 5), VF_STATUS_RES_BUSY, VF_SYND_SAVE_IN_PROGRESS);
}

/// Runs a command until its SAVE or LOAD transfer is on its way.
void start_transfer(Rig& rig, std::uint32_t slot, const Bytes& in) {
  rig.nic.defer_dma = true;
  rig.nic.submit(0, slot, in, 16);
  for (int i = 0; i < 50 && rig.firmware().vhca[1].op == FW_VHCA_NONE; ++i) {
    rig.nic.poll();
    if (rig.firmware().vhca[1].op == FW_VHCA_NONE) {
      rig.nic.finish_dma(1);
    }
  }
  ASSERT_EQ(rig.nic.waiting_dma(), 1U);
}

TEST(Save, FunctionResetMeanwhile) {
  Rig rig;
  rig.populate(1);
  ASSERT_TRUE(rig.stop(1));
  start_transfer(rig, 1, Rig::save_command(1, false, false, 1 << 20));
  rig.nic.flr(1);
  rig.nic.poll();
  rig.nic.defer_dma = false;
  rig.nic.finish_dma();
  rig.nic.poll();
  expect_refused(rig.nic.reply(0, 1), VF_STATUS_BAD_RES_STATE, VF_SYND_FUNCTION_RESET);
  EXPECT_EQ(rig.firmware().vhca[1].op, std::uint8_t{FW_VHCA_NONE});
  EXPECT_FALSE(rig.firmware().image.buffer[0].used || rig.firmware().image.buffer[1].used);
}

TEST(Save, PfResetMeanwhileGivesTheBufferBack) {
  Rig rig;
  rig.populate(1);
  ASSERT_TRUE(rig.stop(1));
  start_transfer(rig, 1, Rig::save_command(1, false, false, 1 << 20));
  rig.nic.flr(0);
  rig.nic.poll();
  EXPECT_TRUE(rig.firmware().image.buffer[0].used) << "the transfer still reads it";
  rig.nic.finish_dma();
  rig.nic.poll();
  EXPECT_FALSE(rig.firmware().image.buffer[0].used || rig.firmware().image.buffer[1].used);
}

TEST(Save, Faults) {
  const auto with = [](enum vf_fault fault) {
    fw_config config = MockNic::default_config();
    config.faults = contract::fault_set({fault});
    return config;
  };
  {
    Rig rig(with(VF_FAULT_save_past_mkey));
    rig.populate(1);
    ASSERT_TRUE(rig.stop(1) && rig.save(1).ok());
    const auto beyond = [](const DmaRecord& d) {
      return d.dma.addr == Rig::kBuffer + Rig::kBufferPages * VF_PAGE_BYTES && d.dma.bytes == 64 &&
             d.dma.to_host;
    };
    EXPECT_EQ(std::count_if(rig.nic.dma_log.begin(), rig.nic.dma_log.end(), beyond), 1);
  }
  {
    Rig rig(with(VF_FAULT_state_moves_in_stop));
    rig.populate(1);
    ASSERT_TRUE(rig.stop(1));
    const Digest before = rig.digest(1);
    ASSERT_TRUE(rig.save(1).ok());
    EXPECT_FALSE(rig.digest(1) == before);
  }
  Rig good;
  good.populate(1);
  ASSERT_TRUE(good.stop(1));
  const Bytes reference = good.save(1).image;
  {
    Rig rig(with(VF_FAULT_irq_lost_in_migration));
    rig.populate(1);
    ASSERT_TRUE(rig.stop(1));
    EXPECT_NE(rig.save(1).image, reference);
  }
}

TEST(Save, ReadingTheImageChangesNothing) {
  Rig rig;
  rig.populate(1);
  ASSERT_TRUE(rig.stop(1));
  const Digest before = rig.digest(1);
  const Bytes image = rig.save(1).image;
  EXPECT_TRUE(rig.digest(1) == before);
  EXPECT_EQ(rig.save(1).image, image);
}

}  // namespace
}  // namespace vfsim::fwtest
