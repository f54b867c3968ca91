#include "testbench/fuzz/fuzz_run.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fmt/format.h>
#include <memory>
#include <new>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <xxhash.h>

// Of the sanitizers' runtime, when it is linked in: leaks so far, without ending the process.
extern "C" int __lsan_do_recoverable_leak_check() __attribute__((weak));

namespace vfsim::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kBlock = 64;  // cases that a worker takes at a time
constexpr std::uint64_t kNone = ~0ULL;
constexpr std::size_t kAnswer = 55;
constexpr std::size_t kText = 400;
constexpr std::size_t kShown = 20;       // findings that are kept
constexpr std::size_t kMostDeaths = 25;  // of workers, then a door is given up
constexpr std::size_t kOutput = 32768;   // bytes of a dead worker's output that are kept

/// What a worker leaves of a case.
struct Record {
  std::uint8_t done, accepted, finding, rsvd[5];
  char answer[kAnswer + 1];
};

struct SharedFinding {
  std::uint64_t number;
  char text[kText];
};

/// Where a worker is, for the case that it dies.
struct Place {
  std::atomic<std::uint64_t> number;  // case in work, kNone: none
  std::atomic<std::uint64_t> end;     // of its block
  std::atomic<std::int64_t> since_ms;
};

struct Shared {
  std::atomic<std::uint64_t> next;
  std::atomic<std::uint64_t> findings;
  SharedFinding finding[kShown];
};

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch())
      .count();
}

/// An array that forked processes share; zero.
template <class T>
class SharedArray {
 public:
  explicit SharedArray(std::size_t count) : bytes_(std::max<std::size_t>(1, count) * sizeof(T)) {
    void* at = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
      throw std::system_error(errno, std::generic_category(), "memory shared with workers");
    }
    data_ = static_cast<T*>(at);
  }
  ~SharedArray() { ::munmap(data_, bytes_); }
  SharedArray(const SharedArray&) = delete;
  SharedArray& operator=(const SharedArray&) = delete;
  T& operator[](std::size_t i) { return data_[i]; }

 private:
  std::size_t bytes_;
  T* data_;
};

template <std::size_t N>
void put(char (&to)[N], const std::string& text) {
  const std::size_t n = std::min(text.size(), N - 1);
  std::memcpy(to, text.data(), n);
  to[n] = '\0';
}

struct Range {
  std::uint64_t begin = 0, end = 0;
};

struct Worker {
  pid_t pid = -1;
  std::FILE* output = nullptr;
  bool hung = false;
};

/// One door's run.
class Run {
 public:
  Run(const DoorRow& door, const FuzzOptions& options)
      : door_(door),
        options_(options),
        shared_(1),
        places_(std::max(1U, options.jobs)),
        records_(options.cases),
        workers_(std::max(1U, options.jobs)) {}

