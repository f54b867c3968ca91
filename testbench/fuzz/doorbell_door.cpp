// The door `doorbell`: accesses to the BARs of a PF and two VFs that have queues, and what the
// owner of the queues writes into his own memory. The functions 0 and 1 are attacked; function 2
// must not notice.
//
// A case is a sequence of: kind (1), function (1), then
//   write    offset (4), bytes (1), data
//   read     offset (4), bytes (1)
//   memory   place (1: a ring or the records), offset (2), bytes (1), data
//   frame    bytes (1): one that arrives for the function
//   wait     microseconds (1)
// Each case runs in a fork of a process whose model has been elaborated: SystemC does that once.
#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include "systemc/nic/nic_test_bed.hpp"
#include "testbench/fuzz/mutate.hpp"
#include "testbench/fuzz/settle.hpp"

namespace vfsim::bench {
namespace {

using model::MsixTable;
using model::NicTestBed;
using model::Ps;
using model::Rid;
using model::Tlp;
using model::TlpKind;

constexpr std::uint32_t kVfs = 2;
constexpr std::uint32_t kBystander = 2;
constexpr std::uint64_t kKeyBytes = 0x10000;  // of each function's key, from kBuffers on
constexpr std::size_t kMostOps = 64;
constexpr std::size_t kOutcome = 300;
constexpr Ps kSlice = 2000 * model::kUs;

enum class Kind : std::uint8_t { write, read, memory, frame, wait, kinds };

/// Places that the owner of the queues writes to.
constexpr std::uint64_t kPlaces[] = {NicTestBed::kSqRing, NicTestBed::kRqRing, NicTestBed::kRecords,
                                     NicTestBed::kCqRing, NicTestBed::kBuffers};

/// Whether a register is defined at an offset of BAR0; all others read 0.
bool has_register(std::uint64_t offset) {
  static constexpr std::uint64_t kRegisters[] = {
      VF_BAR_FW_REV,  VF_BAR_CMDIF_REV, VF_BAR_CMDQ_HI,      VF_BAR_CMDQ_LO,
      VF_BAR_TIMER_H, VF_BAR_TIMER_L,   VF_BAR_INITIALIZING, VF_BAR_HEALTH_COUNTER};
  const bool plain = std::any_of(std::begin(kRegisters), std::end(kRegisters),
                                 [&](std::uint64_t r) { return offset >= r && offset < r + 4; });
  return plain || (offset >= VF_BAR_HEALTH && offset < VF_BAR_HEALTH + 0x40) ||
         (offset >= VF_BAR_MSIX_TABLE && offset < VF_BAR_MSIX_TABLE + MsixTable::kTableBytes) ||
         (offset >= VF_BAR_MSIX_PBA && offset < VF_BAR_MSIX_PBA + MsixTable::kPbaBytes);
}

/// Notes the first TLP that a function has no reason for.
class DmaJudge final : public model::Observer {
 public:
  explicit DmaJudge(NicTestBed& bed) : bed_(bed) {}
  void tlp_sent(Ps, std::uint8_t, const Tlp& tlp, const std::uint8_t*) override {
    const std::uint32_t fn = tlp.requester - std::uint32_t{NicTestBed::kRid};
    const bool request = tlp.kind == TlpKind::mem_read || tlp.kind == TlpKind::mem_write;
    if (finding.empty() && request && !tlp.interrupt && fn <= kVfs && !allowed(fn, tlp)) {
      finding =
          fmt::format("function {} {} {} bytes at {:#x}, which none of its queues and keys names",
                      fn, tlp.kind == TlpKind::mem_read ? "reads" : "writes", tlp.bytes, tlp.addr);
    }
  }
  std::string finding;

 private:
  [[nodiscard]] bool allowed(std::uint32_t fn, const Tlp& tlp) {
    const auto inside = [&](std::uint64_t begin, std::uint64_t bytes) {
      return tlp.addr >= begin && tlp.addr + tlp.bytes <= begin + bytes;
    };
    for (const std::uint64_t ring : {NicTestBed::kEqRing, NicTestBed::kCqRing, NicTestBed::kSqRing,
                                     NicTestBed::kRqRing, NicTestBed::kRecords}) {
      if (inside(ring, VF_PAGE_BYTES)) {
        return true;
      }
    }
    return inside(NicTestBed::kBuffers, kKeyBytes) || is_message(fn, tlp);
  }
  /// An interrupt goes where the function's own table says.
  [[nodiscard]] bool is_message(std::uint32_t fn, const Tlp& tlp) {
    const MsixTable& table = bed_.nic.impl().interrupts.table(fn);
    bool found = false;
    for (std::uint32_t v = 0; v < MsixTable::kVectors; ++v) {
      found = found || table.message(v).addr == tlp.addr;
    }
    return found && tlp.kind == TlpKind::mem_write && tlp.bytes == 4;
  }

