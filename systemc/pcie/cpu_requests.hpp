// Blocking requests of the CPU that wait for their completion.
#pragma once

#include <memory>
#include <vector>

#include "systemc/common/calendar.hpp"
#include "systemc/pcie/host.hpp"

namespace vfsim::model {

/// Each request is one tag: a place in a table, with a generation so that a completion that comes
/// after the time-out finds nobody.
class CpuRequests {
 public:
  static constexpr Ps kTimeout = 10 * kMs;

  explicit CpuRequests(Calendar& calendar) : calendar_(calendar) {}

  /// Takes a tag for a request that the caller sends next.
  std::uint16_t open();
  /// Blocks the calling SC_THREAD until complete() or the time-out, and frees the tag.
  CpuRead wait(std::uint16_t tag);
  void complete(const Tlp& tlp, const std::uint8_t* payload);

 private:
  static constexpr std::uint16_t kIndexBits = 10;
  struct Request {
    KernelEvent done;
    bool busy = false;
    bool answered = false;
    std::uint16_t generation = 0;
    CpuRead result;
  };
  [[nodiscard]] std::uint16_t tag_of(std::size_t index) const;

  Calendar& calendar_;
  std::vector<std::unique_ptr<Request>> requests_;
};

}  // namespace vfsim::model
