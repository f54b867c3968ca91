// The RTL gate, cycle by cycle, against dma_gate_reference.hpp, with its checker on.
#include <cstdint>
#include <random>

#include <gtest/gtest.h>

#include "Vdma_gate_checked.h"
#include "Vdma_gate_small.h"
#include "rtl_models/common/rtl_model.hpp"
#include "rtl_models/dma_gate/tb/dma_gate_reference.hpp"
#include "rtl_models/dma_gate/tb/feeder_duty.hpp"

namespace vfsim::rtl {
namespace {

constexpr DmaGateSize kNicSize{128, 256, 7, 12};
constexpr DmaGateSize kSmallSize{4, 8, 2, 3};

// Ports of one bit per function: an integer, or words of 32 bits.
template <class Port>
void set_bits(Port& port, const std::vector<bool>& bits) {
  port = 0;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    port = static_cast<Port>(port | static_cast<Port>(bits[i]) << i);
  }
}
template <std::size_t Words>
void set_bits(VlWide<Words>& port, const std::vector<bool>& bits) {
  for (std::size_t word = 0; word < Words; ++word) {
    port[word] = 0;
  }
  for (std::size_t i = 0; i < bits.size(); ++i) {
    port[i / 32] |= static_cast<std::uint32_t>(bits[i]) << i % 32;
  }
}
template <class Port>
bool bit(const Port& port, int i) {
  return (port >> i & 1) != 0;
}
template <std::size_t Words>
bool bit(const VlWide<Words>& port, int i) {
  const auto index = static_cast<std::size_t>(i);
  return (port[index / 32] >> index % 32 & 1) != 0;
}

template <class Dut>
class Bench final : private AssertionListener {
 public:
  Bench(const DmaGateSize& size, int own, int tags) : size_(size), reference_(size, own, tags) {
    set(dut_->cfg_own_i, own);
    set(dut_->cfg_tags_i, tags);
    dut_.eval();
  }

  /// One cycle of both; what they show must be the same.
  DmaGateOut cycle(const DmaGateIn& in, int sel) {
    drive(in, sel);
    dut_.eval();
    compare_state(in, sel);
    const DmaGateOut seen = outputs();
    const DmaGateOut expected = reference_.cycle(in);
    EXPECT_EQ(seen.rd_fn, expected.rd_fn);
    EXPECT_EQ(seen.rd_tag, expected.rd_tag);
    EXPECT_EQ(seen.wr_fn, expected.wr_fn);
    EXPECT_EQ(seen.wr_msi, expected.wr_msi);
    EXPECT_EQ(seen.unexpected, expected.unexpected);
    EXPECT_EQ(seen.expired_tag, expected.expired_tag);
    dut_.cycle();
    return seen;
  }
  [[nodiscard]] const DmaGateReference& reference() const { return reference_; }
  [[nodiscard]] bool sweeping() { return dut_->sweep_o != 0; }
  [[nodiscard]] bool quiet(int fn) { return bit(dut_->quiesce_ack_o, fn); }
  [[nodiscard]] const std::vector<std::string>& failed() const { return failed_; }

 private:
  void assertion_failed(const char* assertion) override {
    if (!is_feeder_duty(assertion)) {
      failed_.push_back(assertion);
    }
  }

  void drive(const DmaGateIn& in, int sel) {
    set_bits(dut_->quiesce_req_i, in.quiesce_req);
    set_bits(dut_->busy_i, in.busy);
    set_bits(dut_->req_rd_i, in.req_rd);
    set_bits(dut_->req_wr_i, in.req_wr);
    set_bits(dut_->req_msi_i, in.req_msi);
    dut_->tick_i = in.tick;
    dut_->rd_ready_i = in.rd_ready;
    dut_->wr_ready_i = in.wr_ready;
    set_optional(dut_->cpl_valid_i, dut_->cpl_tag_i, in.cpl_tag);
    set_optional(dut_->wr_done_valid_i, dut_->wr_done_fn_i, in.wr_done_fn);
    set_optional(dut_->flr_valid_i, dut_->flr_fn_i, in.flr_fn);
    set(dut_->sel_fn_i, sel);
  }
  template <class Port>
  static void set(Port& port, int value) {
    port = static_cast<Port>(value);
  }
  static void set_optional(CData& valid, CData& value, int number) {
    valid = number >= 0;
    set(value, number >= 0 ? number : 0);
  }

