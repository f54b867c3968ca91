#include "testbench/workload/schedule.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace vfsim::bench {
namespace {

const std::string kData = VF_SOURCE_DIR "/testbench/data";

TEST(Schedule, ReplaysBothCapturesCompletely) {
  const auto schedule = replay(WorkloadParams{}, {kData}, 3);
  ASSERT_TRUE(schedule) << schedule.error().text;
  const Schedule& s = schedule.value();
  // Packets of the two files: 3,041 + 9,202, of which the servers sent 1,697 + 4,576.
  EXPECT_EQ(s.from_guest.size(), 1697U + 4576U);
  EXPECT_EQ(s.from_guest.size() + s.to_guest.size(), 3041U + 9202U);
  for (const auto* side : {&s.from_guest, &s.to_guest}) {
    EXPECT_TRUE(std::is_sorted(side->begin(), side->end(), [](auto& a, auto& b) { return a.at < b.at; }));
  }
  EXPECT_EQ(guest_of_mac(&s.from_guest[0].bytes[6]), 3);
  EXPECT_TRUE(std::equal(s.from_guest[0].bytes.begin(), s.from_guest[0].bytes.begin() + 6, client_mac(3).begin()));
  EXPECT_TRUE(std::equal(s.to_guest[0].bytes.begin(), s.to_guest[0].bytes.begin() + 6, guest_mac(3).begin()));
}

TEST(Schedule, ScalesTime) {
  WorkloadParams params;
  params.time_scale = 1;
  const auto full = replay(params, {kData}, 0);
  params.time_scale = 0.5;
  const auto half = replay(params, {kData}, 0);
  ASSERT_TRUE(full && half);
  EXPECT_NEAR(static_cast<double>(full.value().to_guest.back().at), 2.0 * static_cast<double>(half.value().to_guest.back().at),
              2000.0);
}

TEST(Schedule, RefusesBadCaptures) {
  const std::string folder = std::filesystem::temp_directory_path() / "vfsim_schedule_test";
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(kData + "/redis_small.pcap", folder + "/cut.pcap", std::filesystem::copy_options::overwrite_existing);
  std::filesystem::resize_file(folder + "/cut.pcap", 100'001);
  std::ofstream(folder + "/text.pcap") << "this is no capture at all, but long enough for a header";
  WorkloadParams params;
  params.server_ports = "16379";
  for (const char* name : {"cut.pcap", "text.pcap", "absent.pcap"}) {
    params.captures = name;
    const auto schedule = replay(params, {folder}, 0);
    ASSERT_FALSE(schedule) << name;
    EXPECT_NE(schedule.error().text.find(name), std::string::npos) << schedule.error().text;
    EXPECT_EQ(schedule.error().text.find('\n'), std::string::npos);
  }
  params.captures = "a b";
  EXPECT_FALSE(replay(params, {folder}, 0));
  params.captures = "cut.pcap";
  params.server_ports = "70000";
  EXPECT_FALSE(replay(params, {folder}, 0));
  params.captures = "redis_small.pcap";
  params.server_ports = "80";  // nobody in it
  const auto strange = replay(params, {kData}, 0);
  ASSERT_FALSE(strange);
  EXPECT_NE(strange.error().text.find("port 80"), std::string::npos) << strange.error().text;
}

/// Times of a capture that no simulation can reach, and that no picosecond counter holds.
TEST(Schedule, RefusesTimesTooFarApart) {
  const std::string path = std::filesystem::temp_directory_path() / "vfsim_schedule_far.pcap";
  std::filesystem::copy_file(kData + "/redis_small.pcap", path, std::filesystem::copy_options::overwrite_existing);
  constexpr std::streamoff kFileHead = 24, kPacketHead = 16;
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  char length[4] = {};
  file.seekg(kFileHead + 8);
  file.read(length, sizeof length);
  const auto first = static_cast<std::uint8_t>(length[0]) + 256 * static_cast<std::uint8_t>(length[1]);
  file.seekp(kFileHead + kPacketHead + first);
  file.write("\xff\xff\xff\x7f", 4);  // seconds of the second frame
  file.close();
  WorkloadParams params;
  params.captures = path;
  params.server_ports = "16379";
  const auto schedule = replay(params, {}, 0);
  std::filesystem::remove(path);
  ASSERT_FALSE(schedule);
  EXPECT_NE(schedule.error().text.find("frame 2: "), std::string::npos) << schedule.error().text;
  EXPECT_NE(schedule.error().text.find("allowed is at most 1000000 s"), std::string::npos) << schedule.error().text;
}

TEST(Schedule, GeneratesTheSameForTheSameSeed) {
  WorkloadParams params;
  params.packets = 50;
  const Schedule a = generate(params, 1, 7);
  const Schedule b = generate(params, 1, 7);
  const Schedule c = generate(params, 1, 8);
  ASSERT_EQ(a.from_guest.size(), 50U);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(a.to_guest[i].at, b.to_guest[i].at);
    EXPECT_EQ(a.to_guest[i].bytes, b.to_guest[i].bytes);
  }
  EXPECT_NE(a.to_guest.back().at, c.to_guest.back().at);
  EXPECT_NE(a.to_guest[0].bytes, a.to_guest[1].bytes);
}

}  // namespace
}  // namespace vfsim::bench
