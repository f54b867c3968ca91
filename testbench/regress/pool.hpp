// Runs many cases, each in a process of its own, some at a time.
#pragma once

#include <csignal>
#include <cstddef>
#include <functional>
#include <vector>

#include "testbench/regress/case.hpp"

namespace vfsim::bench {

/// Runs in the worker process and fills in the result, which knows its scenario and seed already.
/// An exception is kInternal with its text. @return an ExitStatus
using Work = std::function<int(const Case&, Result&)>;

/// What a worker does unless it is told otherwise: prepare() and run_scenario().
[[nodiscard]] int run_case(const Case& what, Result& result);

struct PoolOptions {
  unsigned jobs = 1;  // workers at a time, at least 1
  Work work = run_case;
  /// Called in the caller's thread as each case ends, in the order of time.
  std::function<void(const CaseResult&)> done;
  /// Asked before a case starts; false: no further one does. Empty: all do.
  std::function<bool()> more;
  /// Not 0: running workers are killed, no further one starts. Set by a signal handler that was
  /// installed without SA_RESTART, it is seen at once; otherwise after 0.1 s.
  const volatile std::sig_atomic_t* stop = nullptr;
};

/// One result per case, in the order of `cases`; it does not depend on `jobs`, but for wall times.
///
/// Each case runs in a fork of the caller, which therefore must have one thread and must not have
/// elaborated a SystemC model. A worker ignores SIGINT and dies with the caller. One that crashes,
/// hangs or says nonsense is a CaseResult like any other: this function returns when the last
/// worker is gone. A case that cannot be started (no process, no pipe) is `broken`.
[[nodiscard]] std::vector<CaseResult> run_cases(const std::vector<Case>& cases,
                                                const PoolOptions& options);

}  // namespace vfsim::bench
