#include "testbench/runner/step_verbs.hpp"

#include <fmt/format.h>

namespace vfsim::bench {
namespace {

struct Verb {
  std::string_view name;
  driver::Result<void> (*run)(StepRun& run, const Step& step);
};
constexpr Verb kVerbs[] = {
#define VERB(verb, options, doc) {#verb, step_##verb},
#define STEP_NUMBER(name, def, max, doc)
#define STEP_TIME(name, def, doc)
#define STEP_CHOICE(name, def, choices, doc)
#include "testbench/scenarios/steps.def"
#undef VERB
#undef STEP_NUMBER
#undef STEP_TIME
#undef STEP_CHOICE
};

}  // namespace

driver::Result<void> do_step(StepRun& run, const Step& step) {
  for (const Verb& verb : kVerbs) {
    if (verb.name == step.verb) {
      auto done = verb.run(run, step);
      return done || step.line == 0
                 ? std::move(done)
                 : driver::fail(done.error().code, fmt::format("step in line {}: {}", step.line, done.error().text));
    }
  }
  return driver::fail(EINVAL, "unknown step " + step.verb);
}

}  // namespace vfsim::bench
