// A regression as people read it, and as test tools do.
#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <xxhash.h>

#include "testbench/regress/plan.hpp"
#include "testbench/regress/regression.hpp"
#include "testbench/report/account.hpp"
#include "testbench/report/markup.hpp"

namespace vfsim::bench {
namespace {

constexpr std::size_t kFailuresTold = 20;  // told in full
constexpr std::size_t kSlowest = 3;

struct Counts {
  std::size_t ran = 0, passed = 0, failed = 0, timed_out = 0, crashed = 0;
  std::map<std::string, std::size_t> causes;
  std::map<std::string, std::size_t> migrations;  // by outcome
};

/// What failures have in common: the rule that was violated first, or how the worker ended.
std::string cause(const CaseResult& c) {
  if (c.outcome != CaseOutcome::finished) {
    return to_string(c.outcome);
  }
  return !c.result.violations.empty() ? c.result.violations.front().rule
         : c.status == kBadInput      ? "bad input"
         : c.status == kInternal      ? "internal error"
                                      : "goal missed";
}

std::string violation_line(const ViolationResult& v) {
  return fmt::format("{} at {}, {}: expected {}; seen {}", v.rule, duration(v.time_ns), v.who,
                     v.expected, v.seen);
}

Counts count(const Regression& r) {
  Counts n;
  for (const CaseResult& c : r.cases) {
    for (const MigrationResult& m : c.result.migrations) {
      ++n.migrations[m.outcome];
    }
    if (!c.ran()) {
      continue;
    }
    ++n.ran;
    if (c.passed()) {
      ++n.passed;
      continue;
    }
    ++n.causes[cause(c)];
    (c.outcome == CaseOutcome::timed_out  ? n.timed_out
     : c.outcome == CaseOutcome::finished ? n.failed
                                          : n.crashed) += 1;
  }
  return n;
}

template <class Map>
std::string list_of(const Map& counts) {
  std::string out;
  for (const auto& [name, number] : counts) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name, number);
  }
  return out;
}

std::string failures(const Regression& r) {
  std::string out;
  std::size_t told = 0;
  for (const CaseResult& c : r.cases) {
    if (!c.ran() || c.passed() || told++ >= kFailuresTold) {
      continue;
    }
    out += fmt::format("FAILED {}: {}\n  replay: {}\n", c.what.label, reason(c),
                       replay_command(c.what.run));
    out += c.evidence.empty() ? "" : fmt::format("  report: {}/report.html\n", c.evidence);
  }
  return out +
         (told > kFailuresTold
              ? fmt::format("... and {} more that failed (results.jsonl and JUnit have all)\n",
                            told - kFailuresTold)
              : "");
}

std::string slowest(const Regression& r) {
  std::vector<const CaseResult*> by_time;
  for (const CaseResult& c : r.cases) {
    if (c.ran()) {
      by_time.push_back(&c);
    }
  }
  std::stable_sort(by_time.begin(), by_time.end(),
                   [](const CaseResult* a, const CaseResult* b) { return a->wall_s > b->wall_s; });
  std::string out;
  for (std::size_t i = 0; i < std::min(kSlowest, by_time.size()); ++i) {
    out += fmt::format("{}{} {:.2f} s", out.empty() ? "slowest: " : ", ", by_time[i]->what.label,
                       by_time[i]->wall_s);
  }
  return out.empty() ? "" : out + "\n";
}

