// Names of expressions: the newest event, time, parameters, constants, signals.
#pragma once

#include "testbench/runner/simulation.hpp"
#include "testbench/shell/expression.hpp"
#include "testbench/shell/happening.hpp"
#include "waves/signal_board.hpp"

namespace vfsim::bench {

class Symbols final : public NameTable {
 public:
  /// @param simulation, board  outlive this
  Symbols(Simulation& simulation, const waves::SignalBoard& board) : sim_(simulation), board_(board) {}
  /// The newest event from now on; null: none yet. It must stay until the next call.
  void set_event(const Happening* h, std::uint64_t count) {
    event_ = h;
    count_ = count;
  }

  [[nodiscard]] std::function<double()> find(std::string_view name) const override;
  [[nodiscard]] std::string names(std::string_view prefix) const override;
  [[nodiscard]] std::string meaning(std::string_view name, double value) const override;

 private:
  [[nodiscard]] std::function<double()> signal(waves::SignalId id) const;

  Simulation& sim_;
  const waves::SignalBoard& board_;
  const Happening* event_ = nullptr;
  std::uint64_t count_ = 0;
};

/// What `help expressions` prints.
[[nodiscard]] std::string expressions_help();

}  // namespace vfsim::bench
