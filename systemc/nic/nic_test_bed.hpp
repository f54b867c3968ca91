// A NIC on a real host model, with a recording wire and objects made the way firmware makes them.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "systemc/nic/nic.hpp"
#include "systemc/nic/nic_impl.hpp"
#include "systemc/pcie/host.hpp"

namespace vfsim::model {

using Bytes = std::vector<std::uint8_t>;

/// Keeps what was sent; the line takes 1 ns per byte.
class RecordingWire final : public WirePort {
 public:
  explicit RecordingWire(Calendar& calendar) : calendar_(calendar) {}
  void send(const std::uint8_t* bytes, std::uint32_t length) override {
    free_at_ = std::max(free_at_, calendar_.now()) + length * kNs;
    frames.emplace_back(bytes, bytes + length);
  }
  [[nodiscard]] Ps tx_free_at() const override { return std::max(free_at_, calendar_.now()); }
  std::vector<Bytes> frames;

 private:
  Calendar& calendar_;
  Ps free_at_ = 0;
};

/// Notes posted writes and interrupts as they become visible, as "W <iova>" and "I <fn>.<vector>".
class TraceObserver final : public Observer {
 public:
  void tlp_landed(Ps, std::uint8_t, const Tlp& tlp, const std::uint8_t*, bool ok) override {
    if (tlp.kind == TlpKind::mem_write && !tlp.interrupt) {
      events.push_back((ok ? "W " : "F ") + std::to_string(tlp.addr));
    }
  }
  void msi(Ps, FnRef who, std::uint32_t vector, MsiAction) override {
    events.push_back("I " + std::to_string(who.fn) + "." + std::to_string(vector));
  }
  std::vector<std::string> events;
};

/// One SystemC elaboration. The firmware is not started: tests write contexts and registers
/// themselves.
class NicTestBed {
 public:
  static constexpr std::uint64_t kFunctionBytes =
      4 << 20;  // memory of function f: from f * kFunctionBytes on
  static constexpr Rid kRid = Host::kNicRid;
  // Places in a function's memory.
  static constexpr std::uint64_t kEqRing = 0x10000, kCqRing = 0x20000, kSqRing = 0x30000,
                                 kRqRing = 0x40000;
  static constexpr std::uint64_t kRecords = 0x50000, kBuffers = 0x100000;
  static constexpr std::uint64_t kCqRecord = kRecords, kSqRecord = kRecords + 64,
                                 kRqRecord = kRecords + 128;
  static constexpr std::uint32_t kKey = (VF_MKEY_BASE << 8) | 0x42;
  static constexpr std::uint32_t kPd = VF_PD_BASE;
  static constexpr std::uint32_t kMemory = 2, kMaster = 4;  // command register

  explicit NicTestBed(const NicParams& params = NicParams(), const PcieParams& pcie = PcieParams(),
                      const BlockMakers& makers = {})
      : calendar("calendar"),
        host(calendar, probes, host_params(), pcie, 0),
        nic(calendar, probes, params, pcie, 0, kRid, makers),
        wire(calendar) {
    probes.subscribe(trace, {Probe::tlp_landed, Probe::msi});
    PciePort& port = host.attach(nic, kRid, params.vfs + 1);
    nic.connect(port, wire);
    set_command(0, kMemory | kMaster);
    for (std::uint32_t fn = 0; fn <= params.vfs; ++fn) {
      host.iommu().map(static_cast<Rid>(kRid + fn),
                       {0, kFunctionBytes, fn * kFunctionBytes, true, true});
    }
  }

  [[nodiscard]] vf_function& context(std::uint32_t fn) { return nic.impl().core.ram->fn[fn]; }
  [[nodiscard]] std::uint32_t reg(std::uint32_t fn, std::uint32_t offset) {
    return nic.impl().registers.reg_read(fw_fn_reg(fn, offset));
  }
  void set_reg(std::uint32_t fn, std::uint32_t offset, std::uint32_t value) {
    nic.impl().registers.reg_write(fw_fn_reg(fn, offset), value);
  }
  void run(Ps duration) {
    calendar.run_for(duration);
  }

  // Memory of a function, at its bus address.
  std::uint8_t* memory(std::uint32_t fn, std::uint64_t iova) {
    return host.memory().view(fn * kFunctionBytes + iova, 1);
  }
  Bytes read(std::uint32_t fn, std::uint64_t iova, std::size_t count) {
    return Bytes(memory(fn, iova), memory(fn, iova) + count);
  }
  void write(std::uint32_t fn, std::uint64_t iova, const Bytes& bytes) {
    host.memory().write(fn * kFunctionBytes + iova, bytes.data(), bytes.size());
  }

