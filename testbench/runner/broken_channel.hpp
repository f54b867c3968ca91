// A migration channel that does not deliver what was sent.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "host_driver/vmm/environment.hpp"

namespace vfsim::bench {

/// What becomes of the messages that the source sends.
struct ChannelDefect {
  /// A kind of testbench/fuzz/corruptions.def: one image of each device's stream is spoiled so; ""
  /// none. The messages stay right, so that only who looks at the image can tell. A stream is held
  /// back until it is whole.
  std::string corrupt;
  std::uint64_t seed = 0;  // which image, and what in it
  bool records = true;     // streams are made of records (vmm.flow newest), or are one raw image
  /// "at_finish": the line breaks with the message that tells the destination to run on it;
  /// "after_finish": right behind it. The sender does not notice. "" it stays whole.
  std::string cut;

  [[nodiscard]] bool any() const { return !corrupt.empty() || !cut.empty(); }
};

/// The source's end of a channel, which it owns, with a defect.
[[nodiscard]] std::unique_ptr<driver::Channel> make_broken_channel(
    std::unique_ptr<driver::Channel> line, const ChannelDefect& defect);

/// The stream with one of its images spoiled; unchanged if it holds none.
[[nodiscard]] std::vector<std::uint8_t> spoil_stream(const std::vector<std::uint8_t>& stream,
                                                     const ChannelDefect& defect);

}  // namespace vfsim::bench
