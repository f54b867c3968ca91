// An end of the migration channel that tells what it sends.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "host_driver/vmm/environment.hpp"
#include "systemc/common/calendar.hpp"

namespace vfsim::bench {

struct ChannelMessage {
  model::Ps from = 0;  // on the line
  model::Ps to = 0;
  std::uint8_t host = 0;  // that sent it
  std::string type;       // "pages", "device_data", ...
  std::size_t bytes = 0;  // with its frame
};

/// `channel`, and `tell` hears of each message that it took.
[[nodiscard]] std::unique_ptr<driver::Channel> watch_channel(
    std::unique_ptr<driver::Channel> channel, std::uint8_t host, const model::Calendar& calendar,
    std::function<void(const ChannelMessage&)> tell);

}  // namespace vfsim::bench
