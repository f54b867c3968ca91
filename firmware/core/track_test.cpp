// Page trackers: objects, report messages, errors, resets.
#include <gtest/gtest.h>

#include "firmware/core/migration_rig.hpp"

namespace vfsim::fwtest {
namespace {

constexpr std::uint32_t kHostQp = VF_QP_BASE + 3;
constexpr std::uint32_t kFwQp = VF_QP_BASE + 4;
constexpr std::uint32_t kRingKey = (VF_MKEY_BASE + 710) << 8 | 7;
constexpr std::uint64_t kRing = 0x5'0000'0000;    // receive entries
constexpr std::uint64_t kRecord = 0x5'1000'0000;  // doorbell record
constexpr std::uint64_t kMessages = 0x5'2000'0000;
constexpr std::uint32_t kMessageBytes = 4096;
constexpr std::uint32_t kEntries = 16;
constexpr std::uint32_t kCq = VF_CQ_BASE + 12;
constexpr std::uint64_t kPage = VF_PAGE_BYTES;

void expect_refused(const Reply& reply, std::uint32_t status, std::uint32_t syndrome) {
  EXPECT_TRUE(reply.completed);
  EXPECT_EQ(reply.status(), status);
  EXPECT_EQ(reply.syndrome(), syndrome) << std::hex << reply.syndrome();
}

struct Message {
  std::uint32_t state;
  std::vector<std::uint64_t> pages;
};

/// The PF's queue pairs and ring, as the tracking driver sets them up.
class TrackRig : public Rig {
 public:
  TrackRig() {
    vf_qp& host = nic.ctx(0).qp[kHostQp - VF_QP_BASE];
    host.valid = 1;
    host.state = VF_QP_RTR;
    host.rq_type = VF_QP_RQ_NORMAL;
    host.log_rq_size = 4;
    host.log_rq_stride = 4;
    host.remote_qpn = kFwQp;
    host.cqn_rcv = kCq;
    host.dbr_addr = kRecord;
    host.ring = pages_at(kRing, 1);
    vf_qp& own = nic.ctx(0).qp[kFwQp - VF_QP_BASE];
    own.valid = 1;
    own.state = VF_QP_RTS;
    own.rq_type = VF_QP_RQ_ZERO_SIZE;
    own.remote_qpn = kHostQp;
    key(kRingKey, kMessages, kEntries);
    for (std::uint32_t i = 0; i < kEntries; ++i) {
      Bytes entry(16);
      VF_SET(wqe_data, entry.data(), byte_count, kMessageBytes);
      VF_SET(wqe_data, entry.data(), lkey, kRingKey);
      VF_SET(wqe_data, entry.data(), addr, std::uint64_t{i} * kMessageBytes);
      nic.write(0, kRing + i * 16, entry);
    }
    post(kEntries);
  }

  /// Producer counter of the receive ring.
  void post(std::uint32_t counter) {
    Bytes record(8);
    VF_SET(wq_dbr, record.data(), rq_counter, counter);
    nic.write(0, kRecord, record);
  }

