// What the tests of SUSPEND, SAVE, LOAD and the page trackers share: a MockNic whose PF has memory
// keys, the migration commands as calls, and a VF filled with an object of every kind.
#pragma once

#include <string>

extern "C" {
#include "firmware/core/fw_internal.h"
}
#include "firmware/core/mock_hal.hpp"

namespace vfsim::fwtest {

/// Bytes of everything LOAD may change, to see that a refused image changes nothing.
struct Digest {
  Bytes context, firmware, mtt_used;
  std::map<std::uint32_t, std::uint32_t> registers;
  bool operator==(const Digest& o) const {
    return context == o.context && firmware == o.firmware && mtt_used == o.mtt_used &&
           registers == o.registers;
  }
};

struct Sizes {
  Reply reply;
  std::uint32_t required, state;
  std::uint64_t remaining;
};
struct Saved {
  Reply reply;
  Bytes image;
  std::uint32_t next = 0;
  [[nodiscard]] bool ok() const { return reply.ok(); }
};

template <class T>
Bytes bytes_of(const T& value) {
  const auto* p = reinterpret_cast<const std::uint8_t*>(&value);
  return Bytes(p, p + sizeof value);
}

class Rig {
 public:
  static constexpr std::uint32_t kKey =
      (VF_MKEY_BASE + 700) << 8 | 0x5a;  ///< image buffer of the PF
  static constexpr std::uint64_t kBuffer = 0x7'0000'0000;
  static constexpr std::uint32_t kBufferPages = 512;

  explicit Rig(const fw_config& config = MockNic::default_config())
      : own_(std::make_unique<MockNic>(config)), nic(*own_) {
    set_up();
  }
  /// Around a NIC whose function 1 is in use already.
  explicit Rig(MockNic& other) : nic(other) { set_up(); }
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

 private:
  std::unique_ptr<MockNic> own_;

 public:
  MockNic& nic;
  bool good = false;

 private:
  void set_up() {
    for (std::uint32_t fn = 0; fn < 4; ++fn) {
      nic.set_queue(fn, MockNic::queue_of(fn));
    }
    good = nic.bring_up(0) && nic.bring_up(2) && nic.bring_up(3) &&
           (nic.ctx(1).enabled != 0 || nic.bring_up(1));
    key(kKey, kBuffer, kBufferPages);
  }

 public:
  fw& firmware() { return *nic.firmware(); }
  fw_function& state(std::uint32_t fn) { return firmware().fn[fn]; }

  /// A memory key of the PF over consecutive pages.
  void key(std::uint32_t mkey, std::uint64_t addr, std::uint32_t pages, bool read = true,
           bool write = true) {
    vf_mkey& k = nic.ctx(0).mkey[(mkey >> 8) - VF_MKEY_BASE];
    k.valid = 1;
    k.mode = VF_MKC_MODE_MTT;
    k.key = static_cast<std::uint8_t>(mkey);
    k.local_read = read;
    k.local_write = write;
    k.len = std::uint64_t{pages} * VF_PAGE_BYTES;
    k.pages = pages_at(addr, pages);
  }
  vf_pages pages_at(std::uint64_t addr, std::uint32_t pages) {
    const std::uint32_t mtt = fw_mtt_alloc(&firmware(), pages);
    for (std::uint32_t i = 0; i < pages; ++i) {
      nic.ram().mtt[mtt + i] = addr + std::uint64_t{i} * VF_PAGE_BYTES;
    }
    return {mtt, pages, VF_PAGE_SHIFT, {}};
  }

  // ---- commands ----
  static Bytes vhca_command(std::uint32_t opcode, std::uint32_t fn, std::uint32_t op_mod = 0) {
    Bytes in = command(opcode, op_mod);
    VF_SET(suspend_vhca_in, in.data(), vhca_id,
           VF_VHCA_ID_BASE + fn);  // same place in all five commands
    return in;
  }
  Reply suspend(std::uint32_t fn, std::uint32_t half) {
    return nic.run(0, vhca_command(VF_OP_SUSPEND_VHCA, fn, half));
  }
  Reply resume(std::uint32_t fn, std::uint32_t half) {
    return nic.run(0, vhca_command(VF_OP_RESUME_VHCA, fn, half));
  }
  bool stop(std::uint32_t fn) {
    return suspend(fn, VF_SUSPEND_INITIATOR).ok() && suspend(fn, VF_SUSPEND_RESPONDER).ok();
  }
  bool run(std::uint32_t fn) {
    return resume(fn, VF_RESUME_RESPONDER).ok() && resume(fn, VF_RESUME_INITIATOR).ok();
  }