  /// Enables `count` VFs and makes functions 0..count ready, with a MAC 02:00:00:00:00:<fn>.
  void enable_vfs(std::uint32_t count) {
    ConfigSpace& config = nic.impl().control.function(0).config();
    config.write(ConfigSpace::kSriovCap + 0x10, count, 2);
    config.write(ConfigSpace::kSriovCap + 0x08, 9, 2);
    for (std::uint32_t fn = 0; fn <= count; ++fn) {
      set_command(fn, kMemory | kMaster);
      vf_function& c = context(fn);
      c.enabled = 1;
      c.link_up = 1;
      c.mac_count = 1;
      c.mac[0][0] = 2;
      c.mac[0][5] = static_cast<std::uint8_t>(fn);
      set_reg(fn, FW_FN_CTRL, FW_CTRL_READY);
      set_reg(fn, FW_FN_MAC_UPDATE, 1);
    }
  }

  void set_command(std::uint32_t fn, std::uint32_t bits) {
    nic.impl().control.function(fn).config().write(0x04, bits, 2);
  }

  /// Page list over [iova, iova + bytes).
  vf_pages pages(std::uint64_t iova, std::uint64_t bytes) {
    vf_pages list{};
    list.mtt = mtt_;
    list.pages = static_cast<std::uint32_t>((bytes + 4095) / 4096);
    list.log_page = 12;
    for (std::uint32_t i = 0; i < list.pages; ++i) {
      nic.impl().core.ram->mtt[mtt_++] = iova + i * 4096ULL;
    }
    return list;
  }

  /// EQ, CQ, SQ, RQ (number 0 of each kind), a key over the whole memory, vector 0 unmasked with
  /// data `fn`.
  void make_queues(std::uint32_t fn, std::uint8_t log_size = 4) {
    vf_function& c = context(fn);
    c.eq[0].valid = 1;
    c.eq[0].st = VF_QUEUE_FIRED;
    c.eq[0].log_size = log_size;
    c.eq[0].ring = pages(kEqRing, 64ULL << log_size);
    c.eq[0].mask[0] = 1ULL << VF_EVENT_CQ_ERROR | 1ULL << VF_EVENT_WQ_CATAS_ERROR;
    c.cq[0].valid = 1;
    c.cq[0].st = VF_QUEUE_FIRED;
    c.cq[0].log_size = log_size;
    c.cq[0].log_stride = 6;
    c.cq[0].eqn = VF_EQ_BASE;
    c.cq[0].dbr_addr = kCqRecord;
    c.cq[0].ring = pages(kCqRing, 64ULL << log_size);
    make_wq(c.sq[0], kSqRing, kSqRecord, 6, log_size);
    make_wq(c.rq[0], kRqRing, kRqRecord, 4, log_size);
    vf_mkey& key = c.mkey[0];
    key.valid = 1;
    key.mode = VF_MKC_MODE_MTT;
    key.key = 0x42;
    key.local_read = key.local_write = 1;
    key.pd = kPd;
    key.len = kFunctionBytes;
    key.pages = pages(0, kFunctionBytes);
    unmask_vector(fn);
  }

  void unmask_vector(std::uint32_t fn) {
    nic.impl().control.function(fn).config().write(ConfigSpace::kMsixCap + 2, 0x8000, 2);
    MsixTable& table = nic.impl().interrupts.table(fn);
    table.write_table(0, kMsiWindow, 8);
    table.write_table(8, 0, 4);
    table.write_table(12, 0, 4);
    host.route_interrupt(static_cast<Rid>(kRid + fn), 0, [] {});
  }

