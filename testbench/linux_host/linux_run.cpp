#define SC_INCLUDE_DYNAMIC_PROCESSES
#include "testbench/linux_host/linux_run.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <systemc>

#include "testbench/linux_host/one_cpu.hpp"
#include "testbench/report/story_recorder.hpp"
#include "testbench/runner/runner.hpp"

namespace vfsim::bench {
namespace {

namespace fs = std::filesystem;

// A driver polls for an answer that takes longer than any command of the firmware: it will not come.
constexpr SimNs kLongestPoll = 1'000'000'000;
constexpr SimNs kSecond = 1'000'000'000;
constexpr SimNs kPaceStep = 1'000'000;  // with a shell: what the device does comes that late at most

/// Adds the wall time of its life.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(Clock::now() - begin_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  double& seconds_;
  const Clock::time_point begin_ = Clock::now();
};

}  // namespace

LinuxRun::LinuxRun(const Scenario& scenario, const LinuxOptions& options)
    : options_(options),
      machine_(scenario),
      commands_(machine_.probes, [this] { wake(); }) {
  const bool with_vm = std::any_of(options.guests.begin(), options.guests.end(),
                                   [](const GuestPlan& plan) { return plan.vm; });
  const RunGuest::Events events{
      [this] { return now(); }, [this] { wake(); },
      [this](model::FnRef who) { return commands_.told(who); },
      [this](RunGuest& guest, const std::string& words) { return asked(guest, words); },
      [this](const VmMemory::Part& memory) { tell_memory(memory); }};
  for (const GuestPlan& plan : options.guests) {
    guests_.push_back(
        std::make_unique<RunGuest>(machine_, plan, with_vm, events, *options.stop));
    if (plan.shell) {
      console_ = std::make_unique<ShellConsole>();
    }
    if (plan.vm) {
      copier_ = std::make_unique<VmCopier>(machine_.probes, machine_.oracle, guests_.back()->vm_memory(),
                                           kVmFunction, scenario.faults);
      follower_ = std::make_unique<VmFollower>(machine_, *guests_.back(), commands_, *copier_, events.now,
                                               events.wake);
    }
  }
}

// The kernels end before their folder goes.
LinuxRun::~LinuxRun() { guests_.clear(); }

bool LinuxRun::prepare_folder(std::string& wrong) {
  if (!folder_.make(wrong)) {
    return false;
  }
  const std::string& folder = folder_.path();
  try {
    fs::create_symlink(fs::absolute(options_.kernel), folder + "/linux");
    fs::create_symlink(fs::absolute(options_.initramfs), folder + "/initramfs");
    fs::create_directories(folder + "/host/shared");
    if (!options_.files.empty()) {
      fs::copy(options_.files, folder + "/host");  // not the folders in it
    }
    for (const auto& guest : guests_) {
      fs::copy_file(guest->plan().script, fmt::format("{}/host/{}.sh", folder, guest->plan().role),
                    fs::copy_options::overwrite_existing);
    }
  } catch (const fs::filesystem_error& e) {
    wrong = e.what();
  }
  return wrong.empty();
}

bool LinuxRun::launch(std::string& wrong) {
  for (const auto& guest : guests_) {
    // All names are relative to the folder: the kernel mixes its command line into its random
    // numbers, and runs are to be equal.
    KernelCommand command;
    command.program = "./linux";
    command.folder = folder_.path();
    command.preload = options_.preload;
    command.arguments = {fmt::format("mem={}M", options_.memory_mib),
                         "initrd=initramfs",
                         "con=null",
                         "con0=fd:0,fd:1",
                         "ssl=null",
                         "stderr=1",
                         "printk.time=1",
                         "panic=-1",
                         "vfio.enable_unsafe_noiommu_mode=1",
                         "umid=" + guest->plan().role,
                         "uml_dir=uml/",
                         "vfsim.role=" + guest->plan().role,
                         "vfsim.dir=/proc/self/cwd/host"};
    command.input = guest->plan().shell;
    if (guest->plan().shell) {
      command.arguments.push_back("vfsim.shell");
    }
    if (!guest->linux_guest().launch(folder_.path(), command)) {
      wrong = fmt::format("guest {}: {} (the kernel is {})", guest->plan().name, guest->linux_guest().error(), options_.kernel);
    }
  }
  return wrong.empty();
}

