#include "testbench/report/event_log.hpp"

#include <cstdio>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vfsim::bench {
namespace {

using testing::HasSubstr;

model::Tlp write_tlp(std::uint64_t addr) {
  model::Tlp tlp;
  tlp.requester = 0x0101;
  tlp.addr = addr;
  tlp.bytes = 16;
  return tlp;
}

void send(model::ProbeBus& bus, model::Ps t, std::uint64_t addr, const std::uint8_t* payload) {
  bus.emit<model::Probe::tlp_sent>(&model::Observer::tlp_sent, t, std::uint8_t{0}, write_tlp(addr),
                                   payload);
}

std::string digest_of(std::uint64_t count, std::uint64_t odd_one, bool ask_in_between) {
  model::ProbeBus bus;
  EventLog log(bus);
  const std::uint8_t payload[16] = {1, 2, 3};
  for (std::uint64_t i = 0; i < count; ++i) {
    send(bus, i * 1000, i == odd_one ? 0x7777 : 0x1000, payload);
    if (ask_in_between && i % 100 == 0) {
      (void)log.digest();
    }
  }
  return log.digest();
}

TEST(EventLog, DigestFollowsEveryRecord) {
  const std::string base = digest_of(5000, ~0ULL, false);
  EXPECT_EQ(base.size(), 16U);
  EXPECT_EQ(base, digest_of(5000, ~0ULL, true));
  EXPECT_NE(base, digest_of(4999, ~0ULL, false));
  for (const std::uint64_t odd : {0, 1023, 1024, 4999}) {
    EXPECT_NE(base, digest_of(5000, odd, false)) << odd;
  }
}

TEST(EventLog, FirstPayloadBytesCount) {
  model::ProbeBus bus;
  EventLog one(bus);
  std::uint8_t payload[16] = {};
  send(bus, 0, 0, payload);
  const std::string zero = one.digest();
  model::ProbeBus other_bus;
  EventLog other(other_bus);
  payload[7] = 1;
  send(other_bus, 0, 0, payload);
  EXPECT_NE(zero, other.digest());
}

TEST(EventLog, LastRecordsOverTheBlockEnd) {
  model::ProbeBus bus;
  EventLog log(bus);
  for (std::uint64_t i = 0; i < 1030; ++i) {
    send(bus, i, 0x1000, nullptr);
  }
  const std::vector<std::string> last = log.last(10);
  ASSERT_EQ(last.size(), 10U);
  EXPECT_THAT(last.front(), HasSubstr("\"t_ps\":1020,"));
  EXPECT_THAT(last.back(), HasSubstr("\"t_ps\":1029,\"kind\":\"tlp_sent\",\"host\":\"A\",\"tlp\":"
                                     "\"mem_write\",\"requester\":\"0101\""));
  EXPECT_EQ(log.tlps(), 1030U);
  EXPECT_EQ(log.records(), 1030U);
  EXPECT_EQ(log.last(5000).size(), 1024U);
}

TEST(EventLog, LinesOnDemand) {
  const std::string path = testing::TempDir() + "event_log_test.jsonl";
  model::ProbeBus bus;
  EventLog log(bus);
  ASSERT_TRUE(log.write_lines(path));
  send(bus, 7, 0x1000, nullptr);
  bus.emit<model::Probe::driver>(&model::Observer::vfio_state, model::Ps{8}, model::FnRef{1, 2}, 2U,
                                 5U, 0);
  ASSERT_TRUE(log.close_lines());
  std::ifstream file(path);
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  ASSERT_TRUE(std::getline(file, line));
  EXPECT_EQ(line, R"({"t_ps":8,"kind":"vfio_state","host":"B","fn":2,"from":2,"to":5,"error":0})");
  std::remove(path.c_str());
  EXPECT_FALSE(log.write_lines("/nonexistent/folder/x"));
}

}  // namespace
}  // namespace vfsim::bench