  static Bytes create_command(std::uint32_t fn,
                              const std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges) {
    Bytes in =
        command(VF_OP_CREATE_GENERAL_OBJECT, VF_OBJ_TYPE_PAGE_TRACK, 64 + ranges.size() * 16);
    std::uint8_t* obj = in.data() + 16;
    VF_SET(page_track, obj, vhca_id, VF_VHCA_ID_BASE + fn);
    VF_SET(page_track, obj, track_type, 1);
    VF_SET(page_track, obj, log_addr_space_size, 32);
    VF_SET(page_track, obj, log_page_size, 12);
    VF_SET(page_track, obj, log_msg_size, 12);
    VF_SET(page_track, obj, reporting_qpn, kFwQp);
    VF_SET(page_track, obj, num_ranges, ranges.size());
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      VF_SET(page_track_range, in.data() + 64 + i * 16, start_address, ranges[i].first);
      VF_SET(page_track_range, in.data() + 64 + i * 16, length, ranges[i].second);
    }
    return in;
  }
  std::uint32_t create(std::uint32_t fn) {
    const Reply r = nic.run(0, create_command(fn, {{0, 0x1'0000'0000}}));
    EXPECT_TRUE(r.ok());
    return static_cast<std::uint32_t>(VF_GET(general_obj_out_cmd_hdr, r.out.data(), obj_id));
  }
  Reply report(std::uint32_t id, std::uint64_t start = 0, std::uint64_t length = 0x1'0000'0000) {
    Bytes in = command(VF_OP_MODIFY_GENERAL_OBJECT, VF_OBJ_TYPE_PAGE_TRACK, 64);
    std::uint8_t* obj = in.data() + 16;
    VF_SET(general_obj_in_cmd_hdr, in.data(), obj_id, id);
    VF_SET(page_track, obj, modify_field_select, 3);
    VF_SET(page_track, obj, state, VF_PAGE_TRACK_REPORTING);
    VF_SET(page_track, obj, range_start_address, start);
    VF_SET(page_track, obj, length, length);
    const Reply reply = nic.run(0, in);
    for (int i = 0; i < 40; ++i) {  // poll() gives up after a few calls that only started transfers
      nic.poll();
    }
    return reply;
  }
  Reply simple(std::uint32_t opcode, std::uint32_t id) {
    Bytes in = command(opcode, VF_OBJ_TYPE_PAGE_TRACK);
    VF_SET(general_obj_in_cmd_hdr, in.data(), obj_id, id);
    return nic.run(0, in);
  }
  std::uint32_t tracker_state(std::uint32_t id) {
    const Reply r = simple(VF_OP_QUERY_GENERAL_OBJECT, id);
    EXPECT_TRUE(r.ok());
    return static_cast<std::uint32_t>(VF_GET(page_track, r.out.data() + 16, state));
  }
  /// Messages received so far.
  std::vector<Message> messages() {
    std::vector<Message> out;
    for (const PostedCqe& posted : nic.cqes) {
      const std::uint8_t* cqe = posted.cqe.data();
      EXPECT_EQ(posted.fn, 0U);
      EXPECT_EQ(posted.cqn, kCq);
      EXPECT_EQ(VF_GET(cqe, cqe, opcode), std::uint64_t{VF_CQE_RESP_SEND_IMM});
      EXPECT_EQ(VF_GET(cqe, cqe, qpn), kHostQp);
      EXPECT_EQ(VF_GET(cqe, cqe, wqe_counter), out.size());
      Message m{static_cast<std::uint32_t>(VF_GET(cqe, cqe, imm)) >> 28, {}};
      const auto bytes = VF_GET(cqe, cqe, byte_cnt);
      EXPECT_LE(bytes, kMessageBytes);
      const Bytes data = nic.read(0, kMessages + out.size() % kEntries * kMessageBytes, bytes);
      for (std::size_t i = 0; i < bytes; i += 8) {
        m.pages.push_back(vf_be64_load(&data[i]));
      }
      out.push_back(std::move(m));
    }
    return out;
  }
  std::set<std::uint64_t> reported() {
    std::set<std::uint64_t> all;
    for (const Message& m : messages()) {
      all.insert(m.pages.begin(), m.pages.end());
    }
    return all;
  }
};

TEST(Track, ReportsPagesInOneMessage) {
  TrackRig rig;
  ASSERT_TRUE(rig.good);
  const std::uint32_t id = rig.create(1);
  EXPECT_EQ(rig.nic.reg(1, FW_FN_TRACK_CTRL), 1U);
  EXPECT_EQ(rig.nic.ctx(1).track_range_count, 1U);
  rig.nic.dirty[1] = {2 * kPage, 7 * kPage, 100 * kPage};
  EXPECT_TRUE(rig.report(id, kPage, 50 * kPage).ok());
  const auto messages = rig.messages();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].state, std::uint32_t{VF_PAGE_TRACK_TRACKING});
  EXPECT_EQ(messages[0].pages, (std::vector<std::uint64_t>{2 * kPage, 7 * kPage}));
  EXPECT_EQ(rig.tracker_state(id), std::uint32_t{VF_PAGE_TRACK_TRACKING});
  EXPECT_EQ(rig.nic.dirty[1].size(), 1U) << "what lies outside the range stays marked";
}

TEST(Track, EmptyReportIsAMessageWithoutPages) {
  TrackRig rig;
  EXPECT_TRUE(rig.report(rig.create(1)).ok());
  const auto messages = rig.messages();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].state, std::uint32_t{VF_PAGE_TRACK_TRACKING});
  EXPECT_TRUE(messages[0].pages.empty());
}

TEST(Track, LongReportGoesInMessagesAndSnapshots) {
  TrackRig rig;
  const std::uint32_t id = rig.create(1);
  const std::uint32_t pages = VF_TRACK_SNAPSHOT + 700;
  for (std::uint32_t i = 0; i < pages; ++i) {
    rig.nic.dirty[1].insert(i * 2 * kPage);
  }
  const auto expected = rig.nic.dirty[1];
  EXPECT_TRUE(rig.report(id).ok());
  const auto messages = rig.messages();
  ASSERT_EQ(messages.size(), 8U + 2U) << "512 pages a message";
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_EQ(messages[i].state, i + 1 < messages.size() ? 1U : 0U);
    EXPECT_FALSE(messages[i].pages.empty());
  }
  EXPECT_EQ(rig.reported(), expected);
}

