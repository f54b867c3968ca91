// What commands that change the machine need.
#pragma once

#include <string>

#include "testbench/shell/look_tools.hpp"

namespace vfsim::bench {

/// Whether anything can be changed now. False: `error` is one line.
[[nodiscard]] bool may_act(const Machine& machine, std::string& error);
/// Whether hosts and guests can be told to do something.
[[nodiscard]] bool may_step(const Machine& machine, std::string& error);

/// Whether a value fits `bytes`, which is one of `allowed` ("1 2 4"). False: `error`.
[[nodiscard]] bool check_width(std::uint64_t value, std::uint64_t bytes, std::string_view allowed,
                               std::string& error);

/// "A" or "B". False: `error`.
[[nodiscard]] bool find_host(std::string_view word, std::uint8_t& host, std::string& error);

/// Writes a register of BAR0 over the link, as soon as the observation under way is over. False:
/// `error` says what is wrong with offset or width, or that no CPU reaches the BAR.
[[nodiscard]] bool write_register(Machine& machine, model::FnRef who, std::uint64_t offset,
                                  std::uint64_t value, std::uint32_t bytes, std::string& error);

}  // namespace vfsim::bench
