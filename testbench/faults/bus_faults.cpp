#include "testbench/faults/bus_faults.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "firmware/interface/faults.h"

namespace vfsim::bench {
namespace {

using model::kUs;
using model::Tlp;
using model::TlpKind;

constexpr std::uint32_t kEntry = 64;  // writes up to this size are entries of queues, not packets

bool data_write(const Tlp& tlp) {
  return tlp.kind == TlpKind::mem_write && !tlp.interrupt;
}

class Defect : public BusFault {
 public:
  explicit Defect(FaultyPort& port) : port_(port) {}

 protected:
  /// Every `period`th time: true.
  [[nodiscard]] bool turn(std::uint64_t period) { return ++turns_ % period == 0; }
  FaultyPort& port_;

 private:
  std::uint64_t turns_ = 0;
};

/// One posted write of a VF that is about to be quiesced leaves a microsecond after the
/// acknowledgement; the NIC counts it as landed.
class WriteHeldBack final : public Defect {
 public:
  using Defect::Defect;
  bool sending(std::uint32_t fn, Tlp& tlp, const std::uint8_t* payload) override {
    if (fn == 0 || held_ != 0 || !data_write(tlp) || port_.stage(fn) != Stage::closing) {
      return false;
    }
    held_ = fn;
    tlp_ = tlp;
    payload_.assign(payload, payload + tlp.bytes);
    port_.pretend_landed(tlp);
    return true;
  }
  void entered(std::uint32_t fn, Stage stage) override {
    if (fn == held_ && stage == Stage::p2p) {
      port_.send_own(tlp_, payload_.data(), kUs);
      held_ = 0;
    }
  }

 private:
  std::uint32_t held_ = 0;  // function
  Tlp tlp_;
  std::vector<std::uint8_t> payload_;
};

/// Keeps the last interrupt of each function, to send it once more.
class RepeatedInterrupt : public Defect {
 public:
  using Defect::Defect;
  bool sending(std::uint32_t fn, Tlp& tlp, const std::uint8_t* payload) override {
    if (tlp.interrupt) {
      last_[fn].tlp = tlp;
      std::copy_n(payload, std::min<std::size_t>(tlp.bytes, 4), last_[fn].data.begin());
    }
    return false;
  }

 protected:
  void repeat(std::uint32_t fn) {
    if (last_[fn].tlp.interrupt) {
      port_.send_own(last_[fn].tlp, last_[fn].data.data(), kUs);
    }
  }

 private:
  struct Message {
    Tlp tlp;
    std::array<std::uint8_t, 4> data{};
  };
  std::array<Message, VF_MAX_FUNCTIONS> last_;
};

/// A stopped VF raises its last interrupt once more.
class InterruptAfterStop final : public RepeatedInterrupt {
 public:
  using RepeatedInterrupt::RepeatedInterrupt;
  void entered(std::uint32_t fn, Stage stage) override {
    if (stage == Stage::stopped) {
      repeat(fn);
    }
  }
};

/// The first interrupt of a VF that was resumed gets lost.
class InterruptLost final : public Defect {
 public:
  using Defect::Defect;
  bool sending(std::uint32_t fn, Tlp& tlp, const std::uint8_t* payload) override {
    (void)payload;
    const bool lost = tlp.interrupt && fn != 0 && fn == resumed_;
    if (lost) {
      resumed_ = 0;
      port_.pretend_landed(tlp);
    }
    return lost;
  }
  void entered(std::uint32_t fn, Stage stage) override {
    resumed_ = stage == Stage::running ? fn : resumed_;
  }

 private:
  std::uint32_t resumed_ = 0;  // function, 0: none
};

/// Every 16th interrupt of a VF comes a second time, 20 us later.
class InterruptTwice final : public Defect {
 public:
  using Defect::Defect;
  bool sending(std::uint32_t fn, Tlp& tlp, const std::uint8_t* payload) override {
    if (fn != 0 && tlp.interrupt && turn(16)) {
      port_.send_own(tlp, payload, 20 * kUs);
    }
    return false;
  }
};

/// An interrupt overtakes the entry that a VF wrote just before it.
class InterruptPassesWrite final : public Defect {
 public:
  using Defect::Defect;
  bool sending(std::uint32_t fn, Tlp& tlp, const std::uint8_t* payload) override {
    if (fn == 0 || !data_write(tlp) || tlp.bytes != kEntry || !turn(16)) {
      return false;
    }
    port_.send_later(tlp, payload, 2 * kUs);
    return true;
  }
};

/// Every 64th large write of a VF goes to the wrong megabyte.
class WriteMisplaced final : public Defect {
 public:
  using Defect::Defect;
  bool sending(std::uint32_t fn, Tlp& tlp, const std::uint8_t* payload) override {
    (void)payload;
    if (fn != 0 && data_write(tlp) && tlp.bytes > kEntry && turn(64)) {
      tlp.addr ^= kBit;
    }
    return false;
  }

