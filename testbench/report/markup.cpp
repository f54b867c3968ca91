#include "testbench/report/markup.hpp"

#include <cstddef>

namespace vfsim::bench {
namespace {

/// Bytes of the UTF-8 character at `at`; 0 if there is none.
std::size_t character(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(at);
  const std::size_t bytes = lead < 0x80       ? 1
                            : lead >> 5 == 6  ? 2
                            : lead >> 4 == 14 ? 3
                            : lead >> 3 == 30 ? 4
                                              : 0;
  if (bytes == 0 || at + bytes > text.size() || lead == 0xc0 || lead == 0xc1) {
    return 0;
  }
  if (bytes > 2) {
    const unsigned second = byte(at + 1);
    const bool too_long = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    const bool surrogate = lead == 0xed && second >= 0xa0;
    const bool too_large = lead > 0xf4 || (lead == 0xf4 && second >= 0x90);
    const bool no_character = lead == 0xef && second == 0xbf && byte(at + 2) >= 0xbe;
    if (too_long || surrogate || too_large || no_character) {
      return 0;
    }
  }
  for (std::size_t i = 1; i < bytes; ++i) {
    if (byte(at + i) >> 6 != 2) {
      return 0;
    }
  }
  return bytes;
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = character(text, at);
    const char c = text[at];
    if (bytes > 1) {
      out.append(text, at, bytes);
    } else {
      const bool odd = bytes == 0 ||
                       (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') ||
                       c == 0x7f;
      out += c == '&'   ? "&amp;"
             : c == '<' ? "&lt;"
             : c == '>' ? "&gt;"
             : c == '"' ? "&quot;"
             : odd      ? "?"
                        : std::string(1, c);
    }
    at += bytes > 1 ? bytes : 1;
  }
  return out;
}

}  // namespace vfsim::bench
