// LOAD: identity, increments, chunks, and every way to be refused.
#include <gtest/gtest.h>

extern "C" {
#include "firmware/core/crc32c.h"
}
#include "firmware/core/migration_rig.hpp"

namespace vfsim::fwtest {
namespace {

void expect_refused(const Reply& reply, std::uint32_t status, std::uint32_t syndrome) {
  EXPECT_TRUE(reply.completed);
  EXPECT_EQ(reply.status(), status);
  EXPECT_EQ(reply.syndrome(), syndrome) << std::hex << reply.syndrome();
}

/// Makes every checksum of an edited image right again.
void seal(Bytes& image) {
  std::uint8_t* h = image.data();
  fw_image_record r{};
  const auto crc_of = [](std::uint8_t* p, std::size_t bytes, std::size_t at) {
    vf_be32_store(p + at, 0);
    vf_be32_store(p + at, fw_crc32c(0, p, bytes));
  };
  std::size_t end = FW_IMAGE_HEADER;
  crc_of(h, FW_IMAGE_HEADER, VF_OFF(image_header, header_crc) / 8);
  for (bool more = fw_image_first(h, image.size(), &r); more;
       more = fw_image_next(h, image.size(), &r)) {
    crc_of(h + r.offset, FW_IMAGE_HEAD + r.bytes, VF_OFF(image_record, crc) / 8);
    end = r.offset + FW_IMAGE_HEAD + r.bytes;
  }
  VF_SET(image_end, h + end + FW_IMAGE_HEAD, image_crc, fw_crc32c(0, h, end));
  crc_of(h + end, FW_IMAGE_TRAILER, VF_OFF(image_record, crc) / 8);
}

/// Payload of the first record of a kind.
std::uint8_t* payload(Bytes& image, int kind) {
  fw_image_record r{};
  for (bool more = fw_image_first(image.data(), image.size(), &r); more;
       more = fw_image_next(image.data(), image.size(), &r)) {
    if (r.kind == kind) {
      return image.data() + r.offset + FW_IMAGE_HEAD;
    }
  }
  ADD_FAILURE() << "no record of kind " << kind;
  return image.data();
}

/// A stopped source with everything in it, and its image.
struct Source : Rig {
  Source() {
    populate(1);
    stopped = stop(1);
    image = save(1).image;
  }
  bool stopped;
  Bytes image;
};

TEST(Load, ImageOfTheCopyIsTheImage) {
  Source a;
  Rig b;
  ASSERT_TRUE(a.stopped && b.stop(2));
  ASSERT_TRUE(b.load(2, a.image).ok());
  EXPECT_EQ(b.save(2).image, a.image);
  ASSERT_TRUE(a.stop(3));
  ASSERT_TRUE(a.load(3, a.image).ok()) << "same NIC, other function";
  EXPECT_EQ(a.save(3).image, a.image);
  EXPECT_EQ(a.save(1).image, a.image) << "the source is as before";
}

TEST(Load, RestoresRegistersContextsAndPending) {
  Source a;
  Rig b;
  ASSERT_TRUE(b.stop(2));
  const std::uint16_t gen = b.nic.ctx(2).cq[255].gen;
  a.nic.reg(1, FW_FN_CMD_DB) = 0x40;  // rung, and held by the closed gate
  const Bytes image = a.save(1).image;
  ASSERT_TRUE(b.load(2, image).ok());
  const vf_function& src = a.nic.ctx(1);
  const vf_function& dst = b.nic.ctx(2);
  EXPECT_EQ(b.nic.reg(2, FW_FN_CMDQ_HI), a.nic.reg(1, FW_FN_CMDQ_HI));
  EXPECT_EQ(b.nic.reg(2, FW_FN_CMDQ_LO), a.nic.reg(1, FW_FN_CMDQ_LO));
  EXPECT_EQ(b.nic.reg(2, FW_FN_CMD_DB), 0x40U);
  EXPECT_EQ(std::memcmp(dst.mac, src.mac, sizeof src.mac), 0);
  EXPECT_EQ(b.nic.mac_updates.back(), 2U);
  EXPECT_EQ(dst.cq[255].st, std::uint8_t{VF_QUEUE_ARMED});
  EXPECT_EQ(dst.cq[255].pi, src.cq[255].pi);
  EXPECT_NE(dst.cq[255].gen, gen);
  EXPECT_EQ(dst.sq[9].sw_counter, src.sq[9].sw_counter) << "held send doorbell";
  EXPECT_EQ(dst.held_events, 2U);
  EXPECT_EQ(b.nic.ram().mtt[dst.mkey[1023].pages.mtt + 39],
            a.nic.ram().mtt[src.mkey[1023].pages.mtt + 39]);
  EXPECT_EQ(b.nic.reg(2, FW_FN_MSIX_PEND), 0U) << "vectors wait for the resume";
  EXPECT_EQ(b.state(2).page_count, 3U);
  ASSERT_TRUE(b.run(2));
  EXPECT_EQ(b.nic.reg(2, FW_FN_MSIX_PEND), 5U);
  EXPECT_EQ(b.nic.events.size(), 2U) << "held events leave when the gate opens";
}

TEST(Load, ReplacesWhatWasThere) {
  Source a;
  Rig b;
  b.populate(2);
  b.nic.ctx(2).cq[50] = b.nic.ctx(2).cq[1];
  b.nic.ctx(2).cq[50].ring = b.pages_at(0xdead000, 2);
  b.state(2).page[1] = 0x8000 | FW_PAGE_OF_PF;
  ASSERT_TRUE(b.stop(2));
  const Bytes used = bytes_of(b.firmware().mtt_used);
  ASSERT_TRUE(b.load(2, a.image).ok());
  EXPECT_EQ(b.nic.ctx(2).cq[50].valid, 0);
  EXPECT_EQ(b.save(2).image, a.image);
  EXPECT_EQ(b.state(2).page_count, 4U) << "the PF's page stays with the PF";
  EXPECT_EQ(b.nic.reg(2, FW_FN_MSIX_PEND), 0U) << "vectors of the function before are forgotten";
  ASSERT_TRUE(b.load(2, a.image).ok());
  const auto bits = [](const Bytes& map) {
    int n = 0;
    for (const std::uint8_t byte : map) {
      n += __builtin_popcount(byte);
    }
    return n;
  };
  EXPECT_EQ(bits(bytes_of(b.firmware().mtt_used)), bits(used) - 2) << "no translation entry leaks";
}

TEST(Load, NeedsAStoppedFunction) {
  Source a;
  Rig b;
  expect_refused(b.load(2, a.image), VF_STATUS_BAD_RES_STATE, VF_SYND_NOT_SUSPENDED);
  ASSERT_TRUE(b.suspend(2, VF_SUSPEND_INITIATOR).ok());
  expect_refused(b.load(2, a.image), VF_STATUS_BAD_RES_STATE, VF_SYND_NOT_SUSPENDED);
}

TEST(Load, IncrementsInOrder) {
  Rig a;
  Rig b;
  a.populate(1);
  std::vector<Bytes> stream;
  stream.push_back(a.save(1, false, true, 3000).image);  // does not hold everything
  a.nic.ctx(1).cq[1].pi += 3;
  a.nic.ctx(1).qp[17].valid = 0;
  stream.push_back(a.save(1, true, true).image);
  a.nic.ctx(1).mkey[33] = a.nic.ctx(1).mkey[1023];
  a.nic.ctx(1).mkey[33].pages = a.pages_at(0x4444000, 40);
  a.nic.ctx(1).mkey[1023].valid = 0;
  a.nic.ctx(1).tir[127].valid = 0;
  stream.push_back(a.save(1, true, true).image);
  a.nic.reg(1, FW_FN_MSIX_PEND) = 0;
  ASSERT_TRUE(a.stop(1));
  stream.push_back(a.save(1, true, false).image);
  const Bytes whole = a.save(1).image;
  ASSERT_TRUE(b.stop(2));
  expect_refused(b.load(2, stream[1]), VF_STATUS_BAD_RES_STATE, VF_SYND_IMAGE_SEQUENCE);
  ASSERT_TRUE(b.load(2, stream[0]).ok());
  expect_refused(b.load(2, stream[2]), VF_STATUS_BAD_RES_STATE, VF_SYND_IMAGE_SEQUENCE);
  ASSERT_TRUE(b.load(2, stream[1]).ok());
  expect_refused(b.load(2, stream[1]), VF_STATUS_BAD_RES_STATE, VF_SYND_IMAGE_SEQUENCE);
  ASSERT_TRUE(b.load(2, stream[2]).ok());
  expect_refused(b.resume(2, VF_RESUME_RESPONDER), VF_STATUS_BAD_RES_STATE,
                 VF_SYND_IMAGE_TRUNCATED);
  ASSERT_TRUE(b.load(2, stream[3]).ok());
  EXPECT_EQ(b.save(2).image, whole);
  EXPECT_TRUE(b.run(2));
  EXPECT_EQ(b.nic.reg(2, FW_FN_MSIX_PEND), 0U)
      << "pending in the first image, delivered before the last";
}

TEST(Load, Chunks) {
  Source a;
  Rig b;
  ASSERT_TRUE(b.stop(2));
  ASSERT_TRUE(a.query(1, false, true).reply.ok());
  Saved chunk = a.save(1, false, false, 1500);
  while (chunk.ok() && chunk.next != 0) {
    ASSERT_TRUE(b.load(2, chunk.image).ok());
    chunk = a.save(1, true, false, 1500);
  }
  ASSERT_TRUE(chunk.ok());
  expect_refused(b.resume(2, VF_RESUME_RESPONDER), VF_STATUS_BAD_RES_STATE,
                 VF_SYND_IMAGE_TRUNCATED);
  ASSERT_TRUE(b.load(2, chunk.image).ok());
  EXPECT_EQ(b.save(2).image, a.image);
  EXPECT_TRUE(b.run(2));
}

TEST(Load, TruncatedAnywhere) {
  Source a;
  Rig b;
  b.populate(2);
  ASSERT_TRUE(b.stop(2));
  const Digest before = b.digest(2);
  std::set<std::size_t> cuts = {1, 63, 64, 87, 88, a.image.size() - 1};
  fw_image_record r{};
  for (bool more = fw_image_first(a.image.data(), a.image.size(), &r); more;
       more = fw_image_next(a.image.data(), a.image.size(), &r)) {
    cuts.insert({r.offset, r.offset + 8U, r.offset + 16U, r.offset + 16U + r.bytes});
  }
  for (const std::size_t cut : cuts) {
    Bytes part(a.image.begin(), a.image.begin() + static_cast<long>(cut));
    expect_refused(b.load(2, part), VF_STATUS_BAD_PARAM, VF_SYND_IMAGE_TRUNCATED);
    if (cut >= FW_IMAGE_HEADER + FW_IMAGE_TRAILER) {  // a header that agrees with the cut
      VF_SET(image_header, part.data(), total_bytes, cut);
      vf_be32_store(part.data() + 12, 0);
      vf_be32_store(part.data() + 12, fw_crc32c(0, part.data(), FW_IMAGE_HEADER));
      expect_refused(b.load(2, part), VF_STATUS_BAD_PARAM, VF_SYND_IMAGE_BAD_RECORD);
    }
  }
  Bytes longer = a.image;
  longer.resize(longer.size() + 8);
  expect_refused(b.load(2, longer), VF_STATUS_BAD_PARAM, VF_SYND_IMAGE_EXTENDED);
  EXPECT_TRUE(b.digest(2) == before);
}

TEST(Load, EveryFlippedBitIsFound) {
  Source a;
  Rig b;
  b.populate(2);
  ASSERT_TRUE(b.stop(2));
  const Digest before = b.digest(2);
  for (std::size_t at = 0; at < a.image.size(); at += at < 200 ? 1 : 13) {
    Bytes bad = a.image;
    bad[at] = static_cast<std::uint8_t>(bad[at] ^ 1U << at % 8);
    const Reply reply = b.load(2, bad);
    ASSERT_TRUE(reply.completed && reply.status() == VF_STATUS_BAD_PARAM) << "byte " << at;
    ASSERT_EQ(reply.syndrome() >> 8, VF_SYND_IMAGE_TRUNCATED >> 8U);
  }
  EXPECT_TRUE(b.digest(2) == before);
}

TEST(Load, ForeignImages) {
  Source a;
  Rig b;
  ASSERT_TRUE(b.stop(2));
  const auto refuse = [&](auto&& edit, std::uint32_t syndrome) {
    Bytes bad = a.image;
    edit(bad.data());
    seal(bad);
    expect_refused(b.load(2, bad), VF_STATUS_BAD_PARAM, syndrome);
  };
  refuse([](std::uint8_t* p) { VF_SET(image_header, p, magic, 0x7f454c46); },
         VF_SYND_IMAGE_BAD_MAGIC);
  refuse([](std::uint8_t* p) { VF_SET(image_header, p, format, 2); }, VF_SYND_IMAGE_BAD_VERSION);
  refuse([](std::uint8_t* p) { VF_SET(image_header, p, device_id, 0x1018); },
         VF_SYND_IMAGE_FOREIGN_DEVICE);
  refuse([](std::uint8_t* p) { VF_SET(image_header, p, fw_major, VF_FW_REV_MAJOR + 1); },
         VF_SYND_IMAGE_FOREIGN_DEVICE);
  refuse([](std::uint8_t* p) { VF_SET(image_header, p, msix_vectors, 64); },
         VF_SYND_IMAGE_FOREIGN_DEVICE);
  refuse([](std::uint8_t* p) { VF_SET(image_header, p, features, 4); },
         VF_SYND_IMAGE_FOREIGN_DEVICE);
  refuse([](std::uint8_t* p) { VF_SET(image_header, p, kind, 2); }, VF_SYND_IMAGE_BAD_FIELD);
  refuse([](std::uint8_t* p) { VF_SET(image_header, p, records, 3); }, VF_SYND_IMAGE_BAD_RECORD);
  refuse([](std::uint8_t* p) { VF_SET(image_record, p + FW_IMAGE_HEADER, type, 0x99); },
         VF_SYND_IMAGE_BAD_RECORD);
  refuse([](std::uint8_t* p) { VF_SET(image_record, p + FW_IMAGE_HEADER, type, 0x1c); },
         VF_SYND_IMAGE_BAD_RECORD);
  refuse([](std::uint8_t* p) { VF_SET(image_record, p + FW_IMAGE_HEADER, number, 1); },
         VF_SYND_IMAGE_BAD_FIELD);
}

TEST(Load, HostileFields) {
  Source a;
  Rig b;
  ASSERT_TRUE(b.stop(2));
  const Digest before = b.digest(2);
  const auto refuse = [&](int kind, auto&& edit) {
    Bytes bad = a.image;
    edit(payload(bad, kind));
    seal(bad);
    expect_refused(b.load(2, bad), VF_STATUS_BAD_PARAM, VF_SYND_IMAGE_BAD_FIELD);
  };
  refuse(FW_IMAGE_FUNCTION, [](std::uint8_t* p) { VF_SET(image_function, p, mac_count, 17); });
  refuse(FW_IMAGE_FUNCTION, [](std::uint8_t* p) { VF_SET(image_function, p, mc_count, 200); });
  refuse(FW_IMAGE_FUNCTION, [](std::uint8_t* p) { VF_SET(image_function, p, rx_root_table, 60); });
  refuse(FW_IMAGE_CAPS, [](std::uint8_t* p) { VF_SET(cmd_hca_cap, p, log_max_pd, 31); });
  refuse(FW_IMAGE_FW_PAGES, [](std::uint8_t* p) { vf_be64_store(p + 8, 0x123); });
  refuse(FW_IMAGE_EVENTS, [](std::uint8_t* p) { VF_SET(image_event, p + 8, eqn, 4); });
  refuse(FW_IMAGE_SETS, [](std::uint8_t* p) { std::memset(p, 0, 32); });
  refuse(FW_IMAGE_EQ, [](std::uint8_t* p) { VF_SET(image_eq, p, intr, 32); });
  refuse(FW_IMAGE_EQ, [](std::uint8_t* p) { VF_SET(image_eq, p, log_size, 7); });
  refuse(FW_IMAGE_EQ, [](std::uint8_t* p) { VF_SET(image_eq, p, list_log_page, 60); });
  refuse(FW_IMAGE_CQ, [](std::uint8_t* p) { VF_SET(image_cq, p, eqn, 9); });
  refuse(FW_IMAGE_CQ, [](std::uint8_t* p) { VF_SET(image_cq, p, st, 3); });
  refuse(FW_IMAGE_CQ, [](std::uint8_t* p) { VF_SET(image_cq, p, log_stride, 200); });
  refuse(FW_IMAGE_SQ, [](std::uint8_t* p) { VF_SET(image_sq, p, cqn, 0); });
  refuse(FW_IMAGE_SQ, [](std::uint8_t* p) { VF_SET(image_sq, p, state, 2); });
  refuse(FW_IMAGE_RQ, [](std::uint8_t* p) { VF_SET(image_rq, p, q_counter, 9); });
  refuse(FW_IMAGE_MKEY, [](std::uint8_t* p) { VF_SET(image_mkey, p, pd, 99); });
  refuse(FW_IMAGE_MKEY, [](std::uint8_t* p) { VF_SET(image_mkey, p, mode, 3); });
  refuse(FW_IMAGE_QP, [](std::uint8_t* p) { VF_SET(image_qp, p, log_rq_size, 31); });
  refuse(FW_IMAGE_RQT, [](std::uint8_t* p) { VF_SET(image_rqt, p, max, 0xffffffff); });
  refuse(FW_IMAGE_RQT,
         [](std::uint8_t* p) { vf_be32_store(p + VF_BYTES(image_rqt), VF_RQ_BASE + 3); });
  refuse(FW_IMAGE_TIR, [](std::uint8_t* p) { VF_SET(image_tir, p, rqtn, 30); });
  refuse(FW_IMAGE_FG, [](std::uint8_t* p) { VF_SET(image_fg, p, table, 30); });
  refuse(FW_IMAGE_FTE, [](std::uint8_t* p) { VF_SET(image_fte, p, dest_id, 30); });
  EXPECT_TRUE(b.digest(2) == before);
}

/// What SAVE would not give back is not part of an image.
TEST(Load, UndefinedBits) {
  Source a;
  Rig b;
  ASSERT_TRUE(b.stop(2));
  const Digest before = b.digest(2);
  const auto refuse = [&](int kind, std::size_t at) {
    Bytes bad = a.image;
    payload(bad, kind)[at] |= 1;
    seal(bad);
    expect_refused(b.load(2, bad), VF_STATUS_BAD_PARAM, VF_SYND_IMAGE_BAD_FIELD);
  };
  refuse(FW_IMAGE_CQ, 15);               // between two fields
  refuse(FW_IMAGE_SETS, 47);             // behind the last one
  refuse(FW_IMAGE_EVENTS, 4);            // page size of a list that holds no pages
  refuse(FW_IMAGE_EVENTS, 8 + 3);        // within an event
  refuse(FW_IMAGE_RQT, 16 + 3 * 4 + 3);  // padding of a list of three numbers
  EXPECT_TRUE(b.digest(2) == before);
}

TEST(Load, TombstoneOfSomethingInUse) {
  Rig a;
  Rig b;
  a.populate(1);
  const Bytes first = a.save(1, false, true).image;
  a.nic.ctx(1).eq[5].valid = 0;  // completion queues still refer to it
  const Bytes second = a.save(1, true, true).image;
  ASSERT_TRUE(b.stop(2) && b.load(2, first).ok());
  const Digest before = b.digest(2);
  expect_refused(b.load(2, second), VF_STATUS_BAD_PARAM, VF_SYND_IMAGE_BAD_FIELD);
  EXPECT_TRUE(b.digest(2) == before);
}

TEST(Load, NoRoomForPageLists) {
  Source a;
  Rig b;
  ASSERT_TRUE(b.stop(2));
  std::uint32_t taken = VF_MTT_COUNT;
  while (taken > 0) {
    if (fw_mtt_alloc(&b.firmware(), taken) == UINT32_MAX) {
      taken /= 2;
    }
  }
  fw_mtt_free(&b.firmware(), 5000,
              30);  // less than the image needs, more than its first records need
  const Digest before = b.digest(2);
  expect_refused(b.load(2, a.image), VF_STATUS_NO_RESOURCES, VF_SYND_OUT_OF_TRANSLATIONS);
  EXPECT_TRUE(b.digest(2) == before);
}

TEST(Load, BadTransfers) {
  Source a;
  Rig b;
  ASSERT_TRUE(b.stop(2));
  const std::uint32_t write_only = (VF_MKEY_BASE + 701) << 8;
  b.key(write_only, Rig::kBuffer, 64, false, true);
  const Digest before = b.digest(2);
  expect_refused(b.nic.run(0, b.load_command(2, a.image, write_only)), VF_STATUS_BAD_RESOURCE,
                 VF_SYND_BAD_MKEY);
  expect_refused(b.nic.run(0, b.load_command(2, a.image, 0)), VF_STATUS_BAD_RESOURCE,
                 VF_SYND_BAD_MKEY);
  b.nic.poison[{0, Rig::kBuffer / VF_PAGE_BYTES}] = FW_DMA_TIMEOUT;
  expect_refused(b.load(2, a.image), VF_STATUS_INTERNAL, VF_SYND_DMA_ERROR);
  EXPECT_TRUE(b.digest(2) == before);
}

TEST(Load, FunctionResetMeanwhile) {
  Source a;
  Rig b;
  ASSERT_TRUE(b.stop(1));
  b.nic.defer_dma = true;
  b.nic.submit(0, 1, b.load_command(1, a.image), 16);
  for (int i = 0; i < 50 && b.firmware().vhca[1].op == FW_VHCA_NONE; ++i) {
    b.nic.poll();
    if (b.firmware().vhca[1].op == FW_VHCA_NONE) {
      b.nic.finish_dma(1);
    }
  }
  b.nic.flr(1);
  b.nic.poll();
  const Digest clean = b.digest(1);
  b.nic.defer_dma = false;
  b.nic.finish_dma();
  b.nic.poll();
  expect_refused(b.nic.reply(0, 1), VF_STATUS_BAD_RES_STATE, VF_SYND_FUNCTION_RESET);
  EXPECT_TRUE(b.digest(1) == clean) << "nothing half-installed";
}

}  // namespace
}  // namespace vfsim::fwtest