  DmaGateOut outputs() {
    DmaGateOut out;
    if (dut_->rd_valid_o != 0) {
      out.rd_fn = dut_->rd_fn_o;
      out.rd_tag = dut_->rd_tag_o;
    }
    if (dut_->wr_valid_o != 0) {
      out.wr_fn = dut_->wr_fn_o;
      out.wr_msi = dut_->wr_msi_o != 0;
    }
    out.unexpected = dut_->unexpected_cpl_o != 0;
    out.expired_tag = dut_->expired_valid_o != 0 ? dut_->expired_tag_o : -1;
    return out;
  }

  void compare_state(const DmaGateIn& in, int sel) {
    for (int fn = 0; fn < size_.functions; ++fn) {
      const auto& f = reference_.function(fn);
      EXPECT_EQ(bit(dut_->quiesce_ack_o, fn), f.gate == DmaGateReference::Gate::quiet) << fn;
      EXPECT_EQ(bit(dut_->drained_o, fn), reference_.drained(in, fn)) << fn;
      EXPECT_EQ(bit(dut_->cpl_timeout_o, fn), f.timeout) << fn;
    }
    const auto& f = reference_.function(sel);
    EXPECT_EQ(dut_->outst_o, f.outstanding);
    EXPECT_EQ(dut_->posted_o, f.posted);
    EXPECT_EQ(dut_->state_o, static_cast<int>(f.gate));
    EXPECT_EQ(dut_->sweep_o != 0, reference_.sweeping());
  }

  DmaGateSize size_;
  std::vector<std::string> failed_;
  RtlSession session_{*this};
  RtlModel<Dut> dut_{session_, "bench"};
  DmaGateReference reference_;
};

/// Random functions, link, host and firmware around the gate. How likely things are changes now and
/// then, so that a full link and an idle one, a silent host and a quick one come about.
template <class Dut>
class RandomWorld {
 public:
  RandomWorld(const DmaGateSize& size, int own, int tags, unsigned seed)
      : size_(size),
        own_(own),
        tags_(tags),
        rng_(seed),
        bench_(size, own, tags),
        in_(size),
        lost_(static_cast<std::size_t>(tags)) {}

  void run(int cycles) {
    for (int i = 0; i < cycles && !::testing::Test::HasFailure(); ++i) {
      if (i % 512 == 0) {
        change_mood();
      }
      choose_inputs();
      const DmaGateOut out = bench_.cycle(in_, below(size_.functions));
      follow(out);
      if (::testing::Test::HasFailure()) {
        ADD_FAILURE() << "in cycle " << i;
      }
    }
    EXPECT_EQ(bench_.failed(), std::vector<std::string>());
  }
  int reads = 0, posted = 0, acks = 0, expired = 0, unexpected = 0, resets = 0;

 private:
  int below(int n) { return static_cast<int>(rng_() % static_cast<unsigned>(n)); }
  bool chance(int of_64) { return below(64) < of_64; }

  bool asks(bool closing) { return chance(ask_) && (!closing || below(256) == 0); }

  void change_mood() {
    ask_ = 1 << below(6);
    answer_ = below(4) == 0 ? 0 : 8 << below(4);
    land_ = below(6) == 0 ? 0 : 8 << below(4);
    ready_ = below(4) == 0 ? 16 : 63;
    ticking_ = below(2) == 0;
    quiesce_ = below(3) == 0 ? 8 : 1;
  }

  void choose_inputs() {
    for (std::size_t f = 0; f < in_.busy.size(); ++f) {
      const bool closing = in_.quiesce_req[f];
      in_.req_rd[f] = in_.req_rd[f] || asks(closing);
      if (!in_.req_wr[f] && !in_.req_msi[f] && asks(closing)) {
        (below(3) == 0 ? in_.req_msi : in_.req_wr)[f] = true;
      }
      in_.busy[f] = chance(in_.busy[f] ? 48 : 4) && !(closing && chance(32));
    }
    const auto toggled = static_cast<std::size_t>(below(size_.functions));
    if (chance(quiesce_)) {
      in_.quiesce_req[toggled] = !in_.quiesce_req[toggled];
    }
    in_.rd_ready = chance(ready_);
    in_.wr_ready = chance(ready_);
    in_.tick = ticking_ && chance(32);
    choose_answers();
    in_.flr_fn = below(256) == 0 ? below(size_.functions) : -1;
  }

