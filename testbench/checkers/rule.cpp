#include "testbench/checkers/rule.hpp"

#include <utility>

namespace vfsim::bench {

void ViolationLog::add(Violation violation, std::uint64_t count_so_far) {
  ++total_;
  if (count_so_far < kStoredPerRule) {
    stored_.push_back(std::move(violation));
  }
}

std::string function_name(model::FnRef who) {
  const std::string host(1, static_cast<char>('A' + who.host));
  return who.fn == 0 ? host + ".pf" : host + ".vf" + std::to_string(who.fn - 1);
}

void Rule::violate(model::Ps t, model::FnRef who, std::string expected, std::string seen) {
  log_->add(Violation{info_->id, t, function_name(who), std::move(expected), std::move(seen)},
            violations_++);
}

}  // namespace vfsim::bench
