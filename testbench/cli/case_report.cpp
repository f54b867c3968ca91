#include "testbench/cli/case_report.hpp"

#include "testbench/report/html_report.hpp"
#include "testbench/scenarios/params.hpp"

namespace vfsim::bench {
namespace {

std::vector<ReportParam> params_of(Scenario& scenario) {
  Scenario defaults;
  std::vector<ReportParam> params;
  for (const ParamRow& row : param_table()) {
    const std::string value = param_value(row, scenario);
    params.push_back({row.key(), value, value != param_value(row, defaults)});
  }
  return params;
}

}  // namespace

bool write_report(const std::string& path, const std::string& replay, Scenario& scenario,
                  const Result& result, const Story& story, std::string& error) {
  return write_file(path, html_report(result, story, params_of(scenario), replay),
                    error);
}

}  // namespace vfsim::bench
