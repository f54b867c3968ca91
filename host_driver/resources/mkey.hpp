// A memory key that destroys itself.
#pragma once

#include <utility>

#include "host_driver/cmd/commands.hpp"

namespace vfsim::driver {

/// Issues DESTROY_MKEY when it goes away (errors of it are lost; destroy() returns them).
class Mkey {
 public:
  Mkey() = default;
  [[nodiscard]] static Result<Mkey> create(CommandChannel& channel, const MkeySpec& spec) {
    BOOST_OUTCOME_TRY(key, create_mkey(channel, spec));
    Mkey mkey;
    mkey.channel_ = &channel;
    mkey.key_ = key;
    return mkey;
  }
  ~Mkey() { (void)!destroy(); }
  Mkey(Mkey&& other) noexcept
      : channel_(std::exchange(other.channel_, nullptr)), key_(other.key_) {}
  Mkey& operator=(Mkey&& other) noexcept {
    if (this != &other) {
      (void)!destroy();
      channel_ = std::exchange(other.channel_, nullptr);
      key_ = other.key_;
    }
    return *this;
  }
  Mkey(const Mkey&) = delete;
  Mkey& operator=(const Mkey&) = delete;

  [[nodiscard]] std::uint32_t key() const { return key_; }
  [[nodiscard]] Result<void> destroy() {
    CommandChannel* const channel = std::exchange(channel_, nullptr);
    return channel != nullptr ? destroy_mkey(*channel, key_) : Result<void>(ok());
  }

 private:
  CommandChannel* channel_ = nullptr;
  std::uint32_t key_ = 0;
};

}  // namespace vfsim::driver
