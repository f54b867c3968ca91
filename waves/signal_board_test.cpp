#include "waves/signal_board.hpp"

#include <functional>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/interface/layout.h"

namespace vfsim::waves {
namespace {

using model::FnRef;
using model::Observer;
using model::Probe;

/// Writes down what it hears: "1000 A.vf0.tlp 'MWr'".
class Ear : public SignalListener {
 public:
  explicit Ear(const SignalBoard& board) : board_(board) {}
  void changed(const SignalChange& c) override {
    const bool text = is_text(info_of(c.id).kind);
    heard.push_back(std::to_string(c.t / model::kNs) + " " + board_.space().name(c.id) + " " +
                    (text ? "'" + std::string(c.from_text) + "' '" + std::string(c.text) + "'"
                          : std::to_string(c.from) + " " + std::to_string(c.to)));
    if (const auto once = std::exchange(then, nullptr)) {
      once();
    }
  }
  std::vector<std::string> heard;
  std::function<void()> then;  // done once

 private:
  const SignalBoard& board_;
};

class Board : public testing::Test {
 protected:
  void tlp(model::Ps t, model::TlpKind kind) {
    model::Tlp tlp;
    tlp.kind = kind;
    tlp.requester = 0x0101;
    tlp.bytes = 64;
    tlp.addr = 0x1000;
    tlp.tag = 5;
    tlp.last = kind == model::TlpKind::completion;
    if (tlp.last) {
      bus_.emit<Probe::tlp_received>(&Observer::tlp_received, t, std::uint8_t{0}, tlp);
    } else {
      bus_.emit<Probe::tlp_sent>(&Observer::tlp_sent, t, std::uint8_t{0}, tlp, nullptr);
    }
  }
  void state(model::Ps t, std::uint32_t to) {
    bus_.emit<Probe::driver>(&Observer::vfio_state, t, FnRef{0, 1}, std::uint32_t{VF_MIG_RUNNING},
                             to, 0);
  }
  SignalId id(const char* name) { return space_.find(name).value(); }