std::string LinuxRun::asked(RunGuest& guest, const std::string& words) {
  const auto space = words.find(' ');
  const std::string verb = words.substr(0, space);
  const std::string what = space == std::string::npos ? "" : words.substr(space + 1);
  if (verb == "start" && what == "vm") {
    vm_starts_ = true;
    return follower_ ? "" : "there is no VM";
  }
  if (verb == "phase" && !what.empty()) {
    tell_phase(false);
    phase_ = what;
    tell_phase(true);
    return "";
  }
  if (verb == "spoil" && what == "frame") {
    machine_.from_wire[guest.plan().host]->spoil_next();
    return "";
  }
  if (verb == "call") {
    return machine_.told(guest, what);
  }
  return machine_.disturbances->request(guest.plan().host, verb, what);
}

void LinuxRun::tell_memory(const VmMemory::Part& memory) {
  std::ofstream(folder_.path() + "/host/shared/vm.memory")
      << fmt::format("{:#x}+{:#x}\n", memory.address, memory.bytes);
}

void LinuxRun::tell_phase(bool begins) {
  if (!phase_.empty()) {
    machine_.probes.emit<model::Probe::driver>(&model::Observer::phase, machine_.calendar.now(), 0,
                                               phase_.c_str(), begins);
  }
}

int LinuxRun::run(Result& result) {
  const OneCpu one;
  if (!prepare_folder(result.error) || !launch(result.error)) {
    return kBadInput;
  }
  Pictures pictures(options_, {machine_.calendar, machine_.probes, *machine_.rules, *machine_.events,
                               {machine_.scenario().nic.vfs + 1, 1}, machine_.rtl.session().live_wave()});
  if (!pictures.error().empty()) {
    result.error = pictures.error();
    return kBadInput;
  }
  std::optional<StoryRecorder> story;
  if (options_.story != nullptr) {
    story.emplace(machine_.probes, *machine_.rules, *machine_.events, model::Host::kNicRid);
  }
  sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_DO_NOTHING);  // it stopped
  sc_core::sc_spawn([this] { schedule(); }, "guests");
  sc_core::sc_start();
  machine_.finish(result);
  if (follower_) {
    result.migrations = follower_->migrations();
  }
  if (story) {
    *options_.story = story->finish();
  }
  result.error = failure();
  if (const std::string frames = machine_.frames.account(); !frames.empty()) {
    std::puts(frames.c_str());
  }
  if (!begun_ && *options_.stop == 0) {
    result.error += "; it is " + options_.kernel;
    return kBadInput;
  }
  if (!pictures.close()) {
    result.error = pictures.error();
    return kBadInput;
  }
  const bool broken = std::any_of(result.rules.begin(), result.rules.end(),
                                  [](const RuleCount& rule) { return rule.violations != 0; });
  result.verdict = result.error.empty() && !broken ? "pass" : "fail";
  return result.verdict == "pass" ? kHeld : kViolated;
}

std::string LinuxRun::failure() const {
  if (*options_.stop != 0) {
    return console_ ? "" : "the run was interrupted";
  }
  if (!error_.empty() || left()) {
    return error_;
  }
  if (!machine_.frames.wrong().empty()) {
    return machine_.frames.wrong();
  }
  // What failed later failed because of it.
  const auto first = std::min_element(guests_.begin(), guests_.end(), [](const auto& a, const auto& b) {
    return a->failed_at() < b->failed_at();
  });
  return (*first)->failed_at() == kNeverNs ? "" : describe(**first);
}

std::string LinuxRun::describe(const RunGuest& guest) {
  return fmt::format("guest {}: {}", guest.plan().name, guest.failure());
}

/// A guest is gone before its time: the others would only wait for it.
bool LinuxRun::broken() {
  const auto lost = std::find_if(guests_.begin(), guests_.end(),
                                 [](const auto& guest) { return guest->lost(); });
  if (lost != guests_.end() && error_.empty()) {
    error_ = describe(**lost);
  }
  return lost != guests_.end();
}

RunGuest* LinuxRun::shell() const {
  const auto at = std::find_if(guests_.begin(), guests_.end(), [](const auto& guest) { return guest->plan().shell; });
  return at == guests_.end() ? nullptr : at->get();
}

