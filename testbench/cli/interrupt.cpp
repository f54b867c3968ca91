#include "testbench/cli/interrupt.hpp"

namespace vfsim::bench {
namespace {

// A handler has nothing else to write to.
volatile std::sig_atomic_t asked_to_end = 0;

void ask(int) {
  asked_to_end = 1;
}

}  // namespace

const volatile std::sig_atomic_t& interrupted() {
  return asked_to_end;
}

void let_end(std::initializer_list<int> signals, SecondSignal second) {
  struct sigaction action {};
  action.sa_handler = ask;
  action.sa_flags = SA_RESTART | (second == SecondSignal::kills ? static_cast<int>(SA_RESETHAND) : 0);
  for (const int number : signals) {
    ::sigaction(number, &action, nullptr);
  }
}

}  // namespace vfsim::bench
