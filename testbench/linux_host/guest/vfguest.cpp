// vfguest: the project's own guest driver on a VF, over VFIO. See usage().
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "host_driver/vfio/vfio_platform.hpp"
#include "testbench/linux_host/guest/control.hpp"
#include "testbench/linux_host/guest/reporting_device.hpp"
#include "testbench/linux_host/guest/traffic.hpp"
#include "testbench/workload/frames.hpp"

namespace vfsim::guest {
namespace {

using driver::fail;
using driver::Result;
using driver::VfioFunction;

constexpr std::uint32_t kVectors = 2;  // commands and asynchronous events, completions
constexpr driver::Nanoseconds kPatience{50'000'000};
constexpr std::size_t kMostLocked = 64;  // times the pool

struct Options {
  std::uint32_t pool_kib = 1024;  // rings, buffers and the pages of the firmware take half of it
  std::uint32_t log_ring = 6;
  TrafficOptions traffic;
};

void usage() {
  std::printf(
      "usage: vfguest start NAME VF [--guest N] [--bytes N] [--gap-ns N] [--burst N] [--pool-kib "
      "N] [--log-ring N]\n"
      "           brings VF up: a name that migctl has opened, or the address of a function bound\n"
      "           to vfio-pci; stays in the background as NAME; its address is "
      "02:76:66:00:00:GUEST\n"
      "       vfguest NAME COMMAND\n"
      "  send FRAMES   send so many frames, in the background; the wire sends each of them back\n"
      "  wait          until all are back, or nothing has moved for 50 ms\n"
      "  pause         stop all threads of the driver, as a VMM stops virtual CPUs\n"
      "  move VF       go on with another function, while paused\n"
      "  resume        let the threads run again\n"
      "  renew         give up a function that was reset, and bring it up again\n"
      "  pool          the memory that the device may write, as ranges ADDRESS+LENGTH\n"
      "  watch         from now on notice which pages only the device writes\n"
      "  collect       which pages the device has changed since the last time\n"
      "  check FILE    every page collected must be in this file of a report (migctl dirty "
      "report)\n"
      "                that came later, or in that of the check before\n"
      "  report        what was sent and came back\n"
      "  stop          take the function down; says what is inconsistent\n"
      "Exit status 1: it failed, or frames came back wrong; 2: wrong use.\n");
}

struct Opened {
  std::unique_ptr<VfioFunction> function;
  std::string address;
};

/// A function that migctl holds open, or one that is opened here.
Result<Opened> get_function(const std::string& name) {
  if (name.find(':') != std::string::npos) {
    BOOST_OUTCOME_TRY(function, VfioFunction::open(name));
    return Opened{std::move(function), name};
  }
  BOOST_OUTCOME_TRY(reply, ask({"migctl"}, {name, "share"}));
  if (reply.status != kDone || reply.files.size() != 3) {
    return fail(ENODEV, name + ": " + reply.text);
  }
  BOOST_OUTCOME_TRY(function, VfioFunction::adopt({std::move(reply.files[0]), std::move(reply.files[1]),
                                                   std::move(reply.files[2])}));
  return Opened{std::move(function), reply.text};
}

/// Rings and buffers each need addresses in a row. The free memory of a kernel that has worked for a
/// while lies in pieces: then more is locked, until a large one is among it.
Result<driver::LockedMemory> lock_memory(const Options& options,
                                         std::vector<driver::DmaPage>& pages) {
  const std::size_t pool = std::size_t{options.pool_kib} * 1024;
  const driver::File map(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  for (std::size_t times = 1;; times *= 4) {
    BOOST_OUTCOME_TRY(memory, driver::LockedMemory::map(times * pool));
    BOOST_OUTCOME_TRY(found, memory.physical_pages(map.fd()));
    pages = driver::longest_rows(std::move(found), pool / 4096);
    if (driver::DmaPool(pages).largest() >= pool / 2 || times >= kMostLocked) {
      return std::move(memory);
    }
  }
}

driver::EthOptions driver_options(const Options& options) {
  driver::EthOptions eth;
  eth.mac = bench::guest_mac(options.traffic.guest);
  eth.log_sq_size = eth.log_rq_size = static_cast<std::uint8_t>(options.log_ring);
  return eth;
}

class Guest {
 public:
  Guest(std::string name, const Options& options) : name_(std::move(name)), options_(options) {}

  Result<std::string> start(const std::string& function);
  Answer run(const Words& words);
  [[nodiscard]] bool ended() const { return ended_; }
  /// Runs `wait` while the driver's threads may run, too, unless they are paused.
  void let_run(const std::function<void()>& wait) {
    if (paused_) {
      wait();
    } else {
      const driver::PosixOs::Outside outside(os_);
      wait();
    }
  }

 private:
  struct Command;
  static const Command kCommands[];
  using Line = Result<std::string>;

  Line send(const std::string& frames);
  Line wait(const std::string&);
  Line pause(const std::string&);
  Line move(const std::string& function);
  Line resume(const std::string&);
  Line renew(const std::string&);
  Line pool(const std::string&);
  Line watch(const std::string&);
  Line collect(const std::string&);
  Line check(const std::string& file);
  Line report(const std::string&);
  Line stop(const std::string&);

  std::string name_;
  Options options_;
  driver::PosixOs os_{[this](driver::LogLevel level, std::string_view text) {
    if (level <= driver::LogLevel::warning) {
      std::fprintf(stderr, "%s: %.*s\n", name_.c_str(), static_cast<int>(text.size()), text.data());
    }
  }};
  std::unique_ptr<driver::LockedMemory> memory_;
  std::unique_ptr<driver::DmaPool> pool_;
  std::unique_ptr<driver::VfioPlatform> platform_;
  std::unique_ptr<driver::EthDriver> driver_;
  FrameReport frames_{options_.traffic.guest, tell_console};
  std::unique_ptr<Traffic> traffic_;
  std::vector<std::uint64_t> collected_;
  std::set<std::uint64_t> reported_before_;
  bool paused_ = false;
  bool ended_ = false;
};

struct Guest::Command {
  const char* name;
  bool argument;
  bool while_paused;
  Line (Guest::*run)(const std::string&);
};

const Guest::Command Guest::kCommands[] = {
    {"send", true, false, &Guest::send},       {"wait", false, false, &Guest::wait},
    {"pause", false, false, &Guest::pause},    {"move", true, true, &Guest::move},
    {"resume", false, true, &Guest::resume},   {"renew", false, false, &Guest::renew},
    {"pool", false, true, &Guest::pool},       {"watch", false, true, &Guest::watch},
    {"collect", false, true, &Guest::collect}, {"check", true, true, &Guest::check},
    {"report", false, true, &Guest::report},   {"stop", false, false, &Guest::stop},
};

Result<std::string> Guest::start(const std::string& function) {
  std::vector<driver::DmaPage> pages;
  BOOST_OUTCOME_TRY(memory, lock_memory(options_, pages));
  memory_ = std::make_unique<driver::LockedMemory>(std::move(memory));
  pool_ = std::make_unique<driver::DmaPool>(std::move(pages));
  BOOST_OUTCOME_TRY(opened, get_function(function));
  BOOST_OUTCOME_TRY(platform,
                    driver::VfioPlatform::create(os_, *pool_, std::move(opened.function), kVectors));
  platform_ = std::move(platform);
  driver_ = std::make_unique<driver::EthDriver>(*platform_, driver_options(options_));
  BOOST_OUTCOME_TRYV(driver_->probe());
  frames_.uses(opened.address);
  traffic_ = std::make_unique<Traffic>(os_, *driver_, frames_, options_.traffic);
  const auto& mac = driver_->mac();
  return fmt::format(
      "driver is up, {:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}, link {}, {} pages for the firmware",
      mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], driver_->link_up() ? "up" : "down",
      driver_->firmware_pages());
}

Answer Guest::run(const Words& words) {
  const auto command = find_command(kCommands, words);
  if (command == std::end(kCommands)) {
    return unknown_command(kCommands, words);
  }
  if (words.size() != (command->argument ? 2U : 1U)) {
    return {kWrongUse,
            fmt::format("'{}' takes {}", command->name, command->argument ? "one word" : "nothing"),
            {}};
  }
  if (paused_ && !command->while_paused) {
    return {kRefused, name_ + ": paused; 'resume' comes first", {}};
  }
  const Line line = (this->*command->run)(words.size() > 1 ? words[1] : "");
  return line ? Answer{kDone, name_ + ": " + line.value(), {}}
              : Answer{kRefused, name_ + ": " + line.error().text, {}};
}

Guest::Line Guest::send(const std::string& frames) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(frames.data(), frames.data() + frames.size(), count);
  if (error != std::errc() || end != frames.data() + frames.size() || count == 0) {
    return fail(EINVAL, "'" + frames + "' is no number of frames");
  }
  BOOST_OUTCOME_TRYV(traffic_->send(count));
  return "sending " + frames + " frames";
}

Guest::Line Guest::wait(const std::string&) {
  return traffic_->wait(kPatience) ? report("")
                                   : Line(fail(ETIMEDOUT, "nothing moves; " + traffic_->report()));
}

Guest::Line Guest::pause(const std::string&) {
  paused_ = true;  // this thread keeps the turn from now on
  return std::string("paused");
}

Guest::Line Guest::move(const std::string& function) {
  if (!paused_) {
    return fail(EBUSY, "only a paused guest can move");
  }
  BOOST_OUTCOME_TRY(opened, get_function(function));
  BOOST_OUTCOME_TRYV(platform_->move_to(std::move(opened.function)));
  frames_.uses(opened.address);
  return "is on " + function + " now";
}

Guest::Line Guest::resume(const std::string&) {
  paused_ = false;
  return std::string("running");
}

Guest::Line Guest::renew(const std::string&) {
  traffic_->pause();
  driver_->give_up();
  traffic_->abandon();
  BOOST_OUTCOME_TRYV(driver_->probe());
  traffic_->resume();
  return std::string("driver is up again");
}

Guest::Line Guest::pool(const std::string&) {
  std::string text;
  std::uint64_t begin = 0, end = 0;
  const auto flush = [&] {
    if (end > begin) {
      text += fmt::format(" {:#x}+{:#x}", begin, end - begin);
    }
  };
  for (const driver::DmaPage& page : pool_->pages()) {
    if (page.address != end) {
      flush();
      begin = page.address;
    }
    end = page.address + 4096;
  }
  flush();
  return "pool" + text;
}

Guest::Line Guest::watch(const std::string&) {
  pool_->start_watch();
  return std::string("watching");
}

Guest::Line Guest::collect(const std::string&) {
  collected_ = pool_->device_written();
  return fmt::format("{} pages changed by the device", collected_.size());
}

Guest::Line Guest::check(const std::string& file) {
  std::set<std::uint64_t> reported;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    reported.insert(std::stoull(line, nullptr, 0));
  }
  // written behind the last collect, but before the report that followed it: that one has it
  const auto named = [&](std::uint64_t page) {
    return reported.count(page) != 0 || reported_before_.count(page) != 0;
  };
  const auto missed = std::find_if_not(collected_.begin(), collected_.end(), named);
  if (missed != collected_.end()) {
    return fail(EIO, fmt::format("the device wrote page {:#x}, and no report names it", *missed));
  }
  reported_before_ = std::move(reported);
  return fmt::format("all {} pages changed are among those of this report and the one before",
                     collected_.size());
}