  /// Puts a WQE {ctrl, eth, data segment} at block `index` of the send ring.
  void put_send(std::uint32_t fn, std::uint32_t index, std::uint64_t addr, std::uint32_t bytes,
                std::uint32_t lkey = kKey, std::uint32_t ce = 2) {
    std::uint8_t* wqe = memory(fn, kSqRing + (index % (1U << context(fn).sq[0].log_size)) * 64ULL);
    std::memset(wqe, 0, 64);
    VF_SET(wqe_ctrl, wqe, wqe_index, index);
    VF_SET(wqe_ctrl, wqe, opcode, VF_WQE_SEND);
    VF_SET(wqe_ctrl, wqe, sqn, VF_SQ_BASE);
    VF_SET(wqe_ctrl, wqe, ds, 3);
    VF_SET(wqe_ctrl, wqe, ce, ce);
    VF_SET(wqe_data, wqe + 32, byte_count, bytes);
    VF_SET(wqe_data, wqe + 32, lkey, lkey);
    VF_SET(wqe_data, wqe + 32, addr, addr);
  }
  void ring_send(std::uint32_t fn, std::uint32_t index) {
    std::uint8_t db[8] = {};
    VF_SET(uar_send_db, db, wqe_index, index);
    VF_SET(uar_send_db, db, opcode, VF_WQE_SEND);
    VF_SET(uar_send_db, db, sqn, VF_SQ_BASE);
    VF_SET(uar_send_db, db, ds, 3);
    bar_write(fn, VF_BAR_FIRST_UAR * 4096ULL + VF_UAR_SEND_DB, db, 8);
  }
  void arm_cq(std::uint32_t fn, std::uint32_t ci) {
    std::uint8_t db[8] = {};
    VF_SET(uar_cq_arm, db, ci, ci);
    VF_SET(uar_cq_arm, db, cqn, VF_CQ_BASE);
    bar_write(fn, VF_BAR_FIRST_UAR * 4096ULL + VF_UAR_CQ_ARM, db, 8);
  }
  void eq_doorbell(std::uint32_t fn, std::uint32_t ci, bool arm) {
    std::uint8_t db[4] = {};
    VF_SET(uar_eq_db, db, eqn, VF_EQ_BASE);
    VF_SET(uar_eq_db, db, ci, ci);
    bar_write(fn, VF_BAR_FIRST_UAR * 4096ULL + (arm ? VF_UAR_EQ_ARM : VF_UAR_EQ_UPDATE), db, 4);
  }
  /// Receive buffer of `bytes` at `addr` in stride `index`, and the record's counter behind it.
  void put_receive(std::uint32_t fn, std::uint32_t index, std::uint64_t addr, std::uint32_t bytes) {
    std::uint8_t* wqe = memory(fn, kRqRing + (index % (1U << context(fn).rq[0].log_size)) * 16ULL);
    VF_SET(wqe_data, wqe, byte_count, bytes);
    VF_SET(wqe_data, wqe, lkey, kKey);
    VF_SET(wqe_data, wqe, addr, addr);
    VF_SET(wq_dbr, memory(fn, kRqRecord), rq_counter, index + 1);
  }
  /// Offers the frame until it is not refused as not_ready, as the wire does.
  FrameDrop deliver(const Bytes& frame) {
    FrameDrop result = nic.frame_arrived(frame.data(), static_cast<std::uint32_t>(frame.size()));
    for (int i = 0; i < 3 && result == FrameDrop::not_ready; ++i) {
      run(5 * kUs);
      result = nic.frame_arrived(frame.data(), static_cast<std::uint32_t>(frame.size()));
    }
    return result;
  }
  void bar_write(std::uint32_t fn, std::uint64_t offset, const std::uint8_t* bytes,
                 std::uint32_t count) {
    Tlp tlp;
    tlp.kind = TlpKind::mem_write;
    tlp.completer = static_cast<Rid>(kRid + fn);
    tlp.addr = offset;
    tlp.bytes = count;
    nic.receive(tlp, bytes);
  }
  std::uint32_t bar_read(std::uint32_t fn, std::uint64_t offset) {
    std::uint8_t bytes[4];
    nic.impl().bar.read(fn, offset, bytes, 4);
    return vf_be32_load(bytes);
  }
  Bytes cqe(std::uint32_t fn, std::uint32_t slot) { return read(fn, kCqRing + slot * 64ULL, 64); }
  Bytes eqe(std::uint32_t fn, std::uint32_t slot) { return read(fn, kEqRing + slot * 64ULL, 64); }

  ProbeBus probes;
  TraceObserver trace;
  Calendar calendar;
  Host host;
  Nic nic;
  RecordingWire wire;

 private:
  static HostParams host_params() {
    HostParams params;
    params.memory_mib = 1024;
    return params;
  }
  void make_wq(vf_wq& wq, std::uint64_t ring, std::uint64_t record, std::uint8_t log_stride,
               std::uint8_t log_size) {
    wq.valid = 1;
    wq.state = VF_WQ_RDY;
    wq.log_size = log_size;
    wq.log_stride = log_stride;
    wq.cqn = VF_CQ_BASE;
    wq.pd = kPd;
    wq.dbr_addr = record;
    wq.ring = pages(ring, 1ULL << (log_stride + log_size));
  }
  std::uint32_t mtt_ = 0;
};

/// An Ethernet frame to 02:00:00:00:00:<fn> with a counting payload.
inline Bytes test_frame(std::uint32_t fn, std::size_t bytes, std::uint8_t seed = 0) {
  Bytes frame(bytes);
  for (std::size_t i = 0; i < bytes; ++i) {
    frame[i] = static_cast<std::uint8_t>(i + seed);
  }
  const Bytes head{2, 0, 0, 0, 0, static_cast<std::uint8_t>(fn), 2, 0, 0, 0, 9, 9, 0x88, 0xb5};
  std::copy(head.begin(), head.end(), frame.begin());
  return frame;
}

}  // namespace vfsim::model
