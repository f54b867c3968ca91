// Two implementations of one block side by side: what each did, and where they first differ.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace vfsim::bench {

/// Which implementation did something.
enum class Side : std::uint8_t { tlm, rtl };

/// Transactions of both sides. Legal reorderings are written down as streams: within a stream both
/// sides must do the same in the same order, transactions of different streams may pass each other
/// (a block's test says which streams it has, and why). Times are shown, not compared.
class Histories {
 public:
  /// @param names_of_streams  for the report, by number
  explicit Histories(std::vector<std::string> names_of_streams);

  /// Compared as soon as both sides have done it; text is all of the transaction but its time.
  void record(Side side, std::uint64_t ps, std::uint32_t stream, std::string text);
  /// End of the stimulus: what only one side did is a difference.
  void finish();

  /// Transactions that were found equal.
  [[nodiscard]] std::uint64_t compared() const { return compared_; }
  [[nodiscard]] bool differ() const { return differ_; }
  /// Once, when the first difference is found: time to write a wave.
  void on_difference(std::function<void()> call) { on_difference_ = std::move(call); }
  /// The first difference, and what both sides did around it, side by side. "" if they agree.
  [[nodiscard]] std::string report() const;

 private:
  struct Transaction {
    std::uint64_t ps;
    std::uint32_t stream;
    std::string text;
  };
  struct Stream {
    std::array<std::deque<Transaction>, 2> waiting;  // by side; one of the two is empty
  };
  void difference(std::uint32_t stream, const Transaction* tlm, const Transaction* rtl);
  [[nodiscard]] std::string name(std::uint32_t stream) const;

  static constexpr std::size_t kShown = 24;  // last transactions of each side in the report
  std::vector<std::string> names_;
  std::map<std::uint32_t, Stream> streams_;
  std::array<std::deque<Transaction>, 2> recent_;
  std::uint64_t compared_ = 0;
  std::size_t behind_ = 0;  // transactions taken up for the report since the difference
  bool differ_ = false;
  std::string what_;
  std::function<void()> on_difference_;
};

}  // namespace vfsim::bench