TEST(Track, WaitsForReceiveEntries) {
  TrackRig rig;
  const std::uint32_t id = rig.create(1);
  for (std::uint32_t i = 0; i < 1024; ++i) {
    rig.nic.dirty[1].insert(i * kPage);
  }
  rig.post(1);
  const Bytes before = rig.nic.read(0, kMessages + kMessageBytes, 64);
  Bytes in = command(VF_OP_MODIFY_GENERAL_OBJECT, VF_OBJ_TYPE_PAGE_TRACK, 64);
  VF_SET(general_obj_in_cmd_hdr, in.data(), obj_id, id);
  VF_SET(page_track, in.data() + 16, modify_field_select, 3);
  VF_SET(page_track, in.data() + 16, state, VF_PAGE_TRACK_REPORTING);
  VF_SET(page_track, in.data() + 16, length, 0x1'0000'0000);
  rig.nic.submit(0, 0, in, 16);
  rig.nic.poll(200);
  EXPECT_EQ(rig.messages().size(), 1U);
  EXPECT_EQ(rig.nic.read(0, kMessages + kMessageBytes, 64), before);
  const std::size_t transfers = rig.nic.dma_log.size();
  rig.nic.poll(100);  // 10 us of waiting
  EXPECT_LE(rig.nic.dma_log.size() - transfers, 10U) << "looks at the record at a bounded rate";
  rig.post(3);
  rig.nic.poll(200);
  EXPECT_EQ(rig.messages().size(), 2U);
  EXPECT_EQ(rig.reported().size(), 1024U);
}

TEST(Track, ReceiveCounterWraps) {
  TrackRig rig;
  const std::uint32_t id = rig.create(1);
  rig.nic.ctx(0).qp[kHostQp - VF_QP_BASE].rq_hw_counter = 0xffff;
  rig.post(0x0001);
  rig.nic.dirty[1] = {kPage};
  EXPECT_TRUE(rig.report(id).ok());
  ASSERT_EQ(rig.nic.cqes.size(), 1U);
  EXPECT_EQ(VF_GET(cqe, rig.nic.cqes[0].cqe.data(), wqe_counter), 0xffffU);
  EXPECT_EQ(vf_be64_load(rig.nic.read(0, kMessages + 15 * kMessageBytes, 8).data()), kPage);
}

TEST(Track, CompletionFollowsThePayload) {
  TrackRig rig;
  const std::uint32_t id = rig.create(1);
  rig.nic.dirty[1] = {kPage};
  EXPECT_TRUE(rig.report(id).ok());
  rig.nic.cqes.clear();
  rig.nic.dirty[1] = {5 * kPage};
  rig.nic.defer_dma = true;
  Bytes in = command(VF_OP_MODIFY_GENERAL_OBJECT, VF_OBJ_TYPE_PAGE_TRACK, 64);
  VF_SET(general_obj_in_cmd_hdr, in.data(), obj_id, id);
  VF_SET(page_track, in.data() + 16, modify_field_select, 3);
  VF_SET(page_track, in.data() + 16, state, VF_PAGE_TRACK_REPORTING);
  VF_SET(page_track, in.data() + 16, length, 0x1'0000'0000);
  rig.nic.submit(0, 0, in, 16);
  for (int i = 0; i < 50 && rig.nic.cqes.empty(); ++i) {
    rig.nic.poll();
    if (rig.nic.cqes.empty()) {
      rig.nic.finish_dma(1);
    }
  }
  ASSERT_EQ(rig.nic.cqes.size(), 1U);
  EXPECT_EQ(vf_be64_load(rig.nic.read(0, kMessages + kMessageBytes, 8).data()), 5 * kPage);
}

TEST(Track, BothFormsOfRanges) {
  TrackRig rig;
  // The older form says last - start: one byte less than the length.
  const std::vector<std::pair<std::uint64_t, std::uint64_t>> older = {{0x10000, 0xffff},
                                                                      {0x100000, 0x1fff}};
  ASSERT_TRUE(rig.nic.run(0, TrackRig::create_command(1, older)).ok());
  const std::vector<std::pair<std::uint64_t, std::uint64_t>> newer = {{0x10000, 0x10000},
                                                                      {0x100000, 0x2000}};
  ASSERT_TRUE(rig.nic.run(0, TrackRig::create_command(2, newer)).ok());
  EXPECT_EQ(rig.nic.ctx(1).track_range_count, 2U);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(rig.nic.ctx(1).track_range[i].start, rig.nic.ctx(2).track_range[i].start);
    EXPECT_EQ(rig.nic.ctx(1).track_range[i].length, rig.nic.ctx(2).track_range[i].length);
  }
}

