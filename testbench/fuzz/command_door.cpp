// The door `command`: entries, mailbox chains and doorbells for the firmware's command engine.
//
// A case is a byte that chooses a NIC (see Base), then operations:
//   kind 0..5 command   function, slot, output bytes (2), input bytes (2), input, edits: count,
//   then each: where (0 entry,
//                       1 input block, 2 output block), block, offset (2), bits to flip, sign again
//                       (1)
//   kind 6    reset     function: function level reset, then its queue is set again
//   kind 7    doorbell  function, slot: rung without a command in it
// Numbers are little-endian; what is missing at the end reads 0.
#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <set>

#include "firmware/core/migration_rig.hpp"
#include "firmware/core/netdev_replay.hpp"
#include "firmware/core/nic_snapshot.hpp"
#include "testbench/fuzz/command_corpus.hpp"
#include "testbench/fuzz/fw_names.hpp"
#include "testbench/fuzz/mutate.hpp"
#include "testbench/fuzz/state_hash.hpp"

namespace vfsim::bench {
namespace {

using fwtest::MockNic;
using fwtest::NicSnapshot;
using fwtest::Rig;

constexpr std::uint32_t kVfs = 3;
constexpr std::size_t kMostOps = 12;
constexpr int kPollLimit = 4000;

/// What there is when a case begins: a PF in the middle of a stock driver's life; VF 1 with
/// objects, VF 2 with objects and stopped, VF 3 stopped; nothing but power.
enum class Base : std::uint8_t { driver, migration, power, kinds };

/// The last line of the sequence before the driver takes its objects down.
constexpr std::size_t kDriverLines = 150;

/// A NIC and the way back to its beginning.
struct Target {
  Target(Base base, vf_fault_set faults) {
    fw_config config = MockNic::default_config();
    config.faults = faults;
    if (base == Base::driver) {
      config.mtu = 1500;
      replay.emplace(0, kVfs, config);
      const auto lines = fwtest::read_sequence(
          VF_SOURCE_DIR "/firmware/interface/facts/linux_6.12_netdev_commands.txt");
      for (std::size_t i = 0; i < std::min(kDriverLines, lines.size()); ++i) {
        good = replay->run(lines[i]) && good;
      }
      nic = &replay->nic;
    } else {
      own = std::make_unique<MockNic>(config, kVfs);
      nic = own.get();
    }
    if (base == Base::migration) {
      rig.emplace(*nic);
      rig->populate(1);
      rig->populate(2);
      good = rig->good && rig->stop(2) && rig->stop(3);
      const auto saved = rig->save(2);
      good = good && saved.ok();
      nic->write(0, Rig::kBuffer, saved.image);
    }
    // A defect that shows in every 8th command is within reach of a short case.
    nic->firmware()->completed = 6;
    start.emplace(*nic, kVfs);
  }
  bool good = true;
  std::optional<fwtest::NetdevReplay> replay;
  std::unique_ptr<MockNic> own;
  std::optional<Rig> rig;
  MockNic* nic = nullptr;
  std::optional<NicSnapshot> start;
};

/// Bytes of a case, one after the other; 0 behind the end.
class Reader {
 public:
  explicit Reader(const CaseBytes& bytes) : bytes_(bytes) {}
  [[nodiscard]] bool empty() const { return at_ >= bytes_.size(); }
  std::uint8_t u8() { return empty() ? std::uint8_t{0} : bytes_[at_++]; }
  std::uint32_t u16() {
    const std::uint32_t low = u8();
    return low | static_cast<std::uint32_t>(u8()) << 8;
  }
  CaseBytes take(std::size_t count) {
    const std::size_t end = std::min(bytes_.size(), at_ + count);
    const std::size_t begin = std::min(at_, end);
    at_ = end;
    return {bytes_.begin() + static_cast<std::ptrdiff_t>(begin),
            bytes_.begin() + static_cast<std::ptrdiff_t>(end)};
  }

 private:
  const CaseBytes& bytes_;
  std::size_t at_ = 0;
};

void put16(CaseBytes& bytes, std::size_t value) {
  bytes.push_back(static_cast<std::uint8_t>(value));
  bytes.push_back(static_cast<std::uint8_t>(value >> 8));
}

/// The state of all functions.
std::uint64_t whole_hash(MockNic& nic, bool objects_only) {
  std::uint64_t hash = shared_hash(nic);
  for (std::uint32_t fn = 0; fn <= kVfs; ++fn) {
    const std::uint64_t part = function_hash(nic, fn, objects_only);
    hash = hash_bytes(&part, sizeof part, hash);
  }
  return hash;
}

/// One case on one NIC.
class CommandCase {
 public:
  CommandCase(MockNic& nic, bool objects_only)
      : nic_(nic), objects_only_(objects_only), hash_(whole_hash(nic, objects_only)) {}

