// One constructor function per rule that a checker judges, declared from the table.
#pragma once

#include <memory>

#include "testbench/checkers/rule_set.hpp"

namespace vfsim::bench {

#define VF_DECLARE_checker(id) std::unique_ptr<Rule> make_rule_##id(const RuleInputs& inputs);
#define VF_DECLARE_oracle(id)
#define VF_DECLARE_assertion(id) VF_DECLARE_checker(id)
#define RULE(id, judge, title, trigger) VF_DECLARE_##judge(id)
#include "testbench/checkers/rules.def"
#undef RULE
#undef VF_DECLARE_checker
#undef VF_DECLARE_oracle
#undef VF_DECLARE_assertion

}  // namespace vfsim::bench
