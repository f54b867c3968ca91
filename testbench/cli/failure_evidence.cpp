#include "testbench/cli/failure_evidence.hpp"

#include <filesystem>
#include <fmt/format.h>

#include "testbench/cli/case_report.hpp"
#include "testbench/regress/plan.hpp"
#include "testbench/regress/pool.hpp"

namespace vfsim::bench {
namespace {

namespace fs = std::filesystem;

constexpr model::Ps kWave = 20 * model::kUs;

/// A folder's name from a case's label, which may hold a path: "my/x.toml seed 3" ->
/// "x_seed_3_case_7".
std::string folder_of(const CaseResult& c) {
  std::string name = fs::path(c.what.run.scenario).stem().string();
  for (char& letter : name) {
    const bool plain = (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
                       (letter >= 'A' && letter <= 'Z') || letter == '-' || letter == '_';
    letter = plain ? letter : '_';
  }
  // Two files in different folders may have one name.
  const std::string which = name == c.what.run.scenario ? "" : fmt::format("_case_{}", c.what.id);
  return fmt::format("failures/{}_seed_{}{}", name, c.what.run.seed, which);
}

/// The work of a worker: runs the case with everything that explains it.
int explain_case(const std::string& folder, const Case& what, Result& result) {
  Scenario scenario;
  if (!prepare(what.run, scenario, result.error)) {
    return kBadInput;
  }
  Story story;
  RunOptions options;
  options.seed = what.run.seed;
  options.story = &story;
  options.wave = folder + "/waves.fst";
  options.wave_groups = ~waves::GroupMask{0};
  options.wave_span.last = kWave;
  const int status = run_scenario(scenario, options, result);
  std::string error;
  if (!write_report(folder + "/report.html", replay_command(what.run), scenario, result, story, error)) {
    result.error = error;
    return kInternal;
  }
  return status;
}

std::string complaint(const CaseResult& before, const CaseResult& again) {
  if (again.outcome != CaseOutcome::finished || again.status != before.status) {
    return fmt::format("{}: no evidence: {}\n", before.what.label, again.result.error);
  }
  return again.result.events_digest == before.result.events_digest
             ? ""
             : fmt::format("{}: did not repeat itself: events digest {}, then {}\n",
                           before.what.label, before.result.events_digest,
                           again.result.events_digest);
}

}  // namespace

std::string keep_evidence(Regression& regression, const EvidenceOptions& options) {
  std::vector<Case> cases;
  std::vector<CaseResult*> failed;
  for (CaseResult& c : regression.cases) {
    std::error_code code;
    if (c.outcome == CaseOutcome::finished && c.status == kViolated &&
        cases.size() < options.most) {
      fs::create_directories(fs::path(options.out_dir) / folder_of(c), code);
      cases.push_back(c.what);
      cases.back().rtl_coverage.clear();
      failed.push_back(&c);
    }
  }
  PoolOptions pool;
  pool.jobs = options.jobs;
  pool.stop = options.stop;
  pool.work = [&](const Case& what, Result& result) {
    CaseResult place;
    place.what = what;
    return explain_case(options.out_dir + "/" + folder_of(place), what, result);
  };
  std::string complaints;
  for (const CaseResult& again : run_cases(cases, pool)) {
    CaseResult& before = *failed[again.number];
    if (!again.ran()) {
      continue;
    }
    complaints += complaint(before, again);
    before.evidence = again.outcome == CaseOutcome::finished ? folder_of(before) : "";
  }
  return complaints;
}

}  // namespace vfsim::bench