  model::ProbeBus bus_;
  SignalSpace space_{2, 1};
  SignalBoard board_{bus_, space_, 0x0100};
};

TEST(SignalSpace, NamesFindTheirSignal) {
  const SignalSpace space{3, 2};
  std::set<std::string> names;
  for (SignalId id = 0; id < space.units() * kSignalCount; ++id) {
    if (space.holds(id)) {
      EXPECT_EQ(space.find(space.name(id)), id);
      EXPECT_TRUE(names.insert(space.name(id)).second) << space.name(id);
    }
  }
  EXPECT_TRUE(names.count("A.pf.command") && names.count("B.vf1.migration_state") &&
              names.count("guest1.phase"));
  for (const char* wrong : {"", ".", "A.vf0", "A.vf2.command", "guest2.phase", "A.vf0.phase",
                            "guest0.command", "A.vf0.commands", "C.vf0.command"}) {
    EXPECT_FALSE(space.find(wrong)) << wrong;
  }
}

TEST_F(Board, ValuesAreExact) {
  for (model::Ps i = 1; i <= 7; ++i) {
    tlp(i * model::kNs, model::TlpKind::mem_read);
  }
  EXPECT_EQ(board_.number(id("A.vf0.outstanding_reads")), 7U);
  tlp(8 * model::kNs, model::TlpKind::completion);
  EXPECT_EQ(board_.number(id("A.vf0.outstanding_reads")), 6U);
  EXPECT_EQ(board_.shown(id("A.vf0.outstanding_reads"), 8 * model::kNs), "6");
  state(9 * model::kNs, VF_MIG_RUNNING_P2P);
  EXPECT_EQ(board_.shown(id("A.vf0.migration_state"), 9 * model::kNs), "RUNNING_P2P");
  EXPECT_EQ(board_.shown(id("B.vf0.migration_state"), 9 * model::kNs), "RUNNING");
  EXPECT_TRUE(board_.seen(space_.function_unit(0, 1)));
  EXPECT_FALSE(board_.seen(space_.function_unit(1, 1)));
}

TEST_F(Board, TextsOfEventsAreThereWithoutAListenerAndEndInTime) {
  tlp(1 * model::kUs, model::TlpKind::mem_read);
  EXPECT_EQ(board_.text(id("A.vf0.transaction"), 1 * model::kUs), "MRd 0x1000+64 tag 5");
  EXPECT_EQ(board_.text(id("A.vf0.tlp"), 1499 * model::kNs), "MRd");
  EXPECT_EQ(board_.text(id("A.vf0.tlp"), 1500 * model::kNs), "");
  EXPECT_EQ(board_.text(id("A.vf0.transaction"), 1500 * model::kNs), "");
  tlp(3 * model::kUs, model::TlpKind::completion);
  EXPECT_EQ(board_.text(id("A.vf0.transaction"), 3 * model::kUs), "CplD tag 5 +64");
  EXPECT_EQ(board_.text(id("A.vf0.tlp"), 3 * model::kUs), "") << "it sent nothing";
}

TEST_F(Board, ListenersHearOfChangesOfTheirRows) {
  Ear all(board_);
  Ear states(board_);
  board_.add(all, kAllRows, 0);
  board_.add(states, row_bit(FUNCTION_migration_state), 0);
  tlp(1 * model::kUs, model::TlpKind::mem_read);
  state(2 * model::kUs, VF_MIG_STOP);
  state(3 * model::kUs, VF_MIG_STOP);
  EXPECT_THAT(all.heard,
              testing::ElementsAre("1000 A.vf0.tlp '' 'MRd'",
                                   "1000 A.vf0.transaction '' 'MRd 0x1000+64 tag 5'",
                                   "1000 A.vf0.outstanding_reads 0 1", "1500 A.vf0.tlp 'MRd' ''",
                                   "1500 A.vf0.transaction 'MRd 0x1000+64 tag 5' ''",
                                   "2000 A.vf0.migration_state 2 1"));
  EXPECT_THAT(states.heard, testing::ElementsAre("2000 A.vf0.migration_state 2 1"));
}

/// A command of the PF on vf0, submitted and completed later.
class Commands : public Board {
 protected:
  model::CommandView view(std::uint16_t opcode, std::uint16_t op_mod) {
    model::CommandView view;
    view.slot = 3;
    view.opcode = opcode;
    view.op_mod = op_mod;
    view.in = in_.data();
    view.in_bytes = static_cast<std::uint32_t>(in_.size());
    view.out = out_.data();
    view.out_bytes = static_cast<std::uint32_t>(out_.size());
    return view;
  }
  void submit(model::Ps t, std::uint16_t opcode, std::uint16_t op_mod) {
    bus_.emit<Probe::command>(&Observer::command_submitted, t, view(opcode, op_mod));
  }
  void complete(model::Ps t, std::uint16_t opcode, std::uint16_t op_mod, std::uint8_t status = 0) {
    model::CommandView done = view(opcode, op_mod);
    done.status = status;
    done.syndrome = status == 0 ? 0 : 0x1234;
    bus_.emit<Probe::command>(&Observer::command_completed, t, done);
  }
  void SetUp() override {  // the PF asks which vhca_id vf0 has
    VF_SET(query_hca_cap_in, in_.data(), other_function, 1);
    VF_SET(query_hca_cap_in, in_.data(), function_id, 1);
    VF_SET(cmd_hca_cap, VF_PTR(query_hca_cap_out, out_.data(), capability), vhca_id, 77);
    submit(1, VF_OP_QUERY_HCA_CAP, 1);
    complete(2, VF_OP_QUERY_HCA_CAP, 1);
    in_.assign(16, 0);
    VF_SET(suspend_vhca_in, in_.data(), vhca_id, 77);
  }
  std::string shown(const char* name) { return board_.shown(id(name), 10 * model::kUs); }

