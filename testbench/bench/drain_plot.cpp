#include <algorithm>
#include <fmt/format.h>
#include <fstream>

#include "testbench/bench/drain.hpp"

namespace vfsim::bench {
namespace {

constexpr double kWidth = 720, kHeight = 360, kLeft = 60, kRight = 20, kTop = 40, kBottom = 50;
constexpr double kMostPercent = 6;  // beyond it a point lies on the edge

/// Places of the picture.
class Axes {
 public:
  explicit Axes(double most_us) : most_us_(most_us) {}
  [[nodiscard]] double x(double us) const {
    return kLeft + us / most_us_ * (kWidth - kLeft - kRight);
  }
  [[nodiscard]] static double y(double percent) {
    const double inside = std::clamp(percent, -kMostPercent, kMostPercent);
    return kTop + (kMostPercent - inside) / (2 * kMostPercent) * (kHeight - kTop - kBottom);
  }

 private:
  double most_us_;
};

std::string text(double x, double y, const char* anchor, const std::string& what) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     what);
}

std::string line(double x1, double y1, double x2, double y2, const char* colour) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n", x1, y1, x2,
      y2, colour);
}

}  // namespace

bool plot_drain(const std::string& path, const std::vector<double>& tlm,
                const std::vector<double>& rtl) {
  const double most = *std::max_element(rtl.begin(), rtl.end()) / 1000;
  const int step = std::max(1, static_cast<int>(most / 8));
  const Axes axes(most);
  const DrainError error = drain_error(tlm, rtl);
  std::ofstream file(path);
  file << fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" "
      "fill=\"white\"/>\n",
      kWidth, kHeight);
  file << text(
      kLeft, 24, "start",
      fmt::format("Drain time, SystemC model against RTL: {} loads, |error| median {:.2f} "
                  "%, 95th percentile {:.2f} %, worst {:.2f} %",
                  tlm.size(), error.median_percent, error.p95_percent, error.worst_percent));
  for (const int percent : {-5, -2, 0, 2, 5}) {
    file << line(kLeft, Axes::y(percent), kWidth - kRight, Axes::y(percent),
                 percent == 0 ? "black" : "#d08080");
    file << text(kLeft - 6, Axes::y(percent) + 4, "end", fmt::format("{:+d} %", percent));
  }
  for (int us = 0; us <= static_cast<int>(most); us += step) {
    file << line(axes.x(us), kHeight - kBottom, axes.x(us), kHeight - kBottom + 5, "black");
    file << text(axes.x(us), kHeight - kBottom + 20, "middle", std::to_string(us));
  }
  file << text(kWidth / 2, kHeight - 10, "middle", "drain time of the RTL gate, us");
  file << "<g fill=\"#2060a0\" fill-opacity=\"0.5\">\n";
  for (std::size_t i = 0; i < tlm.size(); ++i) {
    file << fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"1.6\"/>\n", axes.x(rtl[i] / 1000),
                        Axes::y((tlm[i] - rtl[i]) / rtl[i] * 100));
  }
  file << "</g>\n</svg>\n" << std::flush;
  return static_cast<bool>(file);
}

}  // namespace vfsim::bench
