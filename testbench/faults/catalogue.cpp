#include "testbench/faults/catalogue.hpp"

#include <sstream>

#include "firmware/interface/fault_table.hpp"

namespace vfsim::bench {
namespace {

struct Row {
  std::string_view fault;
  std::string_view scenario;
  const char* overrides;
};
constexpr Row kRows[] = {
#define FAULT_RUN(name, scenario, overrides) {#name, scenario, overrides},
#include "testbench/faults/fault_runs.def"
#undef FAULT_RUN
};

}  // namespace

std::vector<CataloguedFault> fault_catalogue() {
  std::vector<CataloguedFault> all;
  for (const contract::FaultRow& fault : contract::kFaults) {
    all.push_back({fault.name, fault.layer, fault.rule, fault.doc, "", {}});
    for (const Row& row : kRows) {
      if (row.fault == fault.name) {
        all.back().scenario = row.scenario;
        std::istringstream words(row.overrides);
        for (std::string word; words >> word;) {
          all.back().overrides.push_back(word);
        }
      }
    }
  }
  return all;
}

std::string occasion(const CataloguedFault& fault) {
  std::string text(fault.scenario);
  for (const std::string& word : fault.overrides) {
    text += " --set " + word;
  }
  return text;
}

}  // namespace vfsim::bench