  Sizes query(std::uint32_t fn, bool incremental = false, bool chunk = false) {
    Bytes in = vhca_command(VF_OP_QUERY_VHCA_MIGRATION_STATE, fn);
    VF_SET(query_vhca_migration_state_in, in.data(), incremental, incremental ? 1U : 0U);
    VF_SET(query_vhca_migration_state_in, in.data(), chunk, chunk ? 1U : 0U);
    Sizes s{nic.run(0, in), 0, 0, 0};
    if (s.reply.ok()) {
      const std::uint8_t* out = s.reply.out.data();
      s.required = static_cast<std::uint32_t>(
          VF_GET(query_vhca_migration_state_out, out, required_umem_size));
      s.state =
          static_cast<std::uint32_t>(VF_GET(query_vhca_migration_state_out, out, migration_state));
      s.remaining = VF_GET(query_vhca_migration_state_out, out, remaining_total_size);
    }
    return s;
  }
  static Bytes save_command(std::uint32_t fn, bool incremental, bool set_track, std::uint32_t size,
                            std::uint32_t mkey = kKey) {
    Bytes in = vhca_command(VF_OP_SAVE_VHCA_STATE, fn);
    VF_SET(save_vhca_state_in, in.data(), incremental, incremental ? 1U : 0U);
    VF_SET(save_vhca_state_in, in.data(), set_track, set_track ? 1U : 0U);
    VF_SET(save_vhca_state_in, in.data(), mkey, mkey);
    VF_SET(save_vhca_state_in, in.data(), size, size);
    return in;
  }
  Saved take(Reply reply) {
    Saved s{std::move(reply), {}, 0};
    if (s.reply.ok()) {
      const std::uint8_t* out = s.reply.out.data();
      s.image = nic.read(0, kBuffer, VF_GET(save_vhca_state_out, out, actual_image_size));
      s.next =
          static_cast<std::uint32_t>(VF_GET(save_vhca_state_out, out, next_required_umem_size));
    }
    return s;
  }
  Saved save(std::uint32_t fn, bool incremental = false, bool set_track = false,
             std::uint32_t size = kBufferPages * VF_PAGE_BYTES, std::uint32_t mkey = kKey) {
    return take(nic.run(0, save_command(fn, incremental, set_track, size, mkey)));
  }
  Bytes load_command(std::uint32_t fn, const Bytes& image, std::uint32_t mkey = kKey) {
    Bytes in = vhca_command(VF_OP_LOAD_VHCA_STATE, fn);
    nic.write(0, kBuffer, image);
    VF_SET(load_vhca_state_in, in.data(), mkey, mkey);
    VF_SET(load_vhca_state_in, in.data(), size, image.size());
    return in;
  }
  Reply load(std::uint32_t fn, const Bytes& image) { return nic.run(0, load_command(fn, image)); }

  Digest digest(std::uint32_t fn) {
    Digest d{bytes_of(nic.ctx(fn)), bytes_of(state(fn)), bytes_of(firmware().mtt_used), {}};
    for (const std::uint32_t r :
         {FW_FN_CMD_DB, FW_FN_CMDQ_HI, FW_FN_CMDQ_LO, FW_FN_CTRL, FW_FN_MSIX_PEND}) {
      d.registers[r] = nic.reg(fn, r);
    }
    return d;
  }

  /// One object of every kind and some of several, indices in the middle of nowhere, something
  /// pending everywhere.
  void populate(std::uint32_t fn);