  DoorOutcome run(Reader& reader) {
    for (std::size_t ops = 0; ops < kMostOps && !reader.empty() && out_.finding.empty(); ++ops) {
      const std::uint8_t kind = reader.u8() % 8;
      const std::uint32_t fn = reader.u8() % (kVfs + 1);
      const std::uint32_t slot = reader.u8() % 32;
      if (kind == 6) {
        reset(fn);
      } else if (kind == 7) {
        out_ = {};
        ring(fn, slot);
        judge(fn, slot, 0);
      } else {
        command(reader, fn, slot);
      }
    }
    return out_;
  }

 private:
  void reset(std::uint32_t fn) {
    nic_.flr(fn);
    settle();
    nic_.set_queue(fn, MockNic::queue_of(fn));
    hash_ = whole_hash(nic_, objects_only_);
  }

  void command(Reader& reader, std::uint32_t fn, std::uint32_t slot) {
    const std::uint32_t out_len = reader.u16();
    const CaseBytes in = reader.take(reader.u16());
    nic_.build(fn, slot, in, out_len);
    for (std::uint32_t edits = reader.u8() % 8; edits > 0; --edits) {
      edit(reader, fn, slot);
    }
    ring(fn, slot);
    judge(fn, slot,
          in.size() < 4 ? 0 : static_cast<std::uint32_t>(VF_GET(cmd_in, in.data(), opcode)));
  }

  void edit(Reader& reader, std::uint32_t fn, std::uint32_t slot) {
    const std::uint32_t where = reader.u8() % 3;
    const std::uint32_t block = reader.u8() % 16;
    const std::uint32_t offset = reader.u16();
    const std::uint8_t bits = reader.u8();
    const bool sign = reader.u8() % 2 != 0;
    const std::uint64_t at = where == 0   ? MockNic::entry_at(fn, slot) + offset % 64
                             : where == 1 ? MockNic::in_block_at(fn, slot, block) + offset % 576
                                          : MockNic::out_block_at(fn, slot, block) + offset % 576;
    *nic_.byte(fn, at) ^= bits;
    if (where == 0 && sign) {
      nic_.edit_entry(fn, slot, [](std::uint8_t*) {});
    }
  }

  /// Addresses of the output blocks that the entry names.
  std::set<std::uint64_t> output_chain(std::uint32_t fn, std::uint32_t slot) {
    const CaseBytes entry = nic_.read(fn, MockNic::entry_at(fn, slot), 64);
    const auto out_len = std::min<std::uint64_t>(
        VF_GET(cmd_queue_entry, entry.data(), output_length), VF_CMD_MAX_OUT_BYTES);
    std::set<std::uint64_t> chain;
    std::uint64_t at = vf_be64_load(entry.data() + 0x30);
    for (std::uint32_t b = 0; b < MockNic::blocks(out_len); ++b) {
      chain.insert(at);
      at = vf_be64_load(nic_.read(fn, at + 0x230, 8).data());
    }
    return chain;
  }

  void ring(std::uint32_t fn, std::uint32_t slot) {
    const CaseBytes entry = nic_.read(fn, MockNic::entry_at(fn, slot), 64);
    const fw_function& f = nic_.firmware()->fn[fn];
    const bool queue = nic_.reg(fn, FW_FN_CMDQ_HI) != 0 || nic_.reg(fn, FW_FN_CMDQ_LO) != 0;
    owned_ = queue && (entry[0x3f] & 1) != 0;
    held_ = f.suspended_initiator || f.suspending;
    chain_ = output_chain(fn, slot);
    nic_.dma_log.clear();
    nic_.ring(fn, slot);
    settle();
  }

  void settle() {
    const int calls = nic_.poll(kPollLimit);
    const fw& firmware = *nic_.firmware();
    if (calls >= kPollLimit && firmware.track_reports == 0) {
      out_.finding = "the firmware does not come to rest";
    }
  }

