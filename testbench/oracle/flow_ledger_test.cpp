#include "testbench/oracle/flow_ledger.hpp"

#include <gtest/gtest.h>

#include <string>

namespace vfsim::bench {
namespace {

FrameHash hash(const std::string& text) {
  return frame_hash(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}
void expect(FlowLedger& ledger, const std::string& text) { ledger.expect(hash(text)); }
bool arrive(FlowLedger& ledger, const std::string& text) { return ledger.arrived(hash(text)); }

TEST(FlowLedger, InOrderIsClean) {
  FlowLedger ledger;
  for (const char* t : {"a", "b", "a"}) {
    expect(ledger, t);
  }
  for (const char* t : {"a", "b", "a"}) {
    EXPECT_TRUE(arrive(ledger, t));
  }
  EXPECT_TRUE(ledger.complete());
  EXPECT_EQ(ledger.counts().lost, 0U);
}

TEST(FlowLedger, TellsLostDuplicatedCorruptedReordered) {
  FlowLedger ledger;
  for (const char* t : {"a", "b", "c", "d", "e"}) {
    expect(ledger, t);
  }
  EXPECT_TRUE(arrive(ledger, "a"));
  EXPECT_FALSE(arrive(ledger, "a"));  // again
  EXPECT_FALSE(arrive(ledger, "c"));  // b is missing
  EXPECT_FALSE(arrive(ledger, "b"));  // late
  EXPECT_FALSE(arrive(ledger, "x"));  // never sent
  EXPECT_TRUE(arrive(ledger, "d"));
  const FlowCounts counts = ledger.counts();
  EXPECT_EQ(counts.duplicated, 1U);
  EXPECT_EQ(counts.reordered, 1U);
  EXPECT_EQ(counts.corrupted, 1U);
  EXPECT_EQ(counts.lost, 1U);  // e
  EXPECT_FALSE(ledger.complete());
}

TEST(FlowLedger, NamesTheFirstThatIsMissing) {
  FlowLedger ledger;
  std::uint64_t t = 100;
  for (const char* text : {"a", "b", "c"}) {
    ledger.expect(hash(text), t++);
  }
  arrive(ledger, "a");
  arrive(ledger, "c");
  ASSERT_TRUE(ledger.first_missing());
  EXPECT_EQ(ledger.first_missing()->number, 2U);
  EXPECT_EQ(ledger.first_missing()->t, 101U);
  arrive(ledger, "b");
  EXPECT_FALSE(ledger.first_missing());
}

TEST(FlowLedger, WhatIsExcusedMayComeOrNot) {
  FlowLedger ledger;
  expect(ledger, "a");
  expect(ledger, "b");
  ledger.excuse_last();
  expect(ledger, "c");
  ledger.excuse_last();
  EXPECT_EQ(ledger.counts().discarded, 2U);
  EXPECT_EQ(ledger.counts().lost, 1U) << "the first is due";
  EXPECT_TRUE(arrive(ledger, "a"));
  EXPECT_FALSE(arrive(ledger, "c"));
  EXPECT_EQ(ledger.counts().discarded, 1U);
  EXPECT_EQ(ledger.counts().lost, 0U);
  EXPECT_EQ(ledger.counts().corrupted, 0U);
  EXPECT_TRUE(ledger.complete());
}

TEST(FlowLedger, WhatIsWrittenOffIsNotLost) {
  FlowLedger ledger;
  for (const char* t : {"a", "b", "c"}) {
    expect(ledger, t);
  }
  ledger.write_off(hash("a"));
  ledger.write_off(hash("x"));  // never expected
  EXPECT_TRUE(arrive(ledger, "b"));
  EXPECT_FALSE(arrive(ledger, "a"));  // came all the same
  EXPECT_TRUE(arrive(ledger, "c"));
  const FlowCounts counts = ledger.counts();
  EXPECT_EQ(counts.discarded, 1U);
  EXPECT_EQ(counts.lost, 0U);
  EXPECT_EQ(counts.duplicated, 1U);
  EXPECT_TRUE(ledger.complete());
}

TEST(FlowLedger, SecondCopyOfALostFrameIsNotADuplicate) {
  FlowLedger ledger;
  for (const char* t : {"a", "b", "b", "c"}) {
    expect(ledger, t);
  }
  arrive(ledger, "a");
  arrive(ledger, "b");
  arrive(ledger, "c");
  EXPECT_EQ(ledger.counts().lost, 1U);
  arrive(ledger, "b");
  EXPECT_EQ(ledger.counts().lost, 0U);
  EXPECT_EQ(ledger.counts().reordered, 1U);
}

}  // namespace
}  // namespace vfsim::bench