std::string junit_case(const CaseResult& c) {
  std::string out = fmt::format("    <testcase classname=\"{}\" name=\"seed {}\" time=\"{:.3f}\"",
                                escaped(c.what.run.scenario), c.what.run.seed, c.wall_s);
  if (c.passed()) {
    return out + "/>\n";
  }
  out += ">\n";
  if (!c.ran()) {
    return out + "      <skipped/>\n    </testcase>\n";
  }
  const char* kind =
      c.outcome == CaseOutcome::finished && c.status == kViolated ? "failure" : "error";
  std::string text = "replay: " + replay_command(c.what.run) + "\n";
  text += c.evidence.empty() ? "" : "evidence: " + c.evidence + "\n";
  for (const ViolationResult& v : c.result.violations) {
    text += violation_line(v) + "\n";
  }
  text += c.result.error.empty() ? "" : c.result.error + "\n";
  out += fmt::format("      <{0} type=\"{1}\" message=\"{2}\">{3}</{0}>\n", kind, escaped(cause(c)),
                     escaped(reason(c)), escaped(text));
  if (!c.output.empty()) {
    out += fmt::format("      <system-err>{}</system-err>\n", escaped(c.output));
  }
  return out + "    </testcase>\n";
}

}  // namespace

bool Regression::passed() const {
  return std::all_of(cases.begin(), cases.end(), [](const CaseResult& c) {
    return c.passed() || c.outcome == CaseOutcome::not_run;
  });
}

std::string reason(const CaseResult& c) {
  if (c.outcome == CaseOutcome::finished && !c.result.violations.empty()) {
    return violation_line(c.result.violations.front());
  }
  return c.result.error.empty() ? "no reason given" : c.result.error;
}

std::string causes_text(const Regression& r) {
  return list_of(count(r).causes);
}

std::string digest_of_digests(const Regression& r) {
  std::string all;
  for (const CaseResult& c : r.cases) {
    if (c.outcome == CaseOutcome::finished) {
      all += fmt::format("{} {}\n", c.what.id, c.result.events_digest);
    }
  }
  return fmt::format("{:016x}", XXH3_64bits(all.data(), all.size()));
}

std::string summary(const Regression& r) {
  const Counts n = count(r);
  std::string out = failures(r);
  out += fmt::format("regression: {} cases, {} passed, {} failed, {} timed out, {} crashed", n.ran,
                     n.passed, n.failed, n.timed_out, n.crashed);
  out += fmt::format("; {:.1f} s, {:.1f} cases/s\n", r.wall_s,
                     r.wall_s > 0 ? static_cast<double>(n.ran) / r.wall_s : 0);
  if (!n.causes.empty()) {
    out += "failures by cause: " + list_of(n.causes) + "\n";
  }
  if (n.ran < r.total) {
    out += fmt::format("not run here: {} of {}{}{}\n", r.total - n.ran, r.total,
                       r.ended.empty() ? " (other shards)" : ": ", r.ended);
  }
  out += n.migrations.empty() ? "" : "migrations: " + list_of(n.migrations) + "\n";
  out += slowest(r);
  out += fmt::format("digest of all events digests: {}\n", digest_of_digests(r));
  return out + fmt::format("verdict: {}\n", r.passed() ? "pass" : "fail");
}

std::string junit(const Regression& r) {
  struct Suite {
    std::size_t tests = 0, failures = 0, errors = 0, skipped = 0;
    double time = 0;
    std::string body;

    [[nodiscard]] std::string counts() const {
      return fmt::format("tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3f}\"",
                         tests, failures, errors, skipped, time);
    }
    void add(const CaseResult& c) {
      const bool failure = c.outcome == CaseOutcome::finished && c.status == kViolated;
      ++tests;
      skipped += c.ran() ? 0 : 1;
      failures += failure ? 1 : 0;
      errors += c.ran() && !c.passed() && !failure ? 1 : 0;
      time += c.wall_s;
    }
  };
  Suite all;
  std::map<std::string, Suite> suites;
  for (const CaseResult& c : r.cases) {
    all.add(c);
    Suite& suite = suites[c.what.run.scenario];
    suite.add(c);
    suite.body += junit_case(c);
  }
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"vfsim\" {}>\n", all.counts());
  for (const auto& [name, suite] : suites) {
    out += fmt::format("  <testsuite name=\"{}\" {}>\n{}  </testsuite>\n", escaped(name),
                       suite.counts(), suite.body);
  }
  return out + "</testsuites>\n";
}

}  // namespace vfsim::bench
