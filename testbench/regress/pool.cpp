#include "testbench/regress/pool.hpp"

#include <algorithm>
#include <memory>
#include <poll.h>

#include "testbench/regress/worker.hpp"

namespace vfsim::bench {
namespace {

using Clock = Worker::Clock;

constexpr std::chrono::milliseconds kLook{100};  // longest wait between two looks at `stop`
constexpr std::chrono::milliseconds kReap{1};  // a child that has closed its pipes is about to end

class Pool {
 public:
  Pool(const std::vector<Case>& cases, const PoolOptions& options)
      : cases_(cases), options_(options) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      results_.push_back({});
      results_.back().number = i;
      results_.back().what = cases[i];
    }
  }

  std::vector<CaseResult> run() {
    for (start(); !workers_.empty(); start()) {
      wait();
      judge_time();
      collect();
    }
    return std::move(results_);
  }

 private:
  [[nodiscard]] bool stopped() const { return options_.stop != nullptr && *options_.stop != 0; }

  void start() {
    while (next_ < cases_.size() && workers_.size() < std::max(1U, options_.jobs) && !stopped() &&
           (!options_.more || options_.more())) {
      workers_.push_back(std::make_unique<Worker>(next_, cases_[next_], options_.work));
      ++next_;
    }
  }

  void wait() {
    std::vector<pollfd> set;
    auto until = Clock::now() + kLook;
    for (const auto& worker : workers_) {
      worker->add_to(set);
      until = std::min(until, worker->silent() ? Clock::now() + kReap : worker->deadline());
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    // An interrupted or failed call is a look that came early.
    (void)::poll(set.data(), set.size(), static_cast<int>(std::max<decltype(left)>(0, left)));
  }

  void judge_time() {
    for (const auto& worker : workers_) {
      if (stopped()) {
        worker->kill(CaseOutcome::stopped);
      } else if (Clock::now() >= worker->deadline()) {
        worker->kill(CaseOutcome::timed_out);
      }
    }
  }

  void collect() {
    for (auto at = workers_.begin(); at != workers_.end();) {
      if (!(*at)->poll()) {
        ++at;
        continue;
      }
      CaseResult result = (*at)->take();
      at = workers_.erase(at);
      CaseResult& kept = results_[result.number];
      kept = std::move(result);
      if (options_.done) {
        options_.done(kept);
      }
    }
  }

  const std::vector<Case>& cases_;
  const PoolOptions& options_;
  std::vector<CaseResult> results_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::size_t next_ = 0;
};

}  // namespace

const char* to_string(CaseOutcome outcome) {
  switch (outcome) {
    case CaseOutcome::not_run:
      return "not_run";
    case CaseOutcome::finished:
      return "finished";
    case CaseOutcome::timed_out:
      return "timed_out";
    case CaseOutcome::killed:
      return "killed";
    case CaseOutcome::broken:
      return "broken";
    case CaseOutcome::stopped:
      return "stopped";
  }
  return "?";
}

int run_case(const Case& what, Result& result) {
  Scenario scenario;
  if (!prepare(what.run, scenario, result.error)) {
    return kBadInput;
  }
  RunOptions options;
  options.seed = what.run.seed;
  options.rtl_coverage = what.rtl_coverage;
  return run_scenario(scenario, options, result);
}

std::vector<CaseResult> run_cases(const std::vector<Case>& cases, const PoolOptions& options) {
  return Pool(cases, options).run();
}

}  // namespace vfsim::bench