  NicTestBed& bed_;
};

/// A NIC with queues on all functions, and one case on it.
class Attack {
 public:
  explicit Attack(vf_fault_set faults) : bed_(params()), judge_(bed_) {
    bed_.nic.set_faults(faults);
    bed_.enable_vfs(kVfs);
    for (std::uint32_t fn = 0; fn <= kVfs; ++fn) {
      bed_.make_queues(fn);
      vf_mkey& key = bed_.context(fn).mkey[0];
      key.start = NicTestBed::kBuffers;
      key.len = kKeyBytes;
      key.pages = bed_.pages(NicTestBed::kBuffers, kKeyBytes);
    }
    bed_.probes.subscribe(judge_, {model::Probe::tlp_sent});
    bed_.run(10 * model::kUs);
  }

  DoorOutcome run(const CaseBytes& bytes) {
    std::size_t at = 0;
    for (std::size_t ops = 0; ops < kMostOps && at + 2 < bytes.size() && finding_.empty(); ++ops) {
      at = step(bytes, at);
    }
    settle();
    conclude();
    const std::string answer = sent_ > 1 ? "SENT" : "QUIET";
    return {sent_ > 1, answer, judge_.finding.empty() ? finding_ : judge_.finding};
  }

 private:
  static model::NicParams params() {
    model::NicParams made;
    made.vfs = kVfs;
    return made;
  }

  std::size_t step(const CaseBytes& bytes, std::size_t at) {
    const auto u8 = [&] { return at < bytes.size() ? bytes[at++] : std::uint8_t{0}; };
    const auto data = [&](std::size_t count) {
      CaseBytes out;
      while (out.size() < count) {
        out.push_back(u8());
      }
      return out;
    };
    const auto kind = static_cast<Kind>(u8() % static_cast<std::uint8_t>(Kind::kinds));
    const std::uint32_t fn = u8() % kBystander;
    if (kind == Kind::write || kind == Kind::read) {
      std::uint64_t offset = 0;
      for (int i = 0; i < 4; ++i) {
        offset |= std::uint64_t{u8()} << (8 * i);
      }
      offset %= 1ULL << (fn == 0 ? VF_BAR_LOG_PF_BYTES : VF_BAR_LOG_VF_BYTES);
      const std::uint32_t count = 1 + u8() % 64U;
      kind == Kind::read ? read(fn, offset, count) : write(fn, offset, data(count));
    } else if (kind == Kind::memory) {
      const std::uint64_t place = kPlaces[u8() % std::size(kPlaces)];
      const std::uint64_t offset = (u8() | std::uint64_t{u8()} << 8) % 4032;
      bed_.write(fn, place + offset, data(u8() % 64U));
    } else if (kind == Kind::frame) {
      (void)bed_.deliver(model::test_frame(fn, 14 + u8()));
    } else {
      bed_.run((1 + u8()) * model::kUs);
    }
    return at;
  }

  void write(std::uint32_t fn, std::uint64_t offset, const CaseBytes& data) {
    bed_.bar_write(fn, offset, data.data(), static_cast<std::uint32_t>(data.size()));
  }

  void read(std::uint32_t fn, std::uint64_t offset, std::uint32_t count) {
    CaseBytes value(count);
    bed_.nic.impl().bar.read(fn, offset, value.data(), count);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (value[i] != 0 && !has_register(offset) && !has_register(offset + i)) {
        finding_ =
            fmt::format("BAR offset {:#x} of function {} reads {:#x}, and no register is there",
                        offset + i, fn, value[i]);
      }
    }
  }

  [[nodiscard]] bool at_rest(std::uint32_t fn) {
    return (bed_.reg(fn, FW_FN_STATUS) & FW_STATUS_DRAINED) != 0;
  }
  /// Blocks that functions rang for and that are not completed.
  [[nodiscard]] std::uint64_t rung() {
    std::uint64_t blocks = 0;
    for (std::uint32_t fn = 0; fn <= kVfs; ++fn) {
      const vf_wq& sq = bed_.context(fn).sq[0];
      blocks += static_cast<std::uint16_t>(sq.sw_counter - sq.hw_counter);
    }
    return blocks;
  }
  void settle() {
    const auto all_at_rest = [&] {
      bool all = true;
      for (std::uint32_t fn = 0; fn <= kVfs; ++fn) {
        all = all && at_rest(fn);
      }
      return all;
    };
    (void)settles([&] { bed_.run(kSlice); }, all_at_rest, [&] { return rung(); });
  }

