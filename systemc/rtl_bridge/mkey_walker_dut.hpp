// The verilated walker as requests, reads, changes and answers. No SystemC in here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "firmware/interface/hw_context.h"
#include "rtl_models/common/rtl_session.hpp"
#include "systemc/nic/mkey_walker.hpp"

namespace vfsim::model {

class MkeyWalkerDut {
 public:
  /// Keys of a function (indices), or translation entries.
  struct Change {
    bool entries = false;
    std::uint8_t fn = 0;
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };
  struct Seen {
    bool taken = false;  // the request
    bool answered = false;
    WalkAnswer answer;
  };

  MkeyWalkerDut(rtl::RtlSession& session, const std::string& name, const vf_context_ram& ram);
  ~MkeyWalkerDut();

  /// One clock cycle at `ps`. Context memory takes every read at once and answers in the next cycle
  /// with what it held in this one.
  /// @param request, change  nullptr: none
  Seen cycle(std::uint64_t ps, const WalkRequest* request, const Change* change);
  /// A walk is under way.
  [[nodiscard]] bool busy() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vfsim::model
