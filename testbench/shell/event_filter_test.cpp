#include "testbench/shell/event_filter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/interface/layout.h"

namespace vfsim::bench {
namespace {

class NoNames final : public NameTable {
 public:
  [[nodiscard]] std::function<double()> find(std::string_view name) const override {
    return name == "zero" ? [] { return 0.0; } : std::function<double()>();
  }
  [[nodiscard]] std::string names(std::string_view) const override { return "zero"; }
  [[nodiscard]] std::string meaning(std::string_view, double) const override { return ""; }
};

class EventFilterTest : public testing::Test {
 protected:
  bool matches(const std::string& line, const Happening& h) {
    EventFilter filter;
    Words words;
    std::string error;
    EXPECT_TRUE(split_words(line, words, error) && filter.parse(words, 0, names_, error)) << line << ": " << error;
    return filter.matches(h);
  }
  std::string error_of(const std::string& line) {
    EventFilter filter;
    Words words;
    std::string error;
    EXPECT_TRUE(split_words(line, words, error));
    EXPECT_FALSE(filter.parse(words, 0, names_, error)) << line;
    EXPECT_EQ(error.find('\n'), std::string::npos);
    return error;
  }
  static Happening read_of(model::FnRef who) {
    Happening h;
    h.kind = HappeningKind::tlp_sent;
    h.who = who;
    h.tlp.kind = model::TlpKind::mem_read;
    return h;
  }
  static Happening suspend(bool done) {
    Happening h;
    h.kind = done ? HappeningKind::command_completed : HappeningKind::command_submitted;
    h.who = {0, 0};
    h.target = {0, 1};
    h.has_target = true;
    h.a = VF_OP_SUSPEND_VHCA;
    h.set_name("SUSPEND_VHCA INITIATOR");
    return h;
  }
  NoNames names_;
};

TEST_F(EventFilterTest, KindFunctionAndDetailsAllMustFit) {
  const Happening h = read_of({0, 1});
  for (const char* yes : {"", "event", "tlp", "tlp vf0", "tlp A.vf0 MRd", "read", "read vf0", "tlp MRd sent", "event A.vf0"}) {
    EXPECT_TRUE(matches(yes, h)) << yes;
  }
  for (const char* no : {"landed", "command", "tlp vf1", "tlp B.vf0", "tlp MWr", "write", "tlp received", "tlp if zero"}) {
    EXPECT_FALSE(matches(no, h)) << no;
  }
}

TEST_F(EventFilterTest, ACommandIsAboutItsIssuerAndItsTarget) {
  for (const char* yes : {"cmd", "command SUSPEND_VHCA", "command vf0", "command pf", "command INITIATOR A.vf0 done"}) {
    EXPECT_TRUE(matches(yes, suspend(true))) << yes;
  }
  for (const char* no : {"command RESUME_VHCA", "command RESPONDER", "command vf1", "command rung", "command failed"}) {
    EXPECT_FALSE(matches(no, suspend(true))) << no;
  }
  EXPECT_TRUE(matches("command rung", suspend(false)));
  EXPECT_FALSE(matches("command done", suspend(false)));
}

TEST_F(EventFilterTest, AnArcIsNamedByTheStateItReaches) {
  Happening h;
  h.kind = HappeningKind::arc;
  h.who = {1, 1};
  h.a = VF_MIG_RUNNING;
  h.b = VF_MIG_RUNNING_P2P;
  EXPECT_TRUE(matches("state RUNNING_P2P", h));
  EXPECT_TRUE(matches("arc B.vf0", h));
  EXPECT_FALSE(matches("state RUNNING", h));
  EXPECT_FALSE(matches("state set_state", h));
  EXPECT_FALSE(matches("arc failed", h));
}

TEST_F(EventFilterTest, AViolationIsNamedByItsRule) {
  Happening h;
  h.kind = HappeningKind::violation;
  h.set_name("Q2");
  EXPECT_TRUE(matches("rule", h));
  EXPECT_TRUE(matches("rule Q2", h));
  EXPECT_FALSE(matches("rule Q1", h));
}

TEST_F(EventFilterTest, WrongWordsAreNamedWithWhatIsAllowed) {
  EXPECT_THAT(error_of("tlps"), testing::HasSubstr("did you mean 'tlp'?"));
  EXPECT_THAT(error_of("tlp MRx"), testing::HasSubstr("allowed are a function and sent, received, MRd"));
  EXPECT_THAT(error_of("command SUSPEND_VHCAS"), testing::HasSubstr("did you mean 'SUSPEND_VHCA'?"));
  EXPECT_THAT(error_of("rule Q99"), testing::HasSubstr("Q1"));
  EXPECT_THAT(error_of("tlp vf999"), testing::HasSubstr("'vf999'"));
  EXPECT_THAT(error_of("tlp if"), testing::HasSubstr("an expression is missing"));
  EXPECT_THAT(error_of("tlp if zeri"), testing::HasSubstr("did you mean 'zero'?"));
}

}  // namespace
}  // namespace vfsim::bench
