// Arithmetic over what is simulated: print, until, watch, and conditions of breaks.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mu {
class Parser;
}

namespace vfsim::bench {

/// Where names of an expression come from. Durations are nanoseconds, sizes bytes, states and opcodes their numbers.
class NameTable {
 public:
  virtual ~NameTable() = default;
  /// A function that reads the value whenever it is called; empty if there is no such name.
  [[nodiscard]] virtual std::function<double()> find(std::string_view name) const = 0;
  /// Names that begin so, separated by spaces: for completion and for "did you mean".
  [[nodiscard]] virtual std::string names(std::string_view prefix) const = 0;
  /// What a value of this name means ("STOP_COPY"); "" where it is but a number.
  [[nodiscard]] virtual std::string meaning(std::string_view name, double value) const = 0;
};

/// Operators of C (but no bit operations and no assignment), units behind a number (ps ns us ms s KiB MiB), hexadecimal
/// numbers, and the functions of muParser (min, max, abs, ...). Evaluation costs one call per name and no allocation.
class Expression {
 public:
  /// Null: `error` is one line with the place of the mistake.
  [[nodiscard]] static std::unique_ptr<Expression> parse(const std::string& text, const NameTable& names, std::string& error);
  ~Expression();
  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;

  [[nodiscard]] double value();
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  struct Variable {
    double value = 0;
    std::function<double()> read;
  };
  Expression();
  static double* variable(const char* name, void* self);

  std::string text_;
  const NameTable* names_ = nullptr;
  std::string unknown_;
  std::deque<Variable> variables_;  // addresses stay
  std::unique_ptr<mu::Parser> parser_;
};

/// "12", "0.25", "105065412.3"
[[nodiscard]] std::string value_text(double value);

}  // namespace vfsim::bench
