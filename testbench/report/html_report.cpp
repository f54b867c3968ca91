#include "testbench/report/html_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "firmware/interface/tables.hpp"
#include "testbench/report/markup.hpp"
#include "testbench/report/report_page.hpp"
#include "testbench/checkers/rule.hpp"

namespace vfsim::bench {
namespace {

using nlohmann::json;

double nanoseconds(model::Ps t) {
  return static_cast<double>(t) / static_cast<double>(model::kNs);
}

const char* kind_name(StoryKind kind) {
  switch (kind) {
    case StoryKind::command:
      return "command";
    case StoryKind::arc:
      return "arc";
    case StoryKind::set_state:
      return "set_state";
    case StoryKind::vcpu:
      return "vcpu";
    case StoryKind::phase:
      return "phase";
    case StoryKind::reset:
      return "reset";
    case StoryKind::stream:
      return "stream";
  }
  return "";
}

json drain_json(const Drain& drain) {
  json samples = json::array();
  for (const DmaSample& s : drain.samples) {
    samples.push_back({nanoseconds(s.t), s.reads, s.writes});
  }
  return {{"who", function_name(drain.who)},
          {"asked", nanoseconds(drain.asked)},
          {"answered", nanoseconds(drain.answered)},
          {"refused", drain.refused},
          {"dropped", drain.dropped},
          {"samples", std::move(samples)}};
}

json step_json(const StoryStep& step) {
  return {{"kind", kind_name(step.kind)},
          {"who", function_name(step.who)},
          {"host", std::string(1, static_cast<char>('A' + step.who.host))},
          {"t", nanoseconds(step.t)},
          {"end", nanoseconds(step.end)},
          {"text", step.text},
          {"detail", step.detail},
          {"failed", step.failed},
          {"guest", step.guest},
          {"tlps", step.tlps}};
}

json violation_json(const StoryViolation& violation) {
  json events = json::array();
  for (const std::string& line : violation.events) {
    events.push_back(json::parse(line));
  }
  return {{"first", violation.first},
          {"at", violation.at},
          {"observed", violation.observed},
          {"blame", violation.blame},
          {"events", std::move(events)}};
}

json story_json(const Story& story) {
  json drains = json::array();
  for (const Drain& drain : story.drains) {
    drains.push_back(drain_json(drain));
  }
  json steps = json::array();
  for (const StoryStep& step : story.steps) {
    steps.push_back(step_json(step));
  }
  json violations = json::array();
  for (const StoryViolation& violation : story.violations) {
    violations.push_back(violation_json(violation));
  }
  return {{"drains", std::move(drains)},
          {"drains_left_out", story.drains_left_out},
          {"steps", std::move(steps)},
          {"steps_left_out", story.steps_left_out},
          {"violations", std::move(violations)}};
}

/// As the event log writes opcodes.
json opcode_names() {
  json names = json::object();
  for (const contract::OpcodeRow& row : contract::kOpcodes) {
    names[fmt::format("{:#x}", row.value)] = row.name;
  }
  return names;
}

/// Names of the migration states by their numbers.
json state_names() {
  json names = json::object();
  for (const contract::EnumRow& row : contract::kEnums) {
    if (row.set == "MIG") {
      names[std::to_string(row.value)] = row.name;
    }
  }
  return names;
}

/// Inside a script element nothing may look like its end.
std::string harmless(std::string text) {
  for (std::size_t at = 0; (at = text.find('<', at)) != std::string::npos;) {
    text.replace(at, 1, "\\u003c");
  }
  return text;
}

std::string replaced(std::string page, std::string_view mark, const std::string& text) {
  return page.replace(page.find(mark), mark.size(), text);
}

}  // namespace

std::string html_report(const Result& result, const Story& story,
                        const std::vector<ReportParam>& params, const std::string& replay) {
  json list = json::array();
  for (const ReportParam& p : params) {
    list.push_back({p.key, p.value, p.changed});
  }
  json run = json::parse(to_json_line(result));
  run.erase("coverage");  // of a regression, and long
  json titles = json::object();
  for (const RuleCount& rule : result.rules) {
    titles[rule.id] = rule.title;
  }
  const json data = {{"result", std::move(run)},  {"titles", std::move(titles)},
                     {"opcodes", opcode_names()}, {"states", state_names()}, {"story", story_json(story)},
                     {"params", std::move(list)}, {"replay", replay}};
  const std::string text = data.dump(-1, ' ', false, json::error_handler_t::replace);
  return replaced(
      replaced(kReportPage, "@TITLE@", escaped(result.scenario + ": " + result.verdict)), "@DATA@",
      harmless(text));
}

}  // namespace vfsim::bench