  std::vector<std::uint8_t> in_ = std::vector<std::uint8_t>(16);
  std::vector<std::uint8_t> out_ = std::vector<std::uint8_t>(VF_BYTES(query_hca_cap_out));
};

TEST_F(Commands, TheRunStateFollowsThem) {
  EXPECT_EQ(shown("A.vf0.run_state"), "RUNNING");
  submit(10 * model::kUs, VF_OP_SUSPEND_VHCA, VF_SUSPEND_INITIATOR);
  EXPECT_EQ(shown("A.vf0.run_state"), "DRAINING");
  EXPECT_EQ(shown("A.vf0.work"), "SUSPEND_VHCA INITIATOR");
  EXPECT_EQ(shown("A.pf.command"), "SUSPEND_VHCA");
  EXPECT_EQ(shown("A.pf.commands_waiting"), "1");
  complete(10 * model::kUs, VF_OP_SUSPEND_VHCA, VF_SUSPEND_INITIATOR);
  EXPECT_EQ(shown("A.vf0.run_state"), "INITIATOR_STOPPED");
  EXPECT_EQ(shown("A.vf0.work"), "");
  EXPECT_EQ(shown("A.pf.commands_waiting"), "0");
  EXPECT_EQ(shown("A.pf.answer"), "SUSPEND_VHCA OK");
  submit(10 * model::kUs, VF_OP_SUSPEND_VHCA, VF_SUSPEND_RESPONDER);
  EXPECT_EQ(shown("A.vf0.run_state"), "STOPPING");
  complete(10 * model::kUs, VF_OP_SUSPEND_VHCA, VF_SUSPEND_RESPONDER);
  EXPECT_EQ(shown("A.vf0.run_state"), "STOPPED");
  submit(10 * model::kUs, VF_OP_RESUME_VHCA, VF_RESUME_RESPONDER);
  EXPECT_EQ(shown("A.vf0.run_state"), "RESUMING");
  complete(10 * model::kUs, VF_OP_RESUME_VHCA, VF_RESUME_RESPONDER, VF_STATUS_BAD_PARAM);
  EXPECT_EQ(shown("A.vf0.run_state"), "STOPPED") << "refused";
  EXPECT_EQ(shown("A.pf.answer"), "RESUME_VHCA BAD_PARAM 0x1234");
  bus_.emit<Probe::function_reset>(&Observer::function_reset, 10 * model::kUs, FnRef{0, 1});
  EXPECT_EQ(shown("A.vf0.run_state"), "RUNNING");
}

TEST_F(Commands, AResetOfThePfEndsItsWork) {
  submit(10 * model::kUs, VF_OP_SUSPEND_VHCA, VF_SUSPEND_INITIATOR);
  bus_.emit<Probe::function_reset>(&Observer::function_reset, 10 * model::kUs, FnRef{0, 0});
  EXPECT_EQ(shown("A.vf0.work"), "");
  EXPECT_EQ(shown("A.vf0.run_state"), "RUNNING");
  EXPECT_EQ(shown("A.pf.commands_waiting"), "0");
}

TEST_F(Board, ViolationsHaveANameAndANumber) {
  Ear ear(board_);
  board_.add(ear, rows_of(mask_of(SignalGroup::rules)), 0);
  board_.violated(1 * model::kUs, "Q2", "A.vf0");
  board_.violated(1 * model::kUs, "Q1", "A.vf0");
  EXPECT_EQ(board_.number(id("rules.violations")), 2U);
  EXPECT_EQ(board_.text(id("rules.violation"), 1 * model::kUs), "Q1 A.vf0");
  EXPECT_THAT(ear.heard, testing::ElementsAre("1000 rules.violation '' 'Q2 A.vf0'",
                                              "1000 rules.violations 0 1",
                                              "1000 rules.violation 'Q2 A.vf0' 'Q1 A.vf0'",
                                              "1000 rules.violations 1 2"));
}

TEST_F(Board, AListenerMayComeAndGoWhileChangesAreTold) {
  Ear first(board_);
  Ear second(board_);
  board_.add(first, kAllRows, 0);
  first.then = [&] {
    board_.add(second, kAllRows, 1 * model::kUs);
    board_.remove(first);
  };
  tlp(1 * model::kUs, model::TlpKind::mem_read);
  EXPECT_THAT(first.heard, testing::ElementsAre("1000 A.vf0.tlp '' 'MRd'"));
  // The class was told when it came; its end is for who came later, too.
  board_.settle(2 * model::kUs);
  EXPECT_THAT(second.heard,
              testing::ElementsAre("1000 A.vf0.transaction '' 'MRd 0x1000+64 tag 5'",
                                   "1000 A.vf0.outstanding_reads 0 1", "1500 A.vf0.tlp 'MRd' ''",
                                   "1500 A.vf0.transaction 'MRd 0x1000+64 tag 5' ''"));
  board_.remove(second);
  tlp(3 * model::kUs, model::TlpKind::mem_read);
  EXPECT_EQ(second.heard.size(), 4U);
  EXPECT_EQ(board_.number(id("A.vf0.outstanding_reads")), 2U);
}

TEST_F(Board, WhoComesWhileATextLastsHearsItsEnd) {
  tlp(1000 * model::kNs, model::TlpKind::mem_read);
  tlp(1300 * model::kNs, model::TlpKind::mem_read);
  Ear ear(board_);
  board_.add(ear, row_bit(FUNCTION_tlp), 1400 * model::kNs);
  EXPECT_EQ(board_.text(id("A.vf0.tlp"), 1400 * model::kNs), "MRd");
  tlp(1600 * model::kNs, model::TlpKind::completion);
  board_.settle(3 * model::kUs);
  EXPECT_THAT(ear.heard, testing::ElementsAre("2100 A.vf0.tlp 'MRd' ''"));
}

}  // namespace
}  // namespace vfsim::waves
