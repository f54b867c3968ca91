// A command line of the shell as words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "systemc/common/probe.hpp"

namespace vfsim::bench {

using Words = std::vector<std::string>;

/// Words between blanks; "..." holds blanks. # begins a comment at the begin of a line or before a blank (#7 is a word). False: `error` names an open quote.
[[nodiscard]] bool split_words(std::string_view line, Words& words, std::string& error);

/// The words from the `from`-th on with blanks between; "" when there are none.
[[nodiscard]] std::string joined(const Words& words, std::size_t from);

/// "0x1f", "31".
[[nodiscard]] std::optional<std::uint64_t> number_of(std::string_view word);
/// "5us", "5 us" as one word, "105.2ms": picoseconds. A bare number is no time.
[[nodiscard]] std::optional<model::Ps> time_of(std::string_view word);

}  // namespace vfsim::bench
