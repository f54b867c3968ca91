// A regression as a file of lines.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "testbench/regress/regression.hpp"

namespace vfsim::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "vfsim.regress/1";
constexpr std::array kOutcomes = {CaseOutcome::not_run,   CaseOutcome::finished,
                                  CaseOutcome::timed_out, CaseOutcome::killed,
                                  CaseOutcome::broken,    CaseOutcome::stopped};

std::string line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json of(const CaseResult& c) {
  return {{"id", c.what.id},
          {"scenario", c.what.run.scenario},
          {"seed", c.what.run.seed},
          {"overrides", c.what.run.overrides},
          {"faults", c.what.run.faults},
          {"limit_s", c.what.limit_s},
          {"outcome", to_string(c.outcome)},
          {"status", c.status},
          {"signal", c.signal},
          {"wall_s", c.wall_s},
          {"output", c.output},
          {"evidence", c.evidence},
          {"result", Json::parse(to_json_line(c.result))}};
}

/// at() and get() throw the library's errors, which from_lines() turns into its line.
CaseResult case_from(const Json& json) {
  CaseResult c;
  c.what.id = json.at("id").get<std::size_t>();
  c.what.run.scenario = json.at("scenario").get<std::string>();
  c.what.run.seed = json.at("seed").get<std::uint64_t>();
  c.what.run.overrides = json.at("overrides").get<std::vector<std::string>>();
  c.what.run.faults = json.at("faults").get<std::vector<std::string>>();
  c.what.limit_s = json.at("limit_s").get<double>();
  c.what.label = fmt::format("{} seed {}", c.what.run.scenario, c.what.run.seed);
  const auto name = json.at("outcome").get<std::string>();
  const auto* outcome = std::find_if(kOutcomes.begin(), kOutcomes.end(),
                                     [&](CaseOutcome o) { return name == to_string(o); });
  if (outcome == kOutcomes.end()) {
    throw std::invalid_argument("unknown outcome '" + name + "'");
  }
  c.outcome = *outcome;
  c.status = json.at("status").get<int>();
  c.signal = json.at("signal").get<int>();
  c.wall_s = json.at("wall_s").get<double>();
  c.output = json.at("output").get<std::string>();
  c.evidence = json.value("evidence", "");  // not in files of older versions
  if (std::string why; !from_json(json.at("result").dump(), c.result, why)) {
    throw std::invalid_argument("result." + why);
  }
  return c;
}

void head_from(const Json& json, Regression& r) {
  if (json.at("schema") != kSchema) {
    throw std::invalid_argument(std::string("allowed is schema ") + kSchema);
  }
  r.total = json.at("total").get<std::size_t>();
  r.wall_s = json.at("wall_s").get<double>();
  r.ended = json.at("ended").get<std::string>();
}

}  // namespace

std::string to_lines(const Regression& r) {
  std::string out =
      line({{"schema", kSchema}, {"total", r.total}, {"wall_s", r.wall_s}, {"ended", r.ended}});
  for (const CaseResult& c : r.cases) {
    out += line(of(c));
  }
  return out;
}

bool from_lines(const std::string& text, Regression& r, std::string& error) {
  r = Regression{};
  std::size_t number = 0;
  std::size_t at = 0;
  try {
    do {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      ++number;
      const Json json = Json::parse(text.begin() + static_cast<std::ptrdiff_t>(at),
                                    text.begin() + static_cast<std::ptrdiff_t>(end));
      if (number == 1) {
        head_from(json, r);
      } else {
        r.cases.push_back(case_from(json));
        r.cases.back().number = r.cases.size() - 1;
      }
      at = end + 1;
    } while (at < text.size());
  } catch (const std::exception& e) {
    error = fmt::format("line {}: not of a regression: {}", number, e.what());
    return false;
  }
  return true;
}

bool merge(Regression& into, Regression part, std::string& error) {
  if (into.cases.empty() && into.total == 0) {
    into.total = part.total;
  }
  if (part.total != into.total) {
    error =
        fmt::format("part of another regression: {} cases in all, not {}", part.total, into.total);
    return false;
  }
  into.wall_s = std::max(into.wall_s, part.wall_s);
  into.ended = into.ended.empty() ? part.ended : into.ended;
  std::move(part.cases.begin(), part.cases.end(), std::back_inserter(into.cases));
  std::stable_sort(into.cases.begin(), into.cases.end(),
                   [](const CaseResult& a, const CaseResult& b) { return a.what.id < b.what.id; });
  const auto twice = std::adjacent_find(
      into.cases.begin(), into.cases.end(),
      [](const CaseResult& a, const CaseResult& b) { return a.what.id == b.what.id; });
  if (twice != into.cases.end()) {
    error = fmt::format("case {} ({}) is there already", twice->what.id, twice->what.label);
    return false;
  }
  return true;
}

}  // namespace vfsim::bench
