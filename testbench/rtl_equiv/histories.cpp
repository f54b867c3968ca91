#include "testbench/rtl_equiv/histories.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace vfsim::bench {
namespace {
constexpr std::size_t kBehind = 16;  // transactions taken up after a difference

std::string time_text(std::uint64_t ps) {
  return fmt::format("{}.{:03} ns", ps / 1000, ps % 1000);
}
}  // namespace

Histories::Histories(std::vector<std::string> names_of_streams)
    : names_(std::move(names_of_streams)) {}

std::string Histories::name(std::uint32_t stream) const {
  return stream < names_.size() ? names_[stream] : fmt::format("stream {}", stream);
}

void Histories::record(Side side, std::uint64_t ps, std::uint32_t stream, std::string text) {
  if (differ_ && behind_ >= kBehind) {
    return;
  }
  behind_ += differ_ ? 1 : 0;
  const auto own = static_cast<std::size_t>(side);
  const Transaction done{ps, stream, std::move(text)};
  recent_[own].push_back(done);
  if (recent_[own].size() > kShown) {
    recent_[own].pop_front();
  }
  if (differ_) {
    return;
  }
  Stream& s = streams_[stream];
  std::deque<Transaction>& other = s.waiting[1 - own];
  if (other.empty()) {
    s.waiting[own].push_back(done);
    return;
  }
  if (other.front().text == done.text) {
    other.pop_front();
    ++compared_;
    return;
  }
  const bool tlm = side == Side::tlm;
  difference(stream, tlm ? &done : &other.front(), tlm ? &other.front() : &done);
}

void Histories::finish() {
  for (const auto& [number, stream] : streams_) {
    const auto first = [&](Side side) {
      const auto& waiting = stream.waiting[static_cast<std::size_t>(side)];
      return waiting.empty() ? nullptr : &waiting.front();
    };
    if (!differ_ && (first(Side::tlm) != nullptr || first(Side::rtl) != nullptr)) {
      difference(number, first(Side::tlm), first(Side::rtl));
    }
  }
}

void Histories::difference(std::uint32_t stream, const Transaction* tlm, const Transaction* rtl) {
  const auto text = [](const Transaction* t) {
    return t == nullptr ? std::string("nothing")
                        : fmt::format("{} at {}", t->text, time_text(t->ps));
  };
  differ_ = true;
  what_ = fmt::format("{}, transaction {} of all that were compared: TLM {}; RTL {}\n",
                      name(stream), compared_ + 1, text(tlm), text(rtl));
  if (on_difference_) {
    on_difference_();
  }
}

std::string Histories::report() const {
  if (!differ_) {
    return "";
  }
  std::string out = what_;
  constexpr std::array<const char*, 2> kSides = {"TLM", "RTL"};
  for (std::size_t side = 0; side < kSides.size(); ++side) {
    out += fmt::format("last transactions of the {}:\n", kSides[side]);
    for (const Transaction& t : recent_[side]) {
      out += fmt::format("  {:>18}  {:<12} {}\n", time_text(t.ps), name(t.stream), t.text);
    }
  }
  return out;
}

}  // namespace vfsim::bench