TEST(Track, Refusals) {
  TrackRig rig;
  const auto create = [&](auto&& edit) {
    Bytes in = TrackRig::create_command(1, {{0, 0x10000}});
    edit(in);
    return rig.nic.run(0, in);
  };
  const auto object = [](Bytes& in) { return in.data() + 16; };
  expect_refused(
      create([](Bytes& in) { VF_SET(general_obj_in_cmd_hdr, in.data(), obj_type, 0x13); }),
      VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  expect_refused(create([&](Bytes& in) { VF_SET(page_track, object(in), vhca_id, 7); }),
                 VF_STATUS_BAD_PARAM, VF_SYND_BAD_VHCA_ID);
  expect_refused(create([&](Bytes& in) { VF_SET(page_track, object(in), log_page_size, 30); }),
                 VF_STATUS_BAD_PARAM, VF_SYND_UNSUPPORTED_FIELD);
  expect_refused(
      create([&](Bytes& in) { VF_SET(page_track, object(in), log_addr_space_size, 63); }),
      VF_STATUS_BAD_PARAM, VF_SYND_TRACK_BAD_RANGE);
  expect_refused(create([&](Bytes& in) { VF_SET(page_track, object(in), num_ranges, 0); }),
                 VF_STATUS_BAD_PARAM, VF_SYND_TRACK_BAD_RANGE);
  expect_refused(create([&](Bytes& in) { VF_SET(page_track, object(in), num_ranges, 2); }),
                 VF_STATUS_BAD_INPUT_LEN, VF_SYND_SHORT_INPUT);
  expect_refused(create([&](Bytes& in) {
                   VF_SET(page_track_range, in.data() + 64, start_address, ~0xfffULL);
                 }),
                 VF_STATUS_BAD_PARAM, VF_SYND_TRACK_BAD_RANGE);
  expect_refused(create([&](Bytes& in) { VF_SET(page_track, object(in), reporting_qpn, kHostQp); }),
                 VF_STATUS_BAD_RESOURCE, VF_SYND_TRACK_BAD_QP);
  EXPECT_EQ(rig.nic.reg(1, FW_FN_TRACK_CTRL), 0U);
  const std::uint32_t id = rig.create(1);
  expect_refused(create([](Bytes&) {}), VF_STATUS_RES_BUSY, VF_SYND_TRACK_BUSY);
  expect_refused(rig.report(id + 1), VF_STATUS_BAD_RESOURCE, VF_SYND_BAD_OBJECT);
  expect_refused(rig.report(id, 0, 0), VF_STATUS_BAD_PARAM, VF_SYND_TRACK_BAD_RANGE);
  EXPECT_TRUE(rig.simple(VF_OP_DESTROY_GENERAL_OBJECT, id).ok());
  EXPECT_EQ(rig.nic.reg(1, FW_FN_TRACK_CTRL), 0U);
  expect_refused(rig.simple(VF_OP_QUERY_GENERAL_OBJECT, id), VF_STATUS_BAD_RESOURCE,
                 VF_SYND_BAD_OBJECT);
}

TEST(Track, SecondReportWhileOneRuns) {
  TrackRig rig;
  const std::uint32_t id = rig.create(1);
  rig.post(0);  // no entry: the report waits
  rig.nic.dirty[1] = {kPage};
  Bytes in = command(VF_OP_MODIFY_GENERAL_OBJECT, VF_OBJ_TYPE_PAGE_TRACK, 64);
  VF_SET(general_obj_in_cmd_hdr, in.data(), obj_id, id);
  VF_SET(page_track, in.data() + 16, modify_field_select, 3);
  VF_SET(page_track, in.data() + 16, state, VF_PAGE_TRACK_REPORTING);
  VF_SET(page_track, in.data() + 16, length, 0x1'0000'0000);
  rig.nic.submit(0, 0, in, 16);
  rig.nic.poll(50);
  EXPECT_TRUE(rig.nic.reply(0, 0).ok());
  rig.nic.submit(0, 0, in, 16);
  rig.nic.poll(50);
  expect_refused(rig.nic.reply(0, 0), VF_STATUS_RES_BUSY, VF_SYND_TRACK_BUSY);
  rig.nic.submit(
      0, 0,
      [&] {
        Bytes destroy = command(VF_OP_DESTROY_GENERAL_OBJECT, VF_OBJ_TYPE_PAGE_TRACK);
        VF_SET(general_obj_in_cmd_hdr, destroy.data(), obj_id, id);
        return destroy;
      }(),
      16);
  rig.nic.poll(50);
  EXPECT_TRUE(rig.nic.reply(0, 0).ok());
  EXPECT_LT(rig.nic.poll(), 50) << "nothing waits any more";
}

TEST(Track, ErrorKillsTheTracker) {
  TrackRig rig;
  vf_eq& eq = rig.nic.ctx(0).eq[2];
  eq.valid = 1;
  eq.mask[0] = 1ULL << VF_EVENT_OBJECT_CHANGE;
  const std::uint32_t id = rig.create(1);
  rig.nic.dirty[1] = {kPage};
  rig.nic.ctx(0).mkey[710].local_write = 0;
  EXPECT_TRUE(rig.report(id).ok()) << "the report had started";
  EXPECT_EQ(rig.tracker_state(id), std::uint32_t{VF_PAGE_TRACK_ERROR});
  EXPECT_TRUE(rig.nic.cqes.empty());
  ASSERT_EQ(rig.nic.events.size(), 1U);
  EXPECT_EQ(rig.nic.events[0].event.type, VF_EVENT_OBJECT_CHANGE);
  EXPECT_EQ(VF_GET(eqe_object_change, rig.nic.events[0].event.data, obj_id), id);
  expect_refused(rig.report(id), VF_STATUS_BAD_RES_STATE, VF_SYND_TRACK_DEAD);
  EXPECT_TRUE(rig.simple(VF_OP_DESTROY_GENERAL_OBJECT, id).ok());
}

TEST(Track, FunctionResetKeepsTheTracker) {
  TrackRig rig;
  const std::uint32_t id = rig.create(1);
  rig.nic.dirty[1] = {kPage};
  rig.nic.flr(1);
  rig.nic.poll();
  EXPECT_EQ(rig.tracker_state(id), std::uint32_t{VF_PAGE_TRACK_TRACKING});
  EXPECT_EQ(rig.nic.reg(1, FW_FN_TRACK_CTRL), 1U);
  EXPECT_EQ(rig.nic.ctx(1).track_range_count, 1U);
  rig.nic.dirty[1] = {9 * kPage};
  EXPECT_TRUE(rig.report(id).ok());
  EXPECT_EQ(rig.reported(), (std::set<std::uint64_t>{9 * kPage}));
}

TEST(Track, FunctionResetAtEveryStepOfAReport) {
  for (int at = 0; at < 12; ++at) {
    TrackRig rig;
    const std::uint32_t id = rig.create(1);
    rig.nic.dirty[1] = {kPage, 2 * kPage};
    rig.nic.defer_dma = true;
    Bytes in = command(VF_OP_MODIFY_GENERAL_OBJECT, VF_OBJ_TYPE_PAGE_TRACK, 64);
    VF_SET(general_obj_in_cmd_hdr, in.data(), obj_id, id);
    VF_SET(page_track, in.data() + 16, modify_field_select, 3);
    VF_SET(page_track, in.data() + 16, state, VF_PAGE_TRACK_REPORTING);
    VF_SET(page_track, in.data() + 16, length, 0x1'0000'0000);
    rig.nic.submit(0, 0, in, 16);
    for (int i = 0; i < at; ++i) {
      rig.nic.poll(50);
      rig.nic.finish_dma(1);
    }
    rig.nic.flr(1);
    for (int i = 0; i < 50; ++i) {
      rig.nic.poll(50);
      rig.nic.finish_dma(1);
    }
    const auto messages = rig.messages();
    ASSERT_FALSE(messages.empty()) << "step " << at;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      EXPECT_EQ(messages[i].state, i + 1 < messages.size() ? 1U : 0U) << "step " << at;
      EXPECT_TRUE(messages[i].state == 0 || !messages[i].pages.empty()) << "step " << at;
    }
  }
}

TEST(Track, PfResetEndsTrackers) {
  TrackRig rig;
  rig.create(1);
  rig.nic.flr(0);
  rig.nic.poll();
  EXPECT_EQ(rig.nic.reg(1, FW_FN_TRACK_CTRL), 0U);
  EXPECT_EQ(rig.firmware().track_reports, 0U);
}

}  // namespace
}  // namespace vfsim::fwtest
