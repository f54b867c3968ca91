#include "testbench/shell/expression.hpp"

#include <cmath>
#include <cstdlib>
#include <fmt/format.h>
#include <muParser.h>

#include "testbench/scenarios/names.hpp"

namespace vfsim::bench {
namespace {

constexpr const char* kNameChars = "0123456789_.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

int hexadecimal(const char* text, int* length, double* value) {
  if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X')) {
    return 0;
  }
  char* end = nullptr;
  *value = static_cast<double>(std::strtoull(text, &end, 16));
  *length += static_cast<int>(end - text);
  return 1;
}

template <int kPower>
double power_of_ten(double value) {
  return value * std::pow(10.0, kPower);
}
template <int kPower>
double power_of_two(double value) {
  return value * std::pow(2.0, kPower);
}
double negation(double value) { return value == 0 ? 1 : 0; }

void set_up(mu::Parser& parser) {
  parser.DefineNameChars(kNameChars);
  parser.AddValIdent(hexadecimal);
  parser.DefinePostfixOprt("ps", power_of_ten<-3>);
  parser.DefinePostfixOprt("ns", power_of_ten<0>);
  parser.DefinePostfixOprt("us", power_of_ten<3>);
  parser.DefinePostfixOprt("ms", power_of_ten<6>);
  parser.DefinePostfixOprt("s", power_of_ten<9>);
  parser.DefinePostfixOprt("KiB", power_of_two<10>);
  parser.DefinePostfixOprt("MiB", power_of_two<20>);
  parser.DefineInfixOprt("!", negation);
}

/// A single '=' would be an assignment.
std::size_t assignment(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool behind = i > 0 && (text[i - 1] == '=' || text[i - 1] == '!' || text[i - 1] == '<' || text[i - 1] == '>');
    if (text[i] == '=' && !behind && text[i + 1 < text.size() ? i + 1 : i] == '=' && i + 1 < text.size()) {
      ++i;
    } else if (text[i] == '=' && !behind) {
      return i;
    }
  }
  return std::string::npos;
}

}  // namespace

Expression::Expression() : parser_(std::make_unique<mu::Parser>()) {}
Expression::~Expression() = default;

double* Expression::variable(const char* name, void* self) {
  auto& expression = *static_cast<Expression*>(self);
  auto read = expression.names_->find(name);
  if (!read && expression.unknown_.empty()) {
    expression.unknown_ = name;
  }
  expression.variables_.push_back({0, std::move(read)});
  return &expression.variables_.back().value;
}

std::unique_ptr<Expression> Expression::parse(const std::string& text, const NameTable& names, std::string& error) {
  std::unique_ptr<Expression> expression(new Expression);
  expression->text_ = text;
  expression->names_ = &names;
  if (const std::size_t at = assignment(text); at != std::string::npos) {
    error = fmt::format("'{}': column {}: values are compared with ==", text, at + 1);
    return nullptr;
  }
  try {
    set_up(*expression->parser_);
    expression->parser_->SetVarFactory(variable, expression.get());
    expression->parser_->SetExpr(text);
    (void)expression->parser_->Eval();
  } catch (const mu::Parser::exception_type& e) {
    error = fmt::format("'{}': column {}: {}", text, e.GetPos() + 1, e.GetMsg());
  }
  if (!expression->unknown_.empty()) {
    const std::string& name = expression->unknown_;
    const std::string known = names.names("");
    error = fmt::format("'{}': there is no '{}'{}; signals and params list names, help expressions tells more", text, name,
                        did_you_mean(name, known));
  }
  return error.empty() ? std::move(expression) : nullptr;
}

double Expression::value() {
  for (Variable& v : variables_) {
    v.value = v.read();
  }
  return parser_->Eval();
}

std::string value_text(double value) {
  return value == std::floor(value) && std::abs(value) < 1e15 ? fmt::format("{:.0f}", value) : fmt::format("{}", value);
}

}  // namespace vfsim::bench