bool LinuxRun::left() const {
  return shell() != nullptr && begun_ && !shell()->linux_guest().alive();
}

SimNs LinuxRun::now() const {
  return (machine_.calendar.now() + model::kNs - 1) / model::kNs;
}

void LinuxRun::wake() {
  machine_.calendar.notify(wake_);
}

bool LinuxRun::alive() const {
  return std::any_of(guests_.begin(), guests_.end(),
                     [](const auto& guest) { return guest->linux_guest().alive(); });
}

void LinuxRun::judge_stops() {
  for (const auto& guest : guests_) {
    PciSlot* slot = guest->linux_guest().stopped_by();
    if (slot == nullptr) {
      continue;
    }
    if (guest->linux_guest().cpu().idle() && !commands_.polled(guest->function_of(*slot))) {
      guest->linux_guest().release();
    } else if (now() >= guest->linux_guest().stopped_at() + kLongestPoll) {
      error_ = fmt::format("guest {} polls for the answer to a command of {}, which does not come",
                           guest->plan().name, function_name(guest->function_of(*slot)));
    }
  }
}

bool LinuxRun::step_one() {
  judge_stops();
  for (const auto& guest : guests_) {
    if (guest->overdue(now())) {
      guest->linux_guest().stop();
    }
  }
  const auto ready = std::find_if(guests_.begin(), guests_.end(), [this](const auto& guest) {
    return guest->linux_guest().ready(now());
  });
  if (ready == guests_.end()) {
    return false;
  }
  const Stopwatch watch(cost_.guests_s);
  ++cost_.turns;
  (*ready)->linux_guest().step(now());
  return true;
}

SimNs LinuxRun::pace(SimNs due) {
  const SimNs at = console_->pace(now(), due);
  const std::string typed = console_->typed();
  if (typed.empty()) {
    return at;
  }
  if (!typed_) {
    shell()->linux_guest().type(typed);
  } else if (!typed_->type(typed)) {
    error_ = folder_.path() + ": what is typed cannot be written there";
  }
  return at;
}

bool LinuxRun::advance() {
  SimNs due = kNeverNs;
  for (const auto& guest : guests_) {
    due = std::min(due, guest->linux_guest().due());
    if (guest->linux_guest().stopped_by() != nullptr) {
      due = std::min(due, guest->linux_guest().stopped_at() + kLongestPoll);
    }
  }
  if (due == kNeverNs && !alive()) {
    return false;
  }
  if (due == kNeverNs && !console_) {
    error_ = "no guest will ever run again";
    return false;
  }
  const bool stopped = std::any_of(guests_.begin(), guests_.end(), [](const auto& guest) {
    return guest->linux_guest().stopped_by() != nullptr;
  });
  if (console_ && !stopped) {
    due = pace(std::min(due, now() + kPaceStep));
  }
  const Stopwatch watch(cost_.simulation_s);
  if (due > now()) {
    machine_.calendar.wait(wake_, due * model::kNs);
  }
  while (machine_.calendar.now() % model::kNs != 0) {
    machine_.calendar.wait(wake_, now() * model::kNs);
  }
  if (now() > options_.limit_s * kSecond && !console_) {
    error_ = fmt::format("not at an end after {} s of simulated time", options_.limit_s);
  }
  return error_.empty();
}

bool LinuxRun::start_guests() {
  for (const auto& guest : guests_) {
    if (guest->linux_guest().waits_for_start() && (!guest->plan().vm || vm_starts_)) {
      if (guest->plan().vm) {
        follower_->started();
      }
      guest->linux_guest().start(now());
      if (guest->plan().shell && !guest->linux_guest().takes_input()) {
        typed_ = std::make_unique<TypedFiles>(folder_.path() + "/host/typed");
      }
      return true;
    }
  }
  return false;
}

void LinuxRun::schedule() {
  begun_ = std::all_of(guests_.begin(), guests_.end(),
                       [](const auto& guest) { return guest->linux_guest().await_start(); });
  while (begun_ && alive() && !left() && *options_.stop == 0 && error_.empty() && !broken() &&
         std::ferror(stdout) == 0 && (start_guests() || step_one() || advance())) {
  }
  (void)broken();  // one that did not even come to its start
  machine_.calendar.stop();
}

}  // namespace vfsim::bench
