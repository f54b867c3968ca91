#include "testbench/checkers/rule.hpp"

#include <utility>

#include "firmware/interface/layout.h"

namespace vfsim::bench {

void ViolationLog::add(Violation violation, std::uint64_t count_so_far) {
  if (count_so_far < kStoredPerRule) {
    stored_.push_back(std::move(violation));
    for (const auto& listener : listeners_) {
      listener(stored_.back());
    }
  }
}

std::string function_name(model::FnRef who) {
  const std::string host(1, static_cast<char>('A' + who.host));
  if (who.fn >= VF_MAX_FUNCTIONS) {
    return host + ".peer";
  }
  return who.fn == 0 ? host + ".pf" : host + ".vf" + std::to_string(who.fn - 1);
}

void Rule::violate(model::Ps t, model::FnRef who, std::string expected, std::string seen) {
  violate(t, function_name(who), std::move(expected), std::move(seen));
}

void Rule::violate(model::Ps t, std::string who, std::string expected, std::string seen) {
  log_->add(Violation{info_->id, t, std::move(who), std::move(expected), std::move(seen)},
            violations_++);
}

void Rule::sight(model::Ps t, model::FnRef who, std::string expected, std::string seen,
                 std::string blame) {
  log_->add(Violation{info_->id, t, function_name(who), std::move(expected), std::move(seen), false,
                      std::move(blame)},
            violations_);
}

void Rule::violate_in_all(model::Ps t, std::uint64_t count, std::string expected,
                          std::string seen) {
  if (count != 0) {
    log_->add(Violation{info_->id, t, "whole run", std::move(expected), std::move(seen), false},
              violations_);
    violations_ += count;
  }
}

}  // namespace vfsim::bench
