#include <cstdio>
#include <fstapi.h>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "Vrr_arbiter.h"
#include "rtl_models/common/rtl_model.hpp"
#include "waves/wave_recorder.hpp"

namespace vfsim::waves {
namespace {

using testing::HasSubstr;
using testing::Not;

class NoAssertions final : public rtl::AssertionListener {
  void assertion_failed(const char* assertion) override { ADD_FAILURE() << assertion; }
};

std::string as_vcd(const std::string& path) {
  void* reader = fstReaderOpen(path.c_str());
  const std::string vcd = path + ".vcd";
  std::FILE* out = std::fopen(vcd.c_str(), "w");
  fstReaderProcessHier(reader, out);
  fstReaderSetFacProcessMaskAll(reader);
  fstReaderIterBlocks(reader, nullptr, nullptr, out);
  std::fclose(out);
  fstReaderClose(reader);
  std::ifstream in(vcd);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Tests run side by side.
std::string own_file(const std::string& ending) {
  return testing::TempDir() + "rtl_signals_" + testing::UnitTest::GetInstance()->current_test_info()->name() + "." + ending;
}

class RtlSignalsTest : public testing::Test {
 protected:
  RtlSignalsTest() {
    session_.allow_live_wave([this] { return now_; });
  }

  /// The file of a run with edges at 1 us, 2 us, ... 9 us, where request k comes at k us.
  std::string run(const WaveScope& scope) {
    rtl::RtlModel<Vrr_arbiter> block(session_, "A.tx_arbiter");
    const std::string path = own_file("fst");
    WaveRecorder recorder(board_, path, scope, 0, session_.live_wave());
    for (std::uint64_t i = 1; i < 10; ++i) {
      now_ = i * model::kUs;
      bus_.emit<model::Probe::driver>(&model::Observer::phase, now_, 0U,
                                      i % 2 != 0 ? "odd" : "even", true);
      block->req_i[0] = 1U << i;
      block.cycle_at(now_);
    }
    EXPECT_TRUE(recorder.finish(10 * model::kUs));
    view_ = own_file("gtkw");
    return as_vcd(path);
  }

  NoAssertions no_assertions_;
  std::uint64_t now_ = 0;
  rtl::RtlSession session_{no_assertions_};
  model::ProbeBus bus_;
  SignalBoard board_{bus_, SignalSpace{1, 1}, 0x0100};
  std::string view_;
};

TEST_F(RtlSignalsTest, PortsAreInTheHierarchyOfTheirHost) {
  const std::string vcd = run({~GroupMask{0}, {}});
  EXPECT_THAT(
      vcd,
      HasSubstr("$scope module nic $end\n$scope module rtl $end\n$scope module tx_arbiter $end\n"));
  EXPECT_THAT(vcd, HasSubstr("req_i [127:0]"));
  EXPECT_THAT(vcd, HasSubstr("#3000000\n"));
  const std::string request = std::string(128 - 6, '0') + "100000";
  EXPECT_THAT(vcd, HasSubstr("b" + request)) << "request 5";
  EXPECT_THAT(vcd, HasSubstr("#5000050\n")) << "the falling edge of the clock";
  std::ifstream in(view_);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_THAT(text.str(), HasSubstr("@c00200\n-A.nic.rtl.tx_arbiter\n"));
  EXPECT_THAT(text.str(), HasSubstr("vfsim.A.nic.rtl.tx_arbiter.req_i[127:0]"));
}

TEST_F(RtlSignalsTest, OnlyWhoAsksForTheGroupGetsThem) {
  EXPECT_THAT(run({shown_groups(), {}}), Not(HasSubstr("tx_arbiter")));
}

TEST_F(RtlSignalsTest, OutsideTheSpanNothingIsRecorded) {
  const std::string vcd = run({~GroupMask{0}, {4 * model::kUs, 6 * model::kUs, 0}});
  EXPECT_THAT(vcd, HasSubstr("#5000050\n"));
  EXPECT_THAT(vcd, Not(HasSubstr("#3000050\n")));
  EXPECT_THAT(vcd, Not(HasSubstr("#8000050\n")));
}

}  // namespace
}  // namespace vfsim::waves
