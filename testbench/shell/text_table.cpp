#include "testbench/shell/text_table.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace vfsim::bench {
namespace {

constexpr std::size_t kRowBytes = 16;

std::string dump_line(std::uint64_t address, const std::uint8_t* bytes, std::size_t count) {
  std::string out = fmt::format("{:012x} ", address);
  std::string characters;
  for (std::size_t i = 0; i < kRowBytes; ++i) {
    out += i == kRowBytes / 2 ? " " : "";
    out += i < count ? fmt::format(" {:02x}", bytes[i]) : "   ";
    if (i < count) {
      characters += bytes[i] >= ' ' && bytes[i] <= '~' ? static_cast<char>(bytes[i]) : '.';
    }
  }
  return out + "  |" + characters + "|";
}

}  // namespace

TextTable::TextTable(const std::vector<std::string>& columns) {
  std::vector<std::string> header;
  for (const std::string& column : columns) {
    right_.push_back(!column.empty() && column.back() == '>');
    header.push_back(right_.back() ? column.substr(0, column.size() - 1) : column);
  }
  rows_.push_back(std::move(header));
}

void TextTable::row(std::vector<std::string> cells) {
  cells.resize(right_.size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::line(const std::vector<std::string>& cells) const {
  std::string out;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    std::size_t width = 0;
    for (const auto& r : rows_) {
      width = std::max(width, r[c].size());
    }
    out += c == 0 ? "" : "  ";
    out +=
        right_[c] ? fmt::format("{:>{}}", cells[c], width) : fmt::format("{:<{}}", cells[c], width);
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

std::string TextTable::text(std::size_t keys) const {
  const auto same = [&](std::size_t a, std::size_t b) {
    return keys != 0 && b < rows_.size() &&
           std::equal(rows_[a].begin() + static_cast<std::ptrdiff_t>(keys), rows_[a].end(),
                      rows_[b].begin() + static_cast<std::ptrdiff_t>(keys));
  };
  std::string out = line(rows_[0]);
  for (std::size_t r = 1; r < rows_.size(); ++r) {
    out += "\n" + line(rows_[r]);
    std::size_t last = r;
    while (same(r, last + 1)) {
      ++last;
    }
    if (last > r + 1) {
      out += "\n...\n" + line(rows_[last]);
      r = last;
    }
  }
  return out;
}

void TextList::add(std::string_view label, std::string_view value) {
  const std::size_t room = kWidth - label_width_ - 1;
  do {
    std::size_t cut = value.size();
    if (cut > room) {
      const std::size_t blank = value.rfind(' ', room);
      cut = blank == std::string_view::npos || blank == 0 ? std::min(value.find(' '), cut) : blank;
    }
    append(text_, fmt::format("{:<{}} {}", label, label_width_, value.substr(0, cut)), "\n");
    value.remove_prefix(std::min(cut + 1, value.size()));
    label = "";
  } while (!value.empty());
  text_.erase(text_.find_last_not_of(' ') + 1);
}

std::string hexdump(std::uint64_t address, const std::vector<std::uint8_t>& bytes) {
  std::string out;
  bool repeats = false;
  for (std::size_t at = 0; at < bytes.size(); at += kRowBytes) {
    const std::size_t count = std::min(kRowBytes, bytes.size() - at);
    const bool same = at != 0 && count == kRowBytes && at + count != bytes.size() &&
                      std::equal(&bytes[at], &bytes[at] + count, &bytes[at] - kRowBytes);
    if (same && repeats) {
      continue;
    }
    append(out, same ? "*" : dump_line(address + at, &bytes[at], count), "\n");
    repeats = same;
  }
  return out;
}

std::string bit_list(std::uint64_t bits) {
  std::string out;
  for (unsigned bit = 0; bit < 64; ++bit) {
    if ((bits >> bit & 1U) != 0) {
      append(out, std::to_string(bit), " ");
    }
  }
  return out.empty() ? "none" : out;
}

void append(std::string& to, std::string_view more, std::string_view separator) {
  if (!to.empty()) {
    to += separator;
  }
  to += more;
}

}  // namespace vfsim::bench