 private:
  void populate_queues(std::uint32_t fn);
  void populate_steering(std::uint32_t fn);
};

inline void Rig::populate_queues(std::uint32_t fn) {
  vf_function& f = nic.ctx(fn);
  const std::uint32_t uar = VF_BAR_FIRST_UAR;
  f.pd[0] = f.pd[200] = f.td[3] = f.uar[0] = f.uar[63] = 1;
  for (std::uint32_t i : {0U, 5U, 30U}) {
    f.eq[i] = {1,
               VF_QUEUE_ARMED,
               6,
               0,
               static_cast<std::uint16_t>(i % 3),
               7,
               uar,
               0x123400 + i,
               0x123440 + i,
               0,
               pages_at(0x10000 + i * 0x10000, 1),
               {1ULL << VF_EVENT_CMD, 0, 0, i}};
  }
  for (std::uint32_t i : {1U, 2U, 255U}) {
    vf_cq& q = f.cq[i];
    q.valid = 1;
    q.st = i == 2 ? VF_QUEUE_FIRED : VF_QUEUE_ARMED;
    q.log_size = 7;
    q.log_stride = 6;
    q.solicited = i == 255;
    q.uar = uar;
    q.eqn = VF_EQ_BASE + 5;
    q.ci = 0xfffff0 + i % 8;
    q.pi = 0xfffff8 + i % 4;
    q.arm_sn = i & 3;
    q.dbr_addr = 0x55000 + i * 8;
    q.ring = pages_at(0x200000 + i * 0x10000, 2);
  }
  f.tis[4] = {1, 3, 0, VF_TD_BASE + 3, VF_PD_BASE};
  f.qc[1] = {1, {}, 77};
  for (std::uint32_t i : {0U, 9U}) {
    f.sq[i] = {1,
               VF_WQ_RDY,
               6,
               6,
               0,
               0xfffe,
               static_cast<std::uint16_t>(i == 9 ? 4 : 0xfffe),
               1,
               VF_CQ_BASE + 1,
               VF_TIS_BASE + 4,
               VF_PD_BASE + 200,
               uar,
               0xabcdef,
               0,
               0x80000001,
               0x66000 + i,
               pages_at(0x400000 + i * 0x10000, 1)};
    f.rq[i] = {1,
               VF_WQ_RDY,
               8,
               4,
               0,
               513,
               600,
               1,
               VF_CQ_BASE + 255,
               0,
               VF_PD_BASE,
               0,
               0x777,
               VF_QC_BASE + 1,
               0x10,
               0x67000 + i,
               pages_at(0x500000 + i * 0x10000, 1)};
  }
  for (std::uint32_t i : {0U, 1023U}) {
    vf_mkey& k = f.mkey[i];
    k.valid = 1;
    k.mode = i == 0 ? VF_MKC_MODE_PA : VF_MKC_MODE_MTT;
    k.key = 0x42;
    k.local_read = k.local_write = k.relaxed_write = 1;
    k.length64 = i == 0;
    k.pd = VF_PD_BASE;
    k.qpn = 0xffffff;
    k.start = 0x1000;
    k.len = i == 0 ? 0 : 40 * VF_PAGE_BYTES;
    k.pages = i == 0 ? vf_pages{} : pages_at(0x9'0000'0000, 40);
  }
  vf_qp& qp = f.qp[17];
  qp.valid = 1;
  qp.state = VF_QP_RTR;
  qp.log_rq_size = 5;
  qp.pd = VF_PD_BASE;
  qp.uar = uar;
  qp.remote_qpn = 0x333;
  qp.cqn_rcv = VF_CQ_BASE + 2;
  qp.rq_hw_counter = 12345;
  qp.dbr_addr = 0x68000;
  qp.ring = pages_at(0x700000, 1);
}

inline void Rig::populate_steering(std::uint32_t fn) {
  vf_function& f = nic.ctx(fn);
  f.rqt[2].valid = 1;
  f.rqt[2].max = 8;
  f.rqt[2].actual = 3;
  for (std::uint32_t i = 0; i < 3; ++i) {
    f.rqt[2].rqn[i] = VF_RQ_BASE + (i == 1 ? 9 : 0);
  }
  f.tir[0].valid = 1;
  f.tir[0].disp_type = VF_TIR_DISP_INDIRECT;
  f.tir[0].hash_fn = 2;
  f.tir[0].rqtn = VF_RQT_BASE + 2;
  f.tir[0].td = VF_TD_BASE + 3;
  for (std::uint32_t i = 0; i < 10; ++i) {
    f.tir[0].toeplitz[i] = 0x01020304 * (i + 1);
  }
  f.tir[127].valid = 1;
  f.tir[127].inline_rqn = VF_RQ_BASE + 9;
  f.tir[127].td = VF_TD_BASE + 3;
  f.ft[0].valid = f.ft[1].valid = 1;
  f.ft[0].log_size = f.ft[1].log_size = 4;
  f.ft[0].miss_table = VF_FT_BASE + 1;
  f.fg[0].valid = 1;
  f.fg[0].table = VF_FT_BASE;
  f.fg[0].last = 15;
  f.fg[0].mask[5] = 0xff;
  f.fte[100].valid = 1;
  f.fte[100].dest_type = 2;
  f.fte[100].action = 4;
  f.fte[100].table = VF_FT_BASE;
  f.fte[100].group = VF_FG_BASE;
  f.fte[100].dest_id = VF_TIR_BASE;
  f.fte[100].value[5] = 0x11;
}

inline void Rig::populate(std::uint32_t fn) {
  vf_function& f = nic.ctx(fn);
  fw_function& s = state(fn);
  populate_queues(fn);
  populate_steering(fn);
  f.counters.rx_unicast_octets = 0x1122334455667788;
  f.counters.rx_dropped = 3;
  firmware().port_base[fn].tx_unicast_packets = 99;
  std::memcpy(s.driver_version, "Linux,mlx5_core,6.12", 21);
  s.issi = 1;
  s.page_count = 3;
  for (std::uint32_t i = 0; i < 3; ++i) {
    s.page[i] = 0x3'0000'0000 + i * 0x7000;
  }
  s.caps_changed[0] = true;
  VF_SET(cmd_hca_cap, s.caps_set[0], log_max_pd, 5);
  f.held_events = 2;
  f.held_event[0].type = VF_EVENT_PAGE_REQUEST;
  f.held_event[0].eqn = VF_EQ_BASE;
  f.held_event[1].type = VF_EVENT_CMD;
  f.held_event[1].eqn = VF_EQ_BASE + 30;
  f.held_event[1].data[27] = 0x80;
  nic.reg(fn, FW_FN_MSIX_PEND) = 0x5;
}

}  // namespace vfsim::fwtest
