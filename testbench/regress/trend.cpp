#include "testbench/regress/trend.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>
#include <tuple>

namespace vfsim::bench {
namespace {

constexpr std::size_t kTold = 10;  // names of a list in trend_text()

using Key =
    std::tuple<std::string, std::uint64_t, std::vector<std::string>, std::vector<std::string>>;

Key key_of(const CaseResult& c) {
  return {c.what.run.scenario, c.what.run.seed, c.what.run.overrides, c.what.run.faults};
}

std::map<Key, const CaseResult*> by_key(const Regression& r) {
  std::map<Key, const CaseResult*> cases;
  for (const CaseResult& c : r.cases) {
    if (c.ran()) {
      cases[key_of(c)] = &c;
    }
  }
  return cases;
}

void compare(const CaseResult& now, const CaseResult& before, Trend& trend,
             std::map<std::string, Pace>& paces) {
  ++trend.common;
  if (now.passed() && !before.passed()) {
    trend.fixed.push_back(&now);
  } else if (!now.passed()) {
    (before.passed() ? trend.newly_failing : trend.still_failing).push_back(&now);
  }
  if (now.outcome != CaseOutcome::finished || before.outcome != CaseOutcome::finished) {
    return;
  }
  trend.changed += now.result.events_digest != before.result.events_digest ? 1 : 0;
  Pace& pace = paces[now.what.run.scenario];
  ++pace.cases;
  pace.before_s += before.wall_s;
  pace.now_s += now.wall_s;
}

/// A machine under load makes all scenarios slower: each is measured by what the others do.
void judge_paces(Trend& trend) {
  std::vector<double> ratios;
  for (const Pace& pace : trend.paces) {
    if (pace.before_s > 0) {
      ratios.push_back(pace.now_s / pace.before_s);
    }
  }
  if (!ratios.empty()) {
    std::sort(ratios.begin(), ratios.end());
    trend.pace = ratios[ratios.size() / 2];
  }
  for (Pace& pace : trend.paces) {
    pace.due_s = pace.before_s * trend.pace;
  }
}

std::string labels(const std::vector<const CaseResult*>& cases) {
  std::string out;
  for (std::size_t i = 0; i < std::min(kTold, cases.size()); ++i) {
    out += (out.empty() ? "" : ", ") + cases[i]->what.label;
  }
  return cases.size() > kTold ? out + fmt::format(" and {} more", cases.size() - kTold) : out;
}

std::string line(const char* what, const std::vector<const CaseResult*>& cases) {
  return cases.empty() ? "" : fmt::format("  {} {}: {}\n", what, cases.size(), labels(cases));
}

}  // namespace

CoverageSum coverage_of(const Regression& regression) {
  CoverageSum sum;
  for (const CaseResult& c : regression.cases) {
    if (c.outcome == CaseOutcome::finished) {
      sum.add(c.result);
    }
  }
  return sum;
}

Trend trend(const Regression& now, const Regression& before) {
  Trend out;
  std::map<std::string, Pace> paces;
  const auto old = by_key(before);
  std::size_t met = 0;
  for (const CaseResult& c : now.cases) {
    if (!c.ran()) {
      continue;
    }
    if (const auto found = old.find(key_of(c)); found != old.end()) {
      compare(c, *found->second, out, paces);
      ++met;
      continue;
    }
    ++out.only_now;
    if (!c.passed()) {
      out.failing_new.push_back(&c);
    }
  }
  out.only_before = old.size() - std::min(old.size(), met);
  for (auto& [scenario, pace] : paces) {
    pace.scenario = scenario;
    out.paces.push_back(pace);
  }
  judge_paces(out);
  const CoverageSum sum_now = coverage_of(now);
  const CoverageSum sum_before = coverage_of(before);
  out.share_now = sum_now.share();
  out.share_before = sum_before.share();
  const std::set<std::string> bins_now = sum_now.hit_bins();
  const std::set<std::string> bins_before = sum_before.hit_bins();
  std::set_difference(bins_now.begin(), bins_now.end(), bins_before.begin(), bins_before.end(),
                      std::back_inserter(out.gained));
  std::set_difference(bins_before.begin(), bins_before.end(), bins_now.begin(), bins_now.end(),
                      std::back_inserter(out.lost));
  return out;
}

std::string trend_text(const Trend& t) {
  std::string out = fmt::format(
      "against the baseline: {} cases in both, {} behave differently, {} only now, {} only "
      "before\n",
      t.common, t.changed, t.only_now, t.only_before);
  out += line("newly failing", t.newly_failing) + line("failing, not run before", t.failing_new) +
         line("fixed", t.fixed) + line("still failing", t.still_failing);
  for (const Pace& pace : t.paces) {
    if (pace.slower() || pace.faster()) {
      out +=
          fmt::format("  {} than the others: {} {:.2f} s, before {:.2f} s\n", pace.slower() ? "slower" : "faster",
                      pace.scenario, pace.now_s, pace.before_s);
    }
  }
  out += fmt::format("  wall times: {:.2f} of before (median of scenarios)\n", t.pace);
  return out + fmt::format("  coverage {:.1f} %, before {:.1f} %; {} bins gained, {} lost\n",
                           100 * t.share_now, 100 * t.share_before, t.gained.size(), t.lost.size());
}

}  // namespace vfsim::bench
