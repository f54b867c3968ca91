#include "testbench/linux_host/user_call.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <iterator>
#include <sstream>

namespace vfsim::bench {
namespace {

struct Row {
  std::string_view word;
  int numbers;
};
constexpr Row kRows[] = {
#define USER_CALL(word, numbers, doc) {#word, numbers},
#include "testbench/linux_host/user_call.def"
#undef USER_CALL
};

bool hexadecimal(const std::string& word, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number, 16);
  return error == std::errc() && end == word.data() + word.size();
}

}  // namespace

std::string to_text(const UserCall& call) {
  std::string text = fmt::format("{} {}", call.device, kRows[static_cast<std::size_t>(call.kind)].word);
  for (const std::uint64_t number : call.numbers) {
    fmt::format_to(std::back_inserter(text), " {:x}", number);
  }
  return text;
}

std::optional<UserCall> parse_user_call(const std::string& text) {
  std::istringstream words(text);
  UserCall call;
  std::string kind;
  words >> call.device >> kind;
  const Row* row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& r) { return r.word == kind; });
  if (row == std::end(kRows)) {
    return std::nullopt;
  }
  call.kind = static_cast<UserCallKind>(row - kRows);
  for (std::string word; words >> word;) {
    if (!hexadecimal(word, call.numbers.emplace_back())) {
      return std::nullopt;
    }
  }
  const bool right = row->numbers < 0 || static_cast<std::size_t>(row->numbers) == call.numbers.size();
  return right ? std::optional(std::move(call)) : std::nullopt;
}

}  // namespace vfsim::bench
