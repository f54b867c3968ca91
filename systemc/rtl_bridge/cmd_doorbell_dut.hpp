// The verilated command doorbells as orders and answers. No SystemC in here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "rtl_models/common/rtl_session.hpp"

namespace vfsim::model {

class CmdDoorbellDut {
 public:
  enum class Kind : std::uint8_t { ring, hold, release, reset, take, done, set, clear, room };
  struct Order {
    Kind kind = Kind::ring;
    std::uint32_t fn = 0;
    std::uint32_t slots = 0;  // take, done: the slot's number; room: 0 none, 1 last, 2 any
  };

  CmdDoorbellDut(rtl::RtlSession& session, const std::string& name);
  ~CmdDoorbellDut();

  /// One clock cycle at `ps`, with an order or none.
  void cycle(std::uint64_t ps, const Order* order);
  [[nodiscard]] bool offered() const;
  [[nodiscard]] std::uint8_t offer_fn() const;
  [[nodiscard]] std::uint8_t offer_slot() const;
  [[nodiscard]] std::uint32_t pending(std::uint32_t fn);
  [[nodiscard]] std::uint32_t owned(std::uint32_t fn);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vfsim::model