Guest::Line Guest::report(const std::string&) {
  return traffic_->clean() ? Line(traffic_->report()) : Line(fail(EIO, traffic_->report()));
}

Guest::Line Guest::stop(const std::string&) {
  ended_ = true;
  traffic_->stop();
  (void)traffic_->wait(kPatience);  // what is under way is not lost
  std::string findings;
  for (const std::string& finding : driver_->self_check()) {
    findings += "; " + finding;
  }
  BOOST_OUTCOME_TRYV(driver_->remove());
  traffic_->leave();
  return findings.empty() ? Line("driver is down") : Line(fail(EIO, "inconsistent" + findings));
}

/// Options behind "start NAME VF". Empty: well; otherwise what is wrong.
std::string parse(const Words& words, Options& options) {
  if (words.size() < 3) {
    return "usage: vfguest start NAME VF [options]";
  }
  for (std::size_t i = 3; i < words.size(); i += 2) {
    std::uint32_t value = 0;
    const std::string& text = i + 1 < words.size() ? words[i + 1] : "";
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
      return words[i] + " needs a number";
    }
    if (words[i] == "--bytes") {
      options.traffic.frame_bytes = value;
    } else if (words[i] == "--guest") {
      options.traffic.guest = value;
    } else if (words[i] == "--gap-ns") {
      options.traffic.gap = driver::Nanoseconds(value);
    } else if (words[i] == "--burst") {
      options.traffic.burst = value;
    } else if (words[i] == "--pool-kib") {
      options.pool_kib = value;
    } else if (words[i] == "--log-ring") {
      options.log_ring = value;
    } else {
      return "unknown option '" + words[i] +
             "'; allowed are --guest --bytes --gap-ns --burst --pool-kib --log-ring";
    }
  }
  return options.traffic.frame_bytes < 60 || options.traffic.frame_bytes > 2048
             ? "--bytes: allowed are 60 to 2048"
         : options.traffic.guest > 255                   ? "--guest: allowed are 0 to 255"
         : options.traffic.burst < 1                     ? "--burst: allowed is 1 and above"
         : options.log_ring < 2 || options.log_ring > 12 ? "--log-ring: allowed are 2 to 12"
                                                         : "";
}

