#include <cstdio>
#include <filesystem>
#include <sys/stat.h>
#include <fstapi.h>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/interface/layout.h"
#include "waves/fst_file.hpp"
#include "waves/wave_recorder.hpp"

namespace vfsim::waves {
namespace {

using model::FnRef;
using model::Observer;
using model::Probe;
using testing::HasSubstr;

std::string temp(const std::string& name) {
  return testing::TempDir() + name;
}

/// The file as VCD with extensions (enums, strings), by the library's own reader.
std::string as_vcd(const std::string& path) {
  void* reader = fstReaderOpen(path.c_str());
  if (reader == nullptr) {
    return {};
  }
  const std::string vcd = path + ".vcd";
  std::FILE* out = std::fopen(vcd.c_str(), "w");
  fstReaderSetVcdExtensions(reader, 1);
  fstReaderProcessHier(reader, out);
  fstReaderSetFacProcessMaskAll(reader);
  fstReaderIterBlocks(reader, nullptr, nullptr, out);
  std::fclose(out);
  fstReaderClose(reader);
  std::ifstream in(vcd);
  std::stringstream text;
  text << in.rdbuf();
  std::remove(vcd.c_str());
  return text.str();
}

TEST(FstFile, AllKindsOfSignal) {
  const std::string path = temp("kinds.fst");
  FstFile file(path);
  ASSERT_TRUE(file.ok());
  file.enter_scope("top");
  const auto table = file.add_enum("colour", {"RED", "GREEN"}, 1);
  const auto bit = file.add_bits("bit", 1);
  const auto number = file.add_bits("number", 16);
  const auto colour = file.add_enum_signal("colour", 1, table);
  const auto text = file.add_text("text");
  file.leave_scope();
  file.time(0);
  file.set(bit, 0);
  file.time(1500);
  file.set(bit, 1);
  file.set(number, 0x1234);
  file.set(colour, 1);
  file.set_text(text, "SAVE_VHCA_STATE");
  EXPECT_FALSE(std::filesystem::exists(path));  // not before it is complete
  ASSERT_TRUE(file.close());
  const std::string vcd = as_vcd(path);
  EXPECT_THAT(vcd, HasSubstr("1ps"));
  EXPECT_THAT(vcd, HasSubstr("number [15:0]"));
  EXPECT_THAT(vcd, HasSubstr("RED GREEN"));
  EXPECT_THAT(vcd, HasSubstr("#1500"));
  EXPECT_THAT(vcd, HasSubstr("b0001001000110100"));
  EXPECT_THAT(vcd, HasSubstr("sSAVE_VHCA_STATE"));
  std::filesystem::remove(path);
}

TEST(FstFile, AbandonedAndImpossibleFiles) {
  const std::string path = temp("abandoned.fst");
  { FstFile file(path); }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(path + ".part"));
  FstFile nowhere("/nonexistent/folder/x.fst");
  EXPECT_FALSE(nowhere.ok());
  EXPECT_FALSE(nowhere.close());
}

class Recorder : public testing::Test {
 protected:
  void write(model::Ps t, std::uint64_t bytes) {
    model::Tlp tlp;
    tlp.requester = 0x0101;
    tlp.bytes = static_cast<std::uint32_t>(bytes);
    bus_.emit<Probe::tlp_sent>(&Observer::tlp_sent, t, std::uint8_t{0}, tlp, nullptr);
    bus_.emit<Probe::tlp_landed>(&Observer::tlp_landed, t + 400 * model::kNs, std::uint8_t{0}, tlp,
                                 nullptr, true);
  }
  void command(model::Ps t, std::uint16_t opcode, std::uint16_t op_mod,
               std::vector<std::uint8_t> in, std::vector<std::uint8_t> out) {
    model::CommandView view;
    view.opcode = opcode;
    view.op_mod = op_mod;
    in.resize(16);
    view.in = in.data();
    view.in_bytes = 16;
    bus_.emit<Probe::command>(&Observer::command_submitted, t, view);
    view.out = out.data();
    view.out_bytes = static_cast<std::uint32_t>(out.size());
    bus_.emit<Probe::command>(&Observer::command_completed, t + model::kUs, view);
  }
  void suspend_vf0(model::Ps t) {
    std::vector<std::uint8_t> in(16);
    std::vector<std::uint8_t> out(VF_BYTES(query_hca_cap_out));
    VF_SET(query_hca_cap_in, in.data(), other_function, 1);
    VF_SET(query_hca_cap_in, in.data(), function_id, 1);
    VF_SET(cmd_hca_cap, VF_PTR(query_hca_cap_out, out.data(), capability), vhca_id, 77);
    command(t, VF_OP_QUERY_HCA_CAP, 1, in, out);
    std::vector<std::uint8_t> suspend(16);
    VF_SET(suspend_vhca_in, suspend.data(), vhca_id, 77);
    command(t + 2 * model::kUs, VF_OP_SUSPEND_VHCA, VF_SUSPEND_INITIATOR, suspend,
            std::vector<std::uint8_t>(16));
  }
  model::ProbeBus bus_;
  SignalBoard board_{bus_, SignalSpace{2, 1}, 0x0100};
};

TEST(FstFile, ADeviceIsNotReplaced) {
  const std::string path = testing::TempDir() + "fst_pipe";
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  FstFile file(path);
  EXPECT_FALSE(file.ok());
  EXPECT_FALSE(file.close());
  EXPECT_TRUE(std::filesystem::is_fifo(path));
  std::filesystem::remove(path);
}

TEST_F(Recorder, StatesCommandsTlpsAndPhases) {
  const std::string path = temp("recorder.fst");
  WaveRecorder recorder(board_, path, {});
  ASSERT_TRUE(recorder.ok());
  write(model::kUs, 256);
  bus_.emit<Probe::msi>(&Observer::msi, 2 * model::kUs, FnRef{0, 1}, 3U,
                        model::MsiAction::delivered);
  bus_.emit<Probe::driver>(&Observer::phase, 3 * model::kUs, 0U, "downtime", true);
  bus_.emit<Probe::driver>(&Observer::vcpu, 3 * model::kUs, 0U, true, std::uint8_t{1});
  suspend_vf0(4 * model::kUs);
  bus_.emit<Probe::driver>(&Observer::vfio_state, 8 * model::kUs, FnRef{0, 1},
                           std::uint32_t{VF_MIG_RUNNING}, std::uint32_t{VF_MIG_RUNNING_P2P}, 0);
  ASSERT_TRUE(recorder.finish(10 * model::kUs));
  const std::string vcd = as_vcd(path);
  for (const char* piece : {"#1500000\ns ", "sv3 ", "sdowntime", "sQUERY_HCA_CAP", "sSUSPEND_VHCA",
                            "RUNNING_P2P", "#8000000\nb101", "migration_state [2:0]"}) {
    EXPECT_THAT(vcd, HasSubstr(piece));
  }
  std::ifstream view(temp("recorder.gtkw"));
  std::stringstream text;
  text << view.rdbuf();
  EXPECT_THAT(text.str(), HasSubstr("[dumpfile] \"recorder.fst\""));
  EXPECT_THAT(text.str(),
              HasSubstr("@800200\n-A.vf0\n[color] 6\n@100000028\nvfsim.A.vf0.migration_state[2:0]"));
  EXPECT_THAT(text.str(), HasSubstr("@20\nvfsim.guest0.phase"));
  EXPECT_THAT(text.str(), testing::Not(HasSubstr("B.vf0")));  // nothing happened there
  EXPECT_THAT(text.str(), testing::Not(HasSubstr("vf0.reset"))) << "nor such a thing";
  EXPECT_THAT(text.str(), HasSubstr(" -1 3000000 -1")) << "no primary marker, A at the phase";
  EXPECT_THAT(text.str(), HasSubstr("[markername] Adowntime\n"));
}

TEST_F(Recorder, ABurstIsOneBoxAndEndsAtZero) {
  const std::string path = temp("burst.fst");
  WaveRecorder recorder(board_, path, {});
  model::Tlp tlp;
  tlp.requester = 0x0101;
  tlp.bytes = 256;
  for (model::Ps i = 0; i < 1000; ++i) {
    bus_.emit<Probe::tlp_sent>(&Observer::tlp_sent, (1000 + i * 20) * model::kNs, std::uint8_t{0},
                               tlp, nullptr);
  }
  for (model::Ps i = 0; i < 1000; ++i) {
    bus_.emit<Probe::tlp_landed>(&Observer::tlp_landed, (22000 + i * 20) * model::kNs,
                                 std::uint8_t{0}, tlp, nullptr, true);
  }
  ASSERT_TRUE(recorder.finish(50 * model::kUs));
  const std::string vcd = as_vcd(path);
  std::size_t boxes = 0;
  for (std::size_t at = vcd.find("sMWr"); at != std::string::npos; at = vcd.find("sMWr", at + 1)) {
    ++boxes;
  }
  EXPECT_EQ(boxes, 1U);
  EXPECT_THAT(
      vcd,
      HasSubstr("#41980000\nb0000000000000000"));  // drained exactly when the last write landed
}

/// What the reader of a windowed file sees: `text` of one signal changes every microsecond, 1 .. 9.
std::string windowed(const std::string& name, const WaveSpan& span, model::Ps mark = 0) {
  const std::string path = temp(name);
  FstFile file(path);
  file.enter_scope("top");
  const auto number = file.add_bits("number", 8);
  const auto once = file.add_text("once");
  file.leave_scope();
  WaveWindow window(file, span);
  window.time(0);
  window.set_text(once, "early");
  for (model::Ps i = 1; i < 10; ++i) {
    window.time(i * model::kUs);
    window.set(number, i);
    window.set(0, 99);  // a signal of a group that is left out
    if (mark == i * model::kUs) {
      window.mark(mark);
    }
  }
  EXPECT_TRUE(window.close(10 * model::kUs));
  const std::string vcd = as_vcd(path);
  std::filesystem::remove(path);
  return vcd;
}

TEST(WaveWindow, FromAndTo) {
  const std::string vcd = windowed("window.fst", {3500 * model::kNs, 6 * model::kUs, 0});
  EXPECT_THAT(vcd, HasSubstr("#3500000\n"));
  EXPECT_THAT(vcd, HasSubstr("searly")) << "a signal has its value of before the span";
  EXPECT_THAT(vcd, HasSubstr("b00000011")) << "and this one, too";
  EXPECT_THAT(vcd, HasSubstr("#6000000\nb00000110"));
  EXPECT_THAT(vcd, testing::Not(HasSubstr("b00000010")));
  EXPECT_THAT(vcd, testing::Not(HasSubstr("b00000111")));
}

TEST(WaveWindow, TheLastMicroseconds) {
  const std::string vcd = windowed("last.fst", {0, model::kNever, 3 * model::kUs});
  EXPECT_THAT(vcd, HasSubstr("#7000000\n"));
  EXPECT_THAT(vcd, HasSubstr("searly"));
  EXPECT_THAT(vcd, HasSubstr("#9000000\nb00001001"));
  EXPECT_THAT(vcd, testing::Not(HasSubstr("b00000101")));
}

TEST(WaveWindow, TheMicrosecondsBeforeAMark) {
  const std::string vcd = windowed("mark.fst", {0, model::kNever, 3 * model::kUs}, 5 * model::kUs);
  EXPECT_THAT(vcd, HasSubstr("#3000000\n"));
  EXPECT_THAT(vcd, HasSubstr("#6000000\nb00000110")) << "what follows at once is there";
  EXPECT_THAT(vcd, testing::Not(HasSubstr("b00000111")));
}

TEST_F(Recorder, TransactionsOnDemand) {
  const std::string path = temp("transactions.fst");
  WaveRecorder recorder(board_, path, {mask_of(SignalGroup::transactions), {}});
  write(model::kUs, 256);
  ASSERT_TRUE(recorder.finish(10 * model::kUs));
  const std::string vcd = as_vcd(path);
  EXPECT_THAT(vcd, HasSubstr(R"(sMWr\0400x0+256)"));
  EXPECT_THAT(vcd, testing::Not(HasSubstr("outstanding_reads")));
  std::ifstream view(temp("transactions.gtkw"));
  std::stringstream text;
  text << view.rdbuf();
  EXPECT_THAT(text.str(), HasSubstr("vfsim.A.vf0.transaction"));
  EXPECT_THAT(text.str(), testing::Not(HasSubstr("migration_state")));
}

TEST_F(Recorder, TheViewLooksAtTheFirstViolation) {
  const std::string path = temp("violation.fst");
  WaveRecorder recorder(board_, path, {});
  board_.violated(4 * model::kUs, "Q2", "A.vf0");
  board_.violated(5 * model::kUs, "Q1", "A.vf0");
  ASSERT_TRUE(recorder.finish(10 * model::kUs));
  EXPECT_THAT(as_vcd(path), HasSubstr(R"(sQ2\040A.vf0)"));
  std::ifstream view(temp("violation.gtkw"));
  std::stringstream text;
  text << view.rdbuf();
  EXPECT_THAT(text.str(), HasSubstr(" 4000000 -1 -1"));
  EXPECT_THAT(text.str(), HasSubstr("@20\nvfsim.rules.violation\n"));
}

TEST_F(Recorder, TheViewOfAWindowShowsTheWindow) {
  const std::string path = temp("part.fst");
  WaveRecorder recorder(board_, path, {shown_groups(), {2 * model::kUs, 6 * model::kUs, 0}});
  bus_.emit<Probe::driver>(&Observer::phase, 3 * model::kUs, 0U, "stop", true);
  bus_.emit<Probe::driver>(&Observer::phase, 4 * model::kUs, 0U, "last_pages", true);
  ASSERT_TRUE(recorder.finish(10 * model::kUs));
  std::ifstream view(temp("part.gtkw"));
  std::stringstream text;
  text << view.rdbuf();
  EXPECT_THAT(text.str(), HasSubstr("[timestart] 2000000\n"));
  EXPECT_THAT(text.str(), HasSubstr(" -1 3000000 4000000 -1"));
}

TEST_F(Recorder, BeginsInTheMiddleOfARun) {
  write(model::kUs, 256);
  suspend_vf0(2 * model::kUs);
  bus_.emit<Probe::driver>(&Observer::phase, 7 * model::kUs, 0U, "downtime", true);
  const std::string path = temp("middle.fst");
  WaveRecorder recorder(board_, path, {}, 8 * model::kUs);
  bus_.emit<Probe::driver>(&Observer::phase, 9 * model::kUs, 0U, "downtime", false);
  ASSERT_TRUE(recorder.finish(9500 * model::kNs));
  bus_.emit<Probe::driver>(&Observer::phase, 9600 * model::kNs, 0U, "late", true);
  const std::string vcd = as_vcd(path);
  EXPECT_THAT(vcd, HasSubstr("#8000000\n"));
  EXPECT_THAT(vcd, HasSubstr("sdowntime"));
  EXPECT_THAT(vcd, HasSubstr("#9000000\ns "));
  EXPECT_THAT(vcd, testing::Not(HasSubstr("#1000000\n")));
  EXPECT_THAT(vcd, testing::Not(HasSubstr("late")));
  EXPECT_THAT(vcd, testing::ContainsRegex("\n1[^\n]+\n")) << "vf0 is suspended from the start";
}

}  // namespace
}  // namespace vfsim::waves