 private:
  static constexpr std::uint64_t kBit = 1 << 25;
};

/// Every 64th large write of a VF gets lost; the NIC counts it as landed.
class WriteDropped final : public Defect {
 public:
  using Defect::Defect;
  bool sending(std::uint32_t fn, Tlp& tlp, const std::uint8_t* payload) override {
    (void)payload;
    const bool lost = fn != 0 && data_write(tlp) && tlp.bytes > kEntry && turn(64);
    if (lost) {
      port_.pretend_landed(tlp);
    }
    return lost;
  }
};

/// Behind a reset the interrupt that the function raised last leaves again.
class InterruptAfterReset final : public RepeatedInterrupt {
 public:
  using RepeatedInterrupt::RepeatedInterrupt;
  void reset(std::uint32_t fn) override { repeat(fn); }
};

/// While a VF is quiesced, every 8th receive completion of the others is overtaken by what follows.
class SiblingReordered final : public Defect {
 public:
  using Defect::Defect;
  bool sending(std::uint32_t fn, Tlp& tlp, const std::uint8_t* payload) override {
    if (fn == 0 || quiesced_ == 0 || fn == quiesced_ || !data_write(tlp) ||
        tlp.bytes != VF_BYTES(cqe) || VF_GET(cqe, payload, opcode) != VF_CQE_RESP_SEND ||
        !turn(8)) {
      return false;
    }
    port_.send_later(tlp, payload, 40 * kUs);
    return true;
  }
  void entered(std::uint32_t fn, Stage stage) override {
    quiesced_ = stage == Stage::running ? 0 : fn;
  }

 private:
  std::uint32_t quiesced_ = 0;
};

/// Every 16th write of the peer device gets lost behind its link.
class PeerWriteDropped final : public Defect {
 public:
  using Defect::Defect;
  bool sending(std::uint32_t fn, Tlp& tlp, const std::uint8_t* payload) override {
    (void)fn, (void)payload;
    if (port_.peer() && data_write(tlp) && turn(16)) {
      port_.host().drop_next_write(tlp.requester);
    }
    return false;
  }
};

/// A write of the peer device stays in its queues until the VF that it is for is stopped.
class PeerWriteLate final : public Defect {
 public:
  using Defect::Defect;
  bool sending(std::uint32_t fn, Tlp& tlp, const std::uint8_t* payload) override {
    (void)fn;
    const bool late = port_.peer() && data_write(tlp) && payload_.empty() && turn(16);
    if (late) {
      tlp_ = tlp;
      payload_.assign(payload, payload + tlp.bytes);
      port_.pretend_landed(tlp);
    }
    return late;
  }
  void entered(std::uint32_t fn, Stage stage) override {
    (void)fn;
    if (stage == Stage::stopped && !payload_.empty()) {
      port_.send_own(tlp_, payload_.data(), kUs);
    }
  }

 private:
  Tlp tlp_;
  std::vector<std::uint8_t> payload_;
};

}  // namespace

std::unique_ptr<BusFault> make_bus_fault(enum vf_fault fault, FaultyPort& port) {
  switch (fault) {
    case VF_FAULT_write_held_back:
      return std::make_unique<WriteHeldBack>(port);
    case VF_FAULT_irq_after_stop:
      return std::make_unique<InterruptAfterStop>(port);
    case VF_FAULT_irq_lost_at_resume:
      return std::make_unique<InterruptLost>(port);
    case VF_FAULT_irq_twice:
      return std::make_unique<InterruptTwice>(port);
    case VF_FAULT_irq_passes_write:
      return std::make_unique<InterruptPassesWrite>(port);
    case VF_FAULT_write_misplaced:
      return std::make_unique<WriteMisplaced>(port);
    case VF_FAULT_write_dropped:
      return std::make_unique<WriteDropped>(port);
    case VF_FAULT_reset_leaves_irq:
      return std::make_unique<InterruptAfterReset>(port);
    case VF_FAULT_sibling_reordered:
      return std::make_unique<SiblingReordered>(port);
    case VF_FAULT_p2p_write_dropped:
      return std::make_unique<PeerWriteDropped>(port);
    case VF_FAULT_p2p_write_late:
      return std::make_unique<PeerWriteLate>(port);
    default:
      return nullptr;
  }
}

}  // namespace vfsim::bench
