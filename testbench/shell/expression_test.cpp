#include "testbench/shell/expression.hpp"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vfsim::bench {
namespace {

class Names final : public NameTable {
 public:
  std::map<std::string, double, std::less<>> values{{"A.vf0.reads", 3}, {"time", 2500}, {"STOP", 1}};
  [[nodiscard]] std::function<double()> find(std::string_view name) const override {
    const auto found = values.find(name);
    return found == values.end() ? std::function<double()>() : [found] { return found->second; };
  }
  [[nodiscard]] std::string names(std::string_view) const override { return "A.vf0.reads time STOP"; }
  [[nodiscard]] std::string meaning(std::string_view, double) const override { return ""; }
};

class ExpressionTest : public testing::Test {
 protected:
  double value(const std::string& text) {
    std::string error;
    const auto expression = Expression::parse(text, names_, error);
    EXPECT_NE(expression, nullptr) << error;
    return expression == nullptr ? -1 : expression->value();
  }
  std::string error_of(const std::string& text) {
    std::string error;
    EXPECT_EQ(Expression::parse(text, names_, error), nullptr) << text;
    EXPECT_EQ(error.find('\n'), std::string::npos);
    return error;
  }
  Names names_;
};

TEST_F(ExpressionTest, KnowsNamesUnitsAndHexadecimal) {
  EXPECT_EQ(value("A.vf0.reads + 1"), 4);
  EXPECT_EQ(value("time == 2.5us"), 1);
  EXPECT_EQ(value("time >= 2.5 us && time < 1 ms"), 1);
  EXPECT_EQ(value("0x10 + 2KiB"), 2064);
  EXPECT_EQ(value("!STOP"), 0);
  EXPECT_EQ(value("A.vf0.reads != 3 ? 7 : max(1, 2)"), 2);
}

TEST_F(ExpressionTest, ReadsTheNamesWheneverItIsEvaluated) {
  std::string error;
  const auto expression = Expression::parse("A.vf0.reads * 2", names_, error);
  ASSERT_NE(expression, nullptr);
  EXPECT_EQ(expression->value(), 6);
  names_.values["A.vf0.reads"] = 5;
  EXPECT_EQ(expression->value(), 10);
}

TEST_F(ExpressionTest, MistakesAreOneLineWithThePlace) {
  EXPECT_THAT(error_of("A.vf0.readz > 1"), testing::HasSubstr("did you mean 'A.vf0.reads'?"));
  EXPECT_THAT(error_of("time = 3"), testing::HasSubstr("column 6: values are compared with =="));
  EXPECT_THAT(error_of("1 +"), testing::HasSubstr("column"));
  EXPECT_THAT(error_of("(1"), testing::HasSubstr("column"));
  EXPECT_THAT(error_of("1 2"), testing::HasSubstr("column"));
  EXPECT_NE(error_of(""), "");
}

TEST(ValueText, IsAWholeNumberWhereItIsOne) {
  EXPECT_EQ(value_text(12), "12");
  EXPECT_EQ(value_text(0.25), "0.25");
  EXPECT_EQ(value_text(105'065'412), "105065412");
}

}  // namespace
}  // namespace vfsim::bench
