#include "testbench/shell/words.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

#include "testbench/scenarios/units.hpp"

namespace vfsim::bench {

bool split_words(std::string_view line, Words& words, std::string& error) {
  words.clear();
  std::size_t at = 0;
  while (true) {
    while (at < line.size() && std::isspace(static_cast<unsigned char>(line[at])) != 0) {
      ++at;
    }
    const bool comment = at < line.size() && line[at] == '#' && (at + 1 == line.size() || line[at + 1] == ' ' || words.empty());
    if (at == line.size() || comment) {
      return true;
    }
    std::string word;
    while (at < line.size() && std::isspace(static_cast<unsigned char>(line[at])) == 0) {
      if (line[at] != '"') {
        word += line[at++];
        continue;
      }
      const std::size_t end = line.find('"', at + 1);
      if (end == std::string_view::npos) {
        error = "column " + std::to_string(at + 1) + ": a quote is not closed";
        return false;
      }
      word += line.substr(at + 1, end - at - 1);
      at = end + 1;
    }
    words.push_back(std::move(word));
  }
}

std::string joined(const Words& words, std::size_t from) {
  const auto begin = words.begin() + static_cast<std::ptrdiff_t>(std::min(from, words.size()));
  return fmt::format("{}", fmt::join(begin, words.end(), " "));
}

std::optional<std::uint64_t> number_of(std::string_view word) {
  const bool hex = word.size() > 2 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
  word.remove_prefix(hex ? 2 : 0);
  std::uint64_t value = 0;
  const auto [end, wrong] = std::from_chars(word.data(), word.data() + word.size(), value, hex ? 16 : 10);
  if (word.empty() || wrong != std::errc() || end != word.data() + word.size()) {
    return std::nullopt;
  }
  return value;
}

std::optional<model::Ps> time_of(std::string_view word) {
  Quantity quantity;
  std::string error;
  if (!parse_quantity(word, quantity) || quantity.unit.empty() || !convert(quantity, "ns", error) || quantity.value < 0 ||
      quantity.value > 1e15) {
    return std::nullopt;
  }
  return static_cast<model::Ps>(std::llround(quantity.value * static_cast<double>(model::kNs)));
}

}  // namespace vfsim::bench