  void choose_answers() {
    in_.cpl_tag = -1;
    if (chance(answer_)) {
      in_.cpl_tag = below(64) == 0 ? below(size_.tags) : answered_tag();
    }
    in_.wr_done_fn = -1;
    if (chance(land_) && !on_link_.empty()) {
      const auto i = static_cast<std::size_t>(below(static_cast<int>(on_link_.size())));
      in_.wr_done_fn = on_link_[i];
      on_link_[i] = on_link_.back();
      on_link_.pop_back();
    }
  }
  int answered_tag() {
    const int from = below(tags_);
    for (int i = 0; i < tags_; ++i) {
      const int tag = (from + i) % tags_;
      const auto use = bench_.reference().tag(tag).use;
      const bool lost = lost_[static_cast<std::size_t>(tag)];
      if ((use == DmaGateReference::Use::live && !lost) ||
          (use == DmaGateReference::Use::quarantine && below(64) == 0)) {
        return tag;
      }
    }
    return -1;
  }

  void follow(const DmaGateOut& out) {
    if (out.rd_fn >= 0) {
      in_.req_rd[static_cast<std::size_t>(out.rd_fn)] = false;
      lost_[static_cast<std::size_t>(out.rd_tag)] = below(32) == 0;
    }
    if (out.wr_fn >= 0) {
      (out.wr_msi ? in_.req_msi : in_.req_wr)[static_cast<std::size_t>(out.wr_fn)] = false;
      on_link_.push_back(out.wr_fn);
    }
    if (in_.flr_fn >= 0) {
      const auto f = static_cast<std::size_t>(in_.flr_fn);
      in_.req_rd[f] = in_.req_wr[f] = in_.req_msi[f] = in_.quiesce_req[f] = in_.busy[f] = false;
      ++resets;
    }
    reads += out.rd_fn >= 0;
    posted += out.wr_fn >= 0;
    expired += out.expired_tag >= 0;
    unexpected += out.unexpected;
    for (int f = 0; f < size_.functions; ++f) {
      acks += bench_.quiet(f);
    }
  }

  DmaGateSize size_;
  int own_, tags_;
  std::mt19937 rng_;
  Bench<Dut> bench_;
  DmaGateIn in_;
  std::vector<int> on_link_;
  std::vector<bool> lost_;  // by tag: the host does not answer in time
  int ask_ = 1, answer_ = 0, land_ = 0, ready_ = 0, quiesce_ = 0;
  bool ticking_ = false;
};

template <class Dut>
void random_run(const DmaGateSize& size, int own, int tags, unsigned seed, int cycles) {
  RandomWorld<Dut> world(size, own, tags, seed);
  world.run(cycles);
  EXPECT_GT(world.reads, cycles / 100);
  EXPECT_GT(world.posted, cycles / 100);
  EXPECT_GT(world.acks, 0);
  EXPECT_GT(world.unexpected, 0);
  EXPECT_GT(world.expired, 0);
  EXPECT_GT(world.resets, 0);
}

TEST(DmaGateRtl, SmallOwnTagsAndPool) {
  random_run<Vdma_gate_small>(kSmallSize, 4, 8, 1, 300000);
}
TEST(DmaGateRtl, SmallPoolOnly) {
  random_run<Vdma_gate_small>(kSmallSize, 0, 3, 2, 100000);
}
TEST(DmaGateRtl, SmallOwnTagsOnly) {
  random_run<Vdma_gate_small>(kSmallSize, 4, 4, 3, 100000);
}
TEST(DmaGateRtl, NicSize) {
  random_run<Vdma_gate_checked>(kNicSize, 128, 256, 4, 150000);
}
TEST(DmaGateRtl, NicWithFewTags) {
  random_run<Vdma_gate_checked>(kNicSize, 0, 64, 5, 150000);
}

}  // namespace
}  // namespace vfsim::rtl