  /// At rest, and function 2 works as ever.
  void conclude() {
    for (std::uint32_t fn = 0; fn <= kVfs && finding_.empty(); ++fn) {
      if (!at_rest(fn)) {
        finding_ = fmt::format("function {} does not come to rest", fn);
      }
    }
    sent_ = bed_.wire.frames.size() + 1;
    bed_.put_send(kBystander, 0, NicTestBed::kBuffers, 100);
    bed_.ring_send(kBystander, 1);
    bed_.run(100 * model::kUs);
    if (finding_.empty() && bed_.wire.frames.size() != sent_) {
      finding_ = "the function beside does not send any more";
    }
  }

  NicTestBed bed_;
  DmaJudge judge_;
  std::string finding_;
  std::size_t sent_ = 0;
};

class DoorbellDoor final : public Door {
 public:
  explicit DoorbellDoor(vf_fault_set faults) : faults_(faults) {}

  CaseBytes make(CaseRandom& random) override {
    CaseBytes bytes;
    const auto fn = static_cast<std::uint8_t>(below(random, kBystander));
    std::uint8_t posted = 0;
    for (std::uint64_t more = 2 + below(random, 14); more > 0; --more) {
      switch (below(random, 8)) {
        case 0:
        case 1:
          posted = static_cast<std::uint8_t>(posted + 1);
          add_send(random, bytes, fn, posted);
          break;
        case 2:
          add_arm(random, bytes, fn);
          break;
        case 3:
          add_access(random, bytes, fn, Kind::read);
          break;
        case 4:
          bytes.insert(bytes.end(), {3, fn, static_cast<std::uint8_t>(random())});
          break;
        case 5:
          bytes.insert(bytes.end(), {4, fn, static_cast<std::uint8_t>(below(random, 20))});
          break;
        case 6:
          add_memory(bytes, fn, static_cast<std::uint8_t>(below(random, std::size(kPlaces))),
                     below(random, 256), noise(random, 1 + below(random, 63)));
          break;
        default:
          add_access(random, bytes, fn, Kind::write);
          break;
      }
    }
    return bytes;
  }

  DoorOutcome run(const CaseBytes& bytes) override {
    if (!attack_) {  // make() alone needs no model
      attack_ = std::make_unique<Attack>(faults_);
    }
    int ends[2];
    if (::pipe(ends) != 0) {
      throw std::system_error(errno, std::generic_category(), "a pipe");
    }
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      const DoorOutcome outcome = attack_->run(bytes);
      std::string text = (outcome.accepted ? "1" : "0") + outcome.answer + "\n" + outcome.finding;
      text.resize(std::min(text.size(), kOutcome));
      const ssize_t sent = ::write(ends[1], text.data(), text.size());
      ::_exit(sent == static_cast<ssize_t>(text.size()) ? 0 : 1);
    }
    ::close(ends[1]);
    char text[kOutcome + 1] = {};
    const ssize_t got = child > 0 ? ::read(ends[0], text, kOutcome) : 0;
    ::close(ends[0]);
    int status = 1;
    if (child < 0 || ::waitpid(child, &status, 0) != child) {
      throw std::system_error(errno, std::generic_category(), "a process for the case");
    }
    if (status != 0 || got < 2) {
      return {false, "DIED",
              WIFSIGNALED(status) ? fmt::format("killed by signal {}", WTERMSIG(status))
                                  : fmt::format("ended with status {}", WEXITSTATUS(status))};
    }
    const std::string all(text);
    const std::size_t end = all.find('\n');
    return {all[0] == '1', all.substr(1, end - 1), all.substr(end + 1)};
  }

