// What programs in a Linux guest tell the simulator: lines on the console.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vfsim::bench {

enum class UserCallKind : std::uint8_t {
#define USER_CALL(word, numbers, doc) word,
#include "testbench/linux_host/user_call.def"
#undef USER_CALL
};

/// One line, without its mark. Source of the words: user_call.def.
struct UserCall {
  UserCallKind kind = UserCallKind::opened;
  std::string device;  // PCI address, as the guest numbers it: "0000:00:01.0"
  std::vector<std::uint64_t> numbers;
};

/// In front of every such line.
inline constexpr std::string_view kUserCallMark = "@vfsim call ";
/// Most numbers in a line: it is to reach the console in one piece.
inline constexpr std::size_t kUserCallNumbers = 256;

/// "0000:00:01.0 was_set 3 3 0": numbers in hexadecimal.
[[nodiscard]] std::string to_text(const UserCall& call);
/// Nothing: it is no such line, or has another count of numbers.
[[nodiscard]] std::optional<UserCall> parse_user_call(const std::string& text);

}  // namespace vfsim::bench
