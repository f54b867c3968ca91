// Host pages that the firmware holds, per function. Source: mlx5 device interface
// sections 4.6, 5.4.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>

#include "host_driver/cmd/commands.hpp"

namespace vfsim::driver {

class PageManager {
 public:
  PageManager(Platform& platform, CommandChannel& channel);
  ~PageManager();

  /// QUERY_PAGES boot or init, and gives what is wanted to function 0.
  [[nodiscard]] Result<void> satisfy(std::uint32_t kind);
  /// Starts / ends the thread that serves page request events.
  void start_worker();
  void stop_worker();
  /// A page request event (28 data bytes); may be called in the interrupt thread.
  void on_request(const std::uint8_t* data);
  /// Takes everything back, all functions, until nothing is left. ETIMEDOUT after 5 s without
  /// progress.
  [[nodiscard]] Result<void> take_all_back();
  /// Waits until the firmware has returned the pages of functions 1 and up. ETIMEDOUT.
  [[nodiscard]] Result<void> wait_for_vf_pages(Nanoseconds limit);
  /// Pages of a function, or of all.
  [[nodiscard]] std::size_t held(std::uint16_t function_id) const;
  [[nodiscard]] std::size_t held() const;

 private:
  struct Request {
    std::uint16_t function_id;
    std::int32_t count;
    bool release_all;
  };

  Result<void> give(std::uint16_t function_id, std::uint32_t count);
  Result<std::uint32_t> take(std::uint16_t function_id, std::uint32_t count);
  void release(std::uint16_t function_id, const std::vector<std::uint64_t>& pages);
  void serve(const Request& request);
  void work();

  Platform& platform_;
  CommandChannel& channel_;
  std::map<std::uint16_t, std::set<std::uint64_t>> pages_;
  std::deque<Request> requests_;
  std::unique_ptr<Event> wake_, ended_;
  bool running_ = false;
  bool stop_ = false;
};

}  // namespace vfsim::driver