  FuzzReport run() {
    for (std::size_t w = 0; w < workers_.size(); ++w) {
      start(w, {});
    }
    while (
        std::any_of(workers_.begin(), workers_.end(), [](const Worker& w) { return w.pid > 0; })) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      const bool stop = options_.stop != nullptr && *options_.stop != 0;
      for (std::size_t w = 0; w < workers_.size(); ++w) {
        watch(w, stop);
      }
    }
    return report();
  }

 private:
  void start(std::size_t w, Range rest) {
    Worker& worker = workers_[w];
    worker.hung = false;
    worker.output = std::tmpfile();
    places_[w].number = kNone;
    places_[w].since_ms = now_ms();
    std::fflush(nullptr);
    worker.pid = ::fork();
    if (worker.pid == 0) {
      work(w, rest);
    }
    if (worker.pid < 0) {
      throw std::system_error(errno, std::generic_category(), "a worker cannot start");
    }
  }

  // ---- in the worker ----

  [[noreturn]] void work(std::size_t w, Range rest) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::signal(SIGINT, SIG_IGN);
    if (workers_[w].output != nullptr) {
      ::dup2(::fileno(workers_[w].output), STDOUT_FILENO);
      ::dup2(::fileno(workers_[w].output), STDERR_FILENO);
    }
    try {
      const std::unique_ptr<Door> door = door_.make(options_.faults);
      cases(w, *door, rest);
      while ((rest.begin = shared_[0].next.fetch_add(kBlock)) < options_.cases) {
        rest.end = std::min(rest.begin + kBlock, options_.cases);
        cases(w, *door, rest);
      }
    } catch (const std::exception& e) {
      std::fprintf(stderr, "exception: %s\n", e.what());
      std::fflush(nullptr);
      ::_exit(3);
    }
    if (__lsan_do_recoverable_leak_check != nullptr && __lsan_do_recoverable_leak_check() != 0) {
      std::fprintf(stderr, "memory of earlier cases is leaked\n");
      std::fflush(nullptr);
      ::_exit(4);
    }
    ::_exit(0);
  }

  void cases(std::size_t w, Door& door, Range range) {
    places_[w].end = range.end;
    for (std::uint64_t i = range.begin; i < range.end; ++i) {
      places_[w].since_ms = now_ms();
      places_[w].number = i;
      const DoorOutcome outcome =
          door.run(fuzz_case(door, door_.name, options_.seed, options_.first + i));
      put(records_[i].answer, outcome.answer);
      records_[i].accepted = outcome.accepted ? 1 : 0;
      if (!outcome.finding.empty()) {
        records_[i].finding = 1;
        note(i, outcome.finding);
      }
      records_[i].done = 1;
    }
    places_[w].number = kNone;
  }

  void note(std::uint64_t number, const std::string& text) {
    const std::uint64_t at = shared_[0].findings.fetch_add(1);
    if (at < kShown) {
      shared_[0].finding[at].number = number;
      put(shared_[0].finding[at].text, text);
    }
  }

  // ---- in the parent ----

  void watch(std::size_t w, bool stop) {
    Worker& worker = workers_[w];
    if (worker.pid <= 0) {
      return;
    }
    const bool late =
        static_cast<double>(now_ms() - places_[w].since_ms) > options_.case_limit_s * 1000;
    if (stop || late) {
      worker.hung = late && !stop;
      stopped_ = stopped_ || stop;
      ::kill(worker.pid, SIGKILL);
    }
    int status = 0;
    if (::waitpid(worker.pid, &status, worker.hung || stop ? 0 : WNOHANG) == worker.pid) {
      worker.pid = -1;
      if (status != 0 && !stopped_) {
        died(w, status);
      }
      if (worker.output != nullptr) {
        std::fclose(worker.output);
        worker.output = nullptr;
      }
      if (status != 0 && !stopped_ && deaths_ < kMostDeaths && places_[w].number != kNone) {
        start(w, {places_[w].number + 1, places_[w].end});
      }
    }
  }

  void died(std::size_t w, int status) {
    ++deaths_;
    const std::uint64_t number = places_[w].number;
    const std::string output = text_of(workers_[w].output);
    std::string what = workers_[w].hung ? fmt::format("no end after {} s", options_.case_limit_s)
                       : WIFSIGNALED(status)
                           ? fmt::format("killed by signal {} ({})", WTERMSIG(status),
                                         ::strsignal(WTERMSIG(status)))
                           : fmt::format("ended with status {}", WEXITSTATUS(status));
    what += cause(output);
    if (number == kNone) {
      what = "the worker, between cases: " + what;
    } else {
      put(records_[number].answer, "DIED");
      records_[number].done = records_[number].finding = 1;
    }
    deadly_.push_back({number == kNone ? 0 : number, what, output});
  }

  static std::string text_of(std::FILE* file) {
    std::string text;
    if (file != nullptr) {
      text.resize(kOutput);
      std::rewind(file);
      text.resize(std::fread(text.data(), 1, text.size(), file));
    }
    return text;
  }

  /// The line of a dead worker's output that says most.
  static std::string cause(const std::string& output) {
    for (const char* word : {"runtime error:", "ERROR: ", "exception: ", "leaked", "terminate"}) {
      const std::size_t at = output.find(word);
      if (at != std::string::npos) {
        const std::size_t begin = output.rfind('\n', at) + 1;
        return ": " + output.substr(begin, std::min(output.find('\n', at), begin + 250) - begin);
      }
    }
    return "";
  }

  FuzzReport report() {
    FuzzReport made;
    made.door = door_.name;
    XXH64_state_t* hash = XXH64_createState();
    XXH64_reset(hash, 0);
    for (std::uint64_t i = 0; i < options_.cases; ++i) {
      Record& r = records_[i];
      made.cases += r.done;
      made.findings += r.finding;
      made.accepted += r.accepted;
      if (r.done != 0 && r.accepted == 0) {
        ++made.refused[r.answer];
      }
      XXH64_update(hash, &r, sizeof r);
    }
    made.digest = XXH64_digest(hash);
    XXH64_freeState(hash);
    made.shown = deadly_;
    for (std::size_t i = 0; i < std::min<std::size_t>(kShown, shared_[0].findings); ++i) {
      made.shown.push_back({shared_[0].finding[i].number, shared_[0].finding[i].text, ""});
    }
    made.findings = std::max<std::uint64_t>(made.findings, made.shown.size());
    for (FuzzFinding& finding : made.shown) {
      finding.number += options_.first;
    }
    std::sort(made.shown.begin(), made.shown.end(),
              [](const FuzzFinding& a, const FuzzFinding& b) { return a.number < b.number; });
    return made;
  }

  const DoorRow& door_;
  const FuzzOptions& options_;
  SharedArray<Shared> shared_;
  SharedArray<Place> places_;
  SharedArray<Record> records_;
  std::vector<Worker> workers_;
  std::vector<FuzzFinding> deadly_;
  std::size_t deaths_ = 0;
  bool stopped_ = false;
};

}  // namespace

CaseBytes fuzz_case(Door& door, std::string_view name, std::uint64_t seed, std::uint64_t number) {
  const std::uint64_t place[] = {seed, number};
  CaseRandom random(XXH64(place, sizeof place, XXH64(name.data(), name.size(), 0)));
  return door.make(random);
}

FuzzReport fuzz_door(const DoorRow& door, const FuzzOptions& options) {
  return Run(door, options).run();
}

}  // namespace vfsim::bench