  void judge(std::uint32_t fn, std::uint32_t slot, std::uint32_t opcode) {
    std::size_t completions = 0;
    for (const fwtest::DmaRecord& d : nic_.dma_log) {
      if (!d.dma.to_host || d.dma.space != FW_DMA_BUS || d.dma.cookie >= FW_CMDS) {
        continue;
      }
      if (d.dma.function == fn && d.dma.addr == MockNic::entry_at(fn, slot) + 0x20) {
        ++completions;
      } else if (d.dma.function != fn || chain_.count(d.dma.addr) == 0) {
        fail(opcode, fmt::format("writes {} bytes to {:#x} of function {}", d.dma.bytes, d.dma.addr,
                                 d.dma.function));
      }
    }
    const std::size_t expected = owned_ && !held_ ? 1 : 0;
    const std::uint64_t now = whole_hash_without_doorbell(fn, slot);
    if (completions != expected) {
      fail(opcode, fmt::format("{} completions, expected {}", completions, expected));
    } else if (expected == 0) {
      out_ = {false, held_ ? "HELD" : "NOT_OURS", out_.finding};
      unchanged(opcode, now);
    } else {
      answer(fn, slot, opcode, now);
    }
    for (const fw_cmd& cmd : nic_.firmware()->cmd) {
      if (cmd.state != 0 && out_.finding.empty()) {
        fail(opcode, "a command context stays busy");
      }
    }
    hash_ = now;
  }

  /// A doorbell that is held stays in its register until the end of the judgement.
  std::uint64_t whole_hash_without_doorbell(std::uint32_t fn, std::uint32_t slot) {
    std::uint32_t& doorbells = nic_.reg(fn, FW_FN_CMD_DB);
    if (held_ && (doorbells >> slot & 1U) == 0) {
      out_.finding = "a held doorbell is lost";
    }
    doorbells &= ~(1U << slot);
    return whole_hash(nic_, objects_only_);
  }

  void answer(std::uint32_t fn, std::uint32_t slot, std::uint32_t opcode, std::uint64_t now) {
    const CaseBytes entry = nic_.read(fn, MockNic::entry_at(fn, slot), 64);
    const auto delivery = static_cast<std::uint32_t>(entry[0x3f] >> 1);
    const std::uint32_t status = entry[0x20];
    const std::uint32_t syndrome = vf_be32_load(&entry[0x24]);
    if ((entry[0x3f] & 1) != 0 || vf_entry_signed(entry.data()) == 0) {
      fail(opcode, "the entry is not signed, or not handed back");
    } else if (delivery != VF_DELIVERY_OK) {
      const std::string name(contract::enum_name("DELIVERY", delivery));
      out_ = {false, "delivery " + name, out_.finding};
      if (name.empty()) {
        fail(opcode, fmt::format("delivery status {:#x} is not defined", delivery));
      }
      unchanged(opcode, now);
    } else {
      const std::string name = answer_name(status, syndrome);
      out_ = {status == VF_STATUS_OK, name, out_.finding};
      if (name.empty()) {
        fail(opcode,
             fmt::format("status {:#x} with syndrome {:#x} is not defined", status, syndrome));
      } else if (status != VF_STATUS_OK && !ends_tracking(opcode, syndrome)) {
        unchanged(opcode, now);
      }
    }
  }

  /// The one change that a refusal may make (firmware/core/vhca.h).
  static bool ends_tracking(std::uint32_t opcode, std::uint32_t syndrome) {
    return opcode == VF_OP_SAVE_VHCA_STATE &&
           (syndrome == VF_SYND_BAD_MKEY || syndrome == VF_SYND_DMA_ERROR);
  }

  void unchanged(std::uint32_t opcode, std::uint64_t now) {
    if (now != hash_) {
      fail(opcode, "refused (" + out_.answer + ") and something changed");
    }
  }

  void fail(std::uint32_t opcode, const std::string& what) {
    if (out_.finding.empty()) {
      const std::string name(contract::opcode_name(opcode));
      out_.finding =
          fmt::format("{}: {}", name.empty() ? fmt::format("{:#x}", opcode) : name, what);
    }
  }

  MockNic& nic_;
  bool objects_only_;
  std::uint64_t hash_;
  DoorOutcome out_;
  bool owned_ = false, held_ = false;
  std::set<std::uint64_t> chain_;
};

class CommandDoor final : public Door {
 public:
  explicit CommandDoor(vf_fault_set faults) : corpus_(command_corpus()) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(Base::kinds); ++i) {
      targets_.push_back(std::make_unique<Target>(static_cast<Base>(i), faults));
    }
  }