 private:
  static CaseBytes noise(CaseRandom& random, std::uint64_t count) {
    CaseBytes bytes(count);
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<std::uint8_t>(random()); });
    return bytes;
  }

  static void add_write(CaseBytes& bytes, std::uint8_t fn, std::uint64_t offset,
                        const CaseBytes& data, Kind kind = Kind::write) {
    bytes.push_back(static_cast<std::uint8_t>(kind));
    bytes.push_back(fn);
    for (int i = 0; i < 4; ++i) {
      bytes.push_back(static_cast<std::uint8_t>(offset >> (8 * i)));
    }
    bytes.push_back(static_cast<std::uint8_t>(data.size() - 1));
    if (kind == Kind::write) {
      bytes.insert(bytes.end(), data.begin(), data.end());
    }
  }

  static void add_memory(CaseBytes& bytes, std::uint8_t fn, std::uint8_t place,
                         std::uint64_t offset, const CaseBytes& data) {
    bytes.insert(
        bytes.end(),
        {static_cast<std::uint8_t>(Kind::memory), fn, place, static_cast<std::uint8_t>(offset),
         static_cast<std::uint8_t>(offset >> 8), static_cast<std::uint8_t>(data.size())});
    bytes.insert(bytes.end(), data.begin(), data.end());
  }

  /// A work queue entry with a mistake or none, and its doorbell.
  static void add_send(CaseRandom& random, CaseBytes& bytes, std::uint8_t fn, std::uint8_t count) {
    CaseBytes wqe(48);
    VF_SET(wqe_ctrl, wqe.data(), wqe_index, count - 1);
    VF_SET(wqe_ctrl, wqe.data(), opcode, VF_WQE_SEND);
    VF_SET(wqe_ctrl, wqe.data(), sqn, VF_SQ_BASE);
    VF_SET(wqe_ctrl, wqe.data(), ds, 3);
    VF_SET(wqe_ctrl, wqe.data(), ce, 2);
    std::uint8_t* data = wqe.data() + 32;
    VF_SET(wqe_data, data, byte_count, 60 + below(random, 400));
    VF_SET(wqe_data, data, lkey, NicTestBed::kKey);
    VF_SET(wqe_data, data, addr, NicTestBed::kBuffers + below(random, 4096));
    if (chance(random, 60)) {  // a field of it
      const std::uint64_t at = below(random, wqe.size());
      wqe[at] = static_cast<std::uint8_t>(odd_value(random, wqe[at], 8));
    }
    add_memory(bytes, fn, 0, (count - 1) % 16U * 64U, wqe);
    CaseBytes db(8);
    VF_SET(uar_send_db, db.data(), wqe_index, chance(random, 85) ? count : random() & 0xffff);
    VF_SET(uar_send_db, db.data(), sqn,
           chance(random, 95) ? std::uint64_t{VF_SQ_BASE} : random() & 0xffffff);
    VF_SET(uar_send_db, db.data(), ds, 3);
    add_write(bytes, fn, VF_BAR_FIRST_UAR * 4096ULL + VF_UAR_SEND_DB, db);
  }

  static void add_arm(CaseRandom& random, CaseBytes& bytes, std::uint8_t fn) {
    CaseBytes db(8);
    if (chance(random, 50)) {
      VF_SET(uar_cq_arm, db.data(), ci, below(random, 32));
      VF_SET(uar_cq_arm, db.data(), cqn,
             chance(random, 85) ? std::uint64_t{VF_CQ_BASE} : random() & 0xffffff);
      add_write(bytes, fn, VF_BAR_FIRST_UAR * 4096ULL + VF_UAR_CQ_ARM, db);
    } else {
      db.resize(4);
      VF_SET(uar_eq_db, db.data(), eqn,
             chance(random, 85) ? std::uint64_t{VF_EQ_BASE} : random() & 0xff);
      VF_SET(uar_eq_db, db.data(), ci, below(random, 32));
      add_write(
          bytes, fn,
          VF_BAR_FIRST_UAR * 4096ULL + (chance(random, 50) ? VF_UAR_EQ_ARM : VF_UAR_EQ_UPDATE), db);
    }
  }

  static void add_access(CaseRandom& random, CaseBytes& bytes, std::uint8_t fn, Kind kind) {
    static constexpr std::uint32_t kPlacesOfBar[] = {0,
                                                     VF_BAR_CMDQ_HI,
                                                     VF_BAR_CMD_DB,
                                                     VF_BAR_HEALTH,
                                                     VF_BAR_TIMER_H,
                                                     VF_BAR_MSIX_TABLE,
                                                     VF_BAR_MSIX_PBA,
                                                     VF_BAR_FIRST_UAR * 4096,
                                                     VF_BAR_FIRST_UAR * 4096 + VF_UAR_SEND_DB};
    static constexpr std::size_t kSizes[] = {4, 8, 4, 8, 1, 2, 3, 16, 64};
    const std::uint64_t offset =
        chance(random, 70)
            ? kPlacesOfBar[below(random, std::size(kPlacesOfBar))] + below(random, 64)
            : random() & 0xffffff;
    add_write(bytes, fn, chance(random, 60) ? offset & ~3ULL : offset,
              noise(random, kSizes[below(random, std::size(kSizes))]), kind);
  }

  vf_fault_set faults_;
  std::unique_ptr<Attack> attack_;
};

}  // namespace

std::unique_ptr<Door> make_doorbell_door(vf_fault_set faults) {
  return std::make_unique<DoorbellDoor>(faults);
}

}  // namespace vfsim::bench
