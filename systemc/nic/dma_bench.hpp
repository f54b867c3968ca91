// Load generator on the DMA engine, for benchmarks.
#pragma once

#include <cstdint>
#include <vector>

#include "systemc/nic/dma_engine.hpp"
#include "systemc/nic/nic.hpp"

namespace vfsim::model {

/// Where the operations of one function go: [addr, addr + bytes) in a key with read and write
/// rights, at least DmaBench::kReadBytes long.
struct DmaBenchTarget {
  std::uint32_t fn = 0;
  std::uint32_t mkey = 0;
  std::uint64_t addr = 0;
  std::uint64_t bytes = 0;
};

/// Runs `operations` transfers, `window` at a time, in turn over the targets: three writes of 256
/// bytes, then one read of 512 bytes, and so on, walking through each target.
class DmaBench final : private DmaClient {
 public:
  static constexpr std::uint32_t kWriteBytes = 256;
  static constexpr std::uint32_t kReadBytes = 512;

  DmaBench(Nic& nic, std::vector<DmaBenchTarget> targets, std::uint64_t operations,
           std::uint32_t window);

  void start();
  [[nodiscard]] bool finished() const { return done_ == operations_; }
  [[nodiscard]] std::uint64_t done() const { return done_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  /// Time of the last end.
  [[nodiscard]] Ps end_time() const { return end_; }
  /// Notified (through the calendar) when all operations have ended.
  [[nodiscard]] KernelEvent& finished_event() { return finished_; }

 private:
  void dma_done(std::uint64_t slot, DmaResult result) override;
  void issue(std::uint64_t slot);

  struct Position {
    DmaBenchTarget target;
    std::uint64_t next = 0;
  };
  NicCore& core_;
  DmaEngine& engine_;
  std::vector<Position> positions_;
  std::vector<std::uint8_t> buffers_;
  std::uint64_t operations_;
  std::uint64_t window_;
  std::uint64_t issued_ = 0, done_ = 0, failed_ = 0;
  std::uint32_t turn_ = 0;
  Ps end_ = 0;
  KernelEvent finished_;
};

}  // namespace vfsim::model