  CaseBytes make(CaseRandom& random) override {
    const std::uint64_t what = below(random, 100);
    const Base base = what < 55 ? Base::driver : what < 95 ? Base::migration : Base::power;
    CaseBytes bytes{static_cast<std::uint8_t>(base)};
    for (std::uint64_t more = 1 + below(random, 4); more > 0; --more) {
      if (chance(random, 3)) {
        bytes.push_back(static_cast<std::uint8_t>(6 + below(random, 2)));
        bytes.push_back(static_cast<std::uint8_t>(below(random, kVfs + 1)));
        bytes.push_back(static_cast<std::uint8_t>(random()));
      } else {
        add_command(random, base, bytes);
      }
    }
    return bytes;
  }

  DoorOutcome run(const CaseBytes& bytes) override {
    if (bytes.empty()) {
      return {false, "EMPTY", ""};
    }
    Target& target = *targets_[bytes[0] % static_cast<std::uint8_t>(Base::kinds)];
    if (!target.good) {
      return {false, "", "the rig does not come up"};
    }
    const CaseBytes rest(bytes.begin() + 1, bytes.end());
    DoorOutcome outcome = run_on(target, rest, false);
    // The quick look also sees entries that are no objects: a second one without them.
    return outcome.finding.empty() ? outcome : run_on(target, rest, true);
  }

  std::vector<CaseBytes> seeds() override {
    std::vector<CaseBytes> all;
    for (const CaseBytes& in : corpus_) {
      for (const Base base : {Base::driver, Base::migration}) {
        CaseBytes bytes{static_cast<std::uint8_t>(base)};
        put_command(bytes, 0, 0, output_bytes(in), in);
        bytes.push_back(0);
        all.push_back(std::move(bytes));
      }
    }
    return all;
  }

 private:
  static DoorOutcome run_on(Target& target, const CaseBytes& bytes, bool objects_only) {
    target.start->rewind();
    Reader reader(bytes);
    return CommandCase(*target.nic, objects_only).run(reader);
  }

  static void put_command(CaseBytes& bytes, std::uint32_t fn, std::uint32_t slot,
                          std::uint32_t out_len, const CaseBytes& in) {
    bytes.push_back(0);
    bytes.push_back(static_cast<std::uint8_t>(fn));
    bytes.push_back(static_cast<std::uint8_t>(slot));
    put16(bytes, std::min(out_len, 0xffffU));
    const std::size_t count = std::min<std::size_t>(in.size(), 0xffff);
    put16(bytes, count);
    bytes.insert(bytes.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(count));
  }

  void add_command(CaseRandom& random, Base base, CaseBytes& bytes) const {
    CaseBytes in = corpus_[below(random, corpus_.size())];
    for (std::uint64_t more = below(random, 4); more > 0; --more) {
      change_command(random, in);
    }
    const bool pf = base == Base::driver ? !chance(random, 5) : chance(random, 60);
    const std::uint32_t fn = pf ? 0 : static_cast<std::uint32_t>(below(random, kVfs + 1));
    const std::uint32_t out_len = chance(random, 92)
                                      ? output_bytes(in)
                                      : static_cast<std::uint32_t>(odd_value(random, 16, 16));
    put_command(bytes, fn, static_cast<std::uint32_t>(below(random, 32)), out_len, in);
    const std::uint64_t edits = chance(random, 75) ? 0 : 1 + below(random, 2);
    bytes.push_back(static_cast<std::uint8_t>(edits));
    for (std::uint64_t i = 0; i < edits; ++i) {
      add_edit(random, bytes);
    }
  }

  /// Entries more often than blocks, and of blocks rather what stands behind the data.
  static void add_edit(CaseRandom& random, CaseBytes& bytes) {
    const std::uint64_t where = chance(random, 60) ? 0 : 1 + below(random, 2);
    const std::uint64_t offset = where == 0           ? below(random, 64)
                                 : chance(random, 70) ? 0x230 + below(random, 16)
                                                      : below(random, 576);
    bytes.push_back(static_cast<std::uint8_t>(where));
    bytes.push_back(static_cast<std::uint8_t>(below(random, 3)));
    put16(bytes, offset);
    bytes.push_back(
        static_cast<std::uint8_t>(chance(random, 60) ? 1U << below(random, 8) : random()));
    bytes.push_back(static_cast<std::uint8_t>(chance(random, 70) ? 1 : 0));
  }

  std::vector<CaseBytes> corpus_;
  std::vector<std::unique_ptr<Target>> targets_;
};

}  // namespace

std::unique_ptr<Door> make_command_door(vf_fault_set faults) {
  return std::make_unique<CommandDoor>(faults);
}

}  // namespace vfsim::bench
