#include "testbench/shell/words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vfsim::bench {
namespace {

Words words_of(const char* line) {
  Words words;
  std::string error;
  EXPECT_TRUE(split_words(line, words, error)) << error;
  return words;
}

TEST(Words, AreWhatStandsBetweenBlanks) {
  EXPECT_THAT(words_of("  back 1\ttlp vf0 "), testing::ElementsAre("back", "1", "tlp", "vf0"));
  EXPECT_THAT(words_of("source \"a file.vfs\" x"), testing::ElementsAre("source", "a file.vfs", "x"));
  EXPECT_THAT(words_of(""), testing::IsEmpty());
}

TEST(Words, ACommentBeginsALineOrStandsApart) {
  EXPECT_THAT(words_of("# all of it"), testing::IsEmpty());
  EXPECT_THAT(words_of("#too"), testing::IsEmpty());
  EXPECT_THAT(words_of("step 3 # three"), testing::ElementsAre("step", "3"));
  EXPECT_THAT(words_of("goto #123"), testing::ElementsAre("goto", "#123"));
}

TEST(Words, AnOpenQuoteIsNamedWithItsPlace) {
  Words words;
  std::string error;
  EXPECT_FALSE(split_words("source \"abc", words, error));
  EXPECT_EQ(error, "column 8: a quote is not closed");
}

TEST(Words, AreJoinedFromOneOn) {
  EXPECT_EQ(joined({"back", "5", "us"}, 1), "5 us");
  EXPECT_EQ(joined({"back"}, 1), "");
  EXPECT_EQ(joined({}, 1), "");
}

TEST(Words, NumbersAreDecimalOrHexadecimal) {
  EXPECT_EQ(number_of("31"), 31U);
  EXPECT_EQ(number_of("0x1F"), 31U);
  for (const char* no : {"", "0x", "-1", "3q", "1.5", "18446744073709551616"}) {
    EXPECT_FALSE(number_of(no)) << no;
  }
}

TEST(Words, ATimeHasAUnit) {
  EXPECT_EQ(time_of("5us"), 5 * model::kUs);
  EXPECT_EQ(time_of("5 us"), 5 * model::kUs);
  EXPECT_EQ(time_of("105.065412301ms"), 105'065'412'301U);
  EXPECT_EQ(time_of("7ps"), 7U);
  for (const char* no : {"", "5", "-5us", "5 KiB", "us", "1e30 s"}) {
    EXPECT_FALSE(time_of(no)) << no;
  }
}

}  // namespace
}  // namespace vfsim::bench