class Guests final : public Service {
 public:
  Answer execute(const Words& words) override {
    if (!words.empty() && words[0] == "start") {
      return start(words);
    }
    const auto found = words.size() < 2 ? guests_.end() : guests_.find(words[0]);
    if (found == guests_.end()) {
      return {kWrongUse,
              (words.size() < 2 ? "usage: vfguest NAME COMMAND" : words[0] + " is not started"),
              {}};
    }
    Guest& guest = *found->second;
    Answer answer;
    let_run(guests_.begin(), &guest,
            [&] { answer = guest.run(Words(words.begin() + 1, words.end())); });
    if (guest.ended()) {
      guests_.erase(found);
    }
    return answer;
  }
  /// All guests run meanwhile, but for those that are paused.
  void idle(const std::function<void()>& wait) override { let_run(guests_.begin(), nullptr, wait); }

 private:
  using Map = std::map<std::string, std::unique_ptr<Guest>>;

  /// Calls `wait` while the guests from `at` on run, but for one.
  void let_run(Map::iterator at, const Guest* except, const std::function<void()>& wait) {
    if (at == guests_.end()) {
      wait();
      return;
    }
    const auto others = [&] { let_run(std::next(at), except, wait); };
    if (at->second.get() == except) {
      others();
    } else {
      at->second->let_run(others);
    }
  }
  Answer start(const Words& words) {
    Options options;
    const std::string wrong = parse(words, options);
    if (!wrong.empty() || guests_.count(words[1]) != 0) {
      return {kWrongUse, wrong.empty() ? words[1] + " is started already" : wrong, {}};
    }
    const std::string& name = words[1];
    auto guest = std::make_unique<Guest>(name, options);
    const auto up = guest->start(words[2]);
    if (!up) {
      return {kRefused, name + ": " + up.error().text, {}};
    }
    guests_.emplace(name, std::move(guest));
    return {kDone, name + ": " + up.value(), {}};
  }

  Map guests_;
};

}  // namespace
}  // namespace vfsim::guest

int main(int argc, char** argv) {
  using namespace vfsim::guest;
  return run_program({"vfguest", "start", usage, [] { return std::make_unique<Guests>(); }},
                     Words(argv + 1, argv + argc));
}
