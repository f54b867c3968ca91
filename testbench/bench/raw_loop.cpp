#include "testbench/bench/raw_loop.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <queue>
#include <vector>

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kTags = 64;
constexpr std::uint32_t kWriteBytes = 256;
constexpr std::uint32_t kReadBytes = 512;
constexpr std::uint32_t kHeaderBytes = 24;
constexpr std::uint64_t kPsPerByte = 63;      // 16 GB/s
constexpr std::uint64_t kLatencyPs = 500'000;
constexpr std::uint64_t kMemoryPs = 150'000;
constexpr std::uint64_t kMemoryBytes = 8U << 20U;

struct Pending {
  std::uint64_t at;
  std::uint64_t address;
  std::uint32_t tag;
  bool read;
  bool operator>(const Pending& other) const { return at > other.at; }
};

/// A link: serialises one direction.
struct Line {
  std::uint64_t free = 0;
  std::uint64_t take(std::uint64_t at, std::uint64_t bytes) {
    free = std::max(free, at) + bytes * kPsPerByte;
    return free + kLatencyPs;
  }
};

}  // namespace

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) + static_cast<double>(usage.ru_utime.tv_usec) * 1e-6;
}

double raw_loop(std::uint64_t operations) {
  std::vector<std::uint8_t> memory(kMemoryBytes + kReadBytes);
  std::vector<std::array<std::uint8_t, kReadBytes>> buffers(kTags);
  std::priority_queue<Pending, std::vector<Pending>, std::greater<>> pending;
  std::vector<std::uint32_t> free_tags;
  for (std::uint32_t tag = 0; tag < kTags; ++tag) {
    free_tags.push_back(tag);
  }
  Line up;
  Line down;
  std::uint64_t now = 0;
  std::uint64_t issued = 0;
  const double start = cpu_seconds();
  for (std::uint64_t done = 0; done < operations; ++done) {
    for (; !free_tags.empty() && issued < operations; ++issued) {
      const std::uint32_t tag = free_tags.back();
      free_tags.pop_back();
      const bool read = issued % 4 == 3;
      const std::uint64_t address = issued * kReadBytes % kMemoryBytes;
      std::uint64_t at = up.take(now, kHeaderBytes + (read ? 0 : kWriteBytes)) + kMemoryPs;
      if (read) {
        at = down.take(at, kHeaderBytes + kReadBytes);
      } else {
        std::memcpy(&memory[address], buffers[tag].data(), kWriteBytes);
        at += kLatencyPs;
      }
      pending.push({at, address, tag, read});
    }
    const Pending next = pending.top();
    pending.pop();
    now = next.at;
    if (next.read) {
      std::memcpy(buffers[next.tag].data(), &memory[next.address], kReadBytes);
    }
    free_tags.push_back(next.tag);
  }
  return static_cast<double>(operations) / (cpu_seconds() - start);
}

}  // namespace vfsim::bench
