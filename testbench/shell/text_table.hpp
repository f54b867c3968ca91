// Text for a terminal: aligned tables, lists of labelled lines, memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vfsim::bench {

/// Lines are separated by '\n', none at the end.
class TextTable {
 public:
  /// A column "count>" is aligned to the right, the others to the left.
  explicit TextTable(const std::vector<std::string>& columns);

  /// Cells that are missing are empty; none may be too many.
  void row(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const { return rows() == 0; }
  [[nodiscard]] std::size_t rows() const { return rows_.size() - 1; }
  /// Rows that are equal but for their first `keys` columns, three and more in a row, are told as
  /// the first, "..." and the last.
  [[nodiscard]] std::string text(std::size_t keys = 0) const;

 private:
  [[nodiscard]] std::string line(const std::vector<std::string>& cells) const;

  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;  // the first is the header
};

/// "label   value" lines: values are aligned, and broken into more lines at blanks where they do
/// not fit.
class TextList {
 public:
  static constexpr std::size_t kWidth = 100;
  explicit TextList(std::size_t label_width) : label_width_(label_width) {}

  void add(std::string_view label, std::string_view value);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::size_t label_width_;
  std::string text_;
};

/// 16 bytes a line with their addresses and as characters; lines that repeat the one above are one
/// '*'.
[[nodiscard]] std::string hexdump(std::uint64_t address, const std::vector<std::uint8_t>& bytes);

/// "yes" or "no".
[[nodiscard]] inline const char* yes_no(bool value) {
  return value ? "yes" : "no";
}
/// Bits as their numbers: "0 1 7"; "none".
[[nodiscard]] std::string bit_list(std::uint64_t bits);
/// Adds with a separator, if something is there already.
void append(std::string& to, std::string_view more, std::string_view separator = ", ");

}  // namespace vfsim::bench
