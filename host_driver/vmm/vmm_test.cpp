// The migration procedure with guests, devices and a channel that exist in memory only.
#include "host_driver/vmm/vmm.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/interface/layout.h"
#include "host_driver/cmd/command_channel.hpp"
#include "host_driver/migration/fsm.hpp"
#include "host_driver/platform/fake_os.hpp"
#include "host_driver/vmm/message.hpp"

namespace vfsim::driver {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;
using S = MigState;
using Bytes = std::vector<std::uint8_t>;

/// One end of a line with a rate: sending takes time.
class PipeEnd : public Channel {
 public:
  struct Line {
    explicit Line(Os& machine) : os(machine), arrived(machine.make_event()) {}
    Os& os;
    std::deque<Bytes> messages;
    std::unique_ptr<Event> arrived;
    bool closed = false;
  };
  PipeEnd(std::shared_ptr<Line> out, std::shared_ptr<Line> in, double bytes_per_ns)
      : out_(std::move(out)), in_(std::move(in)), rate_(bytes_per_ns) {}

  Result<void> send(const Bytes& message) override {
    if (out_->closed) {
      return fail(EPIPE, "line is closed");
    }
    out_->os.sleep(Nanoseconds(
        static_cast<Nanoseconds::rep>(static_cast<double>(message.size()) / rate_) + 1));
    if (out_->closed) {
      return fail(EPIPE, "line was closed");
    }
    out_->messages.push_back(tamper ? tamper(message) : message);
    out_->arrived->notify();
    return success();
  }
  Result<Bytes> receive(Nanoseconds timeout) override {
    while (in_->messages.empty()) {
      if (in_->closed) {
        return fail(EPIPE, "peer is gone");
      }
      if (!in_->arrived->wait(timeout)) {
        return fail(ETIMEDOUT, "nothing came");
      }
    }
    Bytes front = std::move(in_->messages.front());
    in_->messages.pop_front();
    return front;
  }
  void close() override {
    for (Line* line : {out_.get(), in_.get()}) {
      line->closed = true;
      line->arrived->notify();
    }
  }
  std::function<Bytes(Bytes)> tamper;

 private:
  std::shared_ptr<Line> out_, in_;
  double rate_;
};

using Log = std::vector<std::string>;

/// A device whose state is a string; in PRE_COPY it has some data per query.
class MemoryDevice : public VfioDevice {
 public:
  MemoryDevice(std::string name, std::uint64_t flags, Log& log)
      : name_(std::move(name)), flags_(flags), log_(log) {}

  class Stream : public MigStream {
   public:
    explicit Stream(MemoryDevice& device) : device_(device) {}
    Result<Bytes> read(std::size_t bytes, bool) override {
      if (dead) {
        return fail(ENODEV, "");
      }
      Bytes out(data.begin(),
                data.begin() + static_cast<std::ptrdiff_t>(std::min(bytes, data.size())));
      data.erase(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(out.size()));
      if (out.empty() && device_.now == S::pre_copy) {
        return fail(ENOMSG, "");
      }
      return out;
    }
    Result<std::size_t> write(const std::uint8_t* from, std::size_t bytes) override {
      if (dead) {
        return fail(ENODEV, "");
      }
      data.insert(data.end(), from, from + bytes);
      return bytes;
    }
    Result<std::size_t> seek(std::uint64_t) override { return fail(ESPIPE, ""); }
    std::uint32_t poll() override { return 1; }
    Result<PrecopyInfo> precopy_info() override { return PrecopyInfo{false, 0, data.size()}; }
    Bytes data;
    bool dead = false;

   private:
    MemoryDevice& device_;
  };

  std::uint64_t migration_flags() const override { return flags_; }
  Result<S> state() override { return now; }
  Result<std::shared_ptr<MigStream>> set_state(S target) override {
    std::shared_ptr<MigStream> opened;
    const int outcome = walk_mig_states(flags_, now, target, [&](S from, S to) {
      if (refuse == to) {
        if (on_refuse) {
          on_refuse();
        }
        return false;
      }
      opened = arc(from, to);
      now = to;
      log_.push_back(name_ + ":" + to_string(to));
      return true;
    });
    if (outcome != 0) {
      return fail(outcome == EINVAL ? EINVAL : EIO, name_ + " refuses");
    }
    return opened;
  }
  Result<void> reset() override {
    end();
    now = S::running;
    content.clear();
    log_.push_back(name_ + ":reset");
    return success();
  }
  Result<std::uint64_t> data_size() override { return std::uint64_t{content.size()}; }
  bool logging_supported() const override { return tracks; }
  Result<std::uint64_t> logging_start(std::uint64_t page, const std::vector<IovaRange>&) override {
    if (!tracks) {
      return fail(ENOTTY, "");
    }
    logging = true;
    return page;
  }
  Result<void> logging_stop() override {
    logging = false;
    return success();
  }
  Result<std::vector<std::uint64_t>> logging_report(std::uint64_t, std::uint64_t) override {
    if (!logging) {
      return fail(EINVAL, "");
    }
    log_.push_back(name_ + ":report");
    return std::exchange(dirty, {});
  }
  Result<Bytes> save_config() override { return Bytes{1, 2, 3}; }
  Result<void> restore_config(const Bytes& bytes) override {
    config = bytes;
    log_.push_back(name_ + ":config");
    return success();
  }

  S now = S::running;
  S refuse = S::error;  // an arc into this state fails
  std::function<void()> on_refuse;
  std::string content;
  bool tracks = true, logging = false;
  std::vector<std::uint64_t> dirty;
  Bytes config;

 private:
  std::shared_ptr<MigStream> arc(S from, S to) {
    if (to == S::resuming || to == S::pre_copy || (to == S::stop_copy && !stream_)) {
      stream_ = std::make_shared<Stream>(*this);
      if (to == S::stop_copy) {
        stream_->data.assign(content.begin(), content.end());
      } else if (to == S::pre_copy) {
        stream_->data.assign(4, '.');
      }
      return stream_;
    }
    if (to == S::stop_copy) {
      stream_->data.insert(stream_->data.end(), content.begin(), content.end());
    } else if (from == S::resuming) {
      content.assign(stream_->data.begin(), stream_->data.end());
      end();
    } else if (from == S::stop_copy || ((from == S::pre_copy || from == S::pre_copy_p2p) &&
                                        (to == S::running || to == S::running_p2p))) {
      end();
    }
    return nullptr;
  }
  void end() {
    if (stream_) {
      stream_->dead = true;
      stream_ = nullptr;
    }
  }

  std::string name_;
  std::uint64_t flags_;
  Log& log_;
  std::shared_ptr<Stream> stream_;
};

class MemoryGuest : public GuestVm {
 public:
  MemoryGuest(std::uint8_t host, Log& log) : host_(host), log_(log) {}

  std::uint32_t id() const override { return 1; }
  std::uint8_t host() const override { return host_; }
  std::uint64_t memory_bytes() const override { return 1 << 20; }
  std::vector<std::uint64_t> used_pages() const override {
    std::vector<std::uint64_t> pages;
    for (const auto& [address, page] : memory) {
      if (std::any_of(page.begin(), page.end(), [](std::uint8_t b) { return b != 0; })) {
        pages.push_back(address);
      }
    }
    return pages;
  }
  void read_page(std::uint64_t gpa, std::uint8_t* to) const override {
    const auto found = memory.find(gpa);
    std::fill_n(to, kGuestPage, std::uint8_t{0});
    if (found != memory.end()) {
      std::copy(found->second.begin(), found->second.end(), to);
    }
  }
  void write_page(std::uint64_t gpa, const std::uint8_t* from) override {
    memory[gpa].assign(from, from + kGuestPage);
  }
  void cpu_log(bool on) override { logging = on; }
  std::vector<std::uint64_t> cpu_report() override {
    if (on_report) {
      on_report();
    }
    std::vector<std::uint64_t> pages(dirty.begin(), dirty.end());
    dirty.clear();
    return pages;
  }
  void stop_vcpus() override {
    running = false;
    log_.push_back("stop_vcpus");
  }
  void start_vcpus() override {
    running = true;
    log_.push_back("start_vcpus");
  }
  void take_over() override { log_.push_back("take_over"); }
  std::vector<VfioDevice*> devices() override { return list; }

  void store(std::uint64_t address, std::uint8_t value) {
    auto& page = memory[address & ~(kGuestPage - 1)];
    page.resize(kGuestPage);
    page[address % kGuestPage] = value;
    dirty.insert(address & ~(kGuestPage - 1));
  }

  std::map<std::uint64_t, Bytes> memory;
  std::set<std::uint64_t> dirty;
  std::function<void()> on_report;
  bool running = false, logging = false;
  std::vector<VfioDevice*> list;

 private:
  std::uint8_t host_;
  Log& log_;
};

/// Two hosts, two devices: one with all flags, one without PRE_COPY.
struct World {
  explicit World(double bytes_per_ns = 10.0) {
    const auto there = std::make_shared<PipeEnd::Line>(os),
               back = std::make_shared<PipeEnd::Line>(os);
    near = std::make_unique<PipeEnd>(there, back, bytes_per_ns);
    far = std::make_unique<PipeEnd>(back, there, bytes_per_ns);
    source.list = {&vf_a, &peer_a};
    target.list = {&vf_b, &peer_b};
    vf_a.content = "state of the vf";
    peer_a.content = "state of the peer";
    source.running = true;
    for (std::uint64_t i = 0; i < 40; ++i) {
      source.store(i * kGuestPage + i, static_cast<std::uint8_t>(i + 1));
    }
    source.dirty.clear();
  }
  void run() {
    bool ended = false;
    os.spawn("destination", [&] {
      Vmm vmm(os, params, {nullptr, fail_in, 0});
      in = vmm.migrate_in(target, *far).value();
      ended = true;
    });
    Vmm vmm(os, params, {observer, fail_out, fail_skip});
    source_vmm = &vmm;
    out = vmm.migrate_out(source, *near).value();
    os.sleep(Nanoseconds(1'000'000'000));
    if (!ended) {
      near->close();
      os.sleep(Nanoseconds(1'000'000'000));
    }
    EXPECT_TRUE(ended);
  }
  void expect_source_untouched() const {
    EXPECT_TRUE(source.running);
    EXPECT_FALSE(target.running);
    EXPECT_EQ(vf_a.now, S::running);
    EXPECT_EQ(peer_a.now, S::running);
    EXPECT_FALSE(vf_a.logging);
    EXPECT_FALSE(source.logging);
    EXPECT_EQ(std::count(log_b.begin(), log_b.end(), "start_vcpus"), 0);
    EXPECT_EQ(vf_b.now, S::running);
    EXPECT_EQ(peer_b.now, S::running);
    EXPECT_EQ(std::count(log_a.begin(), log_a.end(), "vf:reset"), 0);
  }

  FakeOs os;
  Log log_a, log_b;
  MemoryDevice vf_a{"vf", 7, log_a}, peer_a{"peer", 3, log_a}, vf_b{"vf", 7, log_b},
      peer_b{"peer", 3, log_b};
  MemoryGuest source{0, log_a}, target{1, log_b};
  std::unique_ptr<PipeEnd> near, far;
  VmmParams params;
  std::string fail_out, fail_in;
  std::uint32_t fail_skip = 0;
  DriverObserver* observer = nullptr;
  Vmm* source_vmm = nullptr;
  MigrationReport out, in;
};

std::ptrdiff_t place(const Log& log, const std::string& entry, bool last = false) {
  if (last) {
    return log.rend() - std::find(log.rbegin(), log.rend(), entry) - 1;
  }
  return std::find(log.begin(), log.end(), entry) - log.begin();
}

TEST(Vmm, MovesMemoryAndDevices) {
  World world;
  world.target.store(0x55000, 9);  // left over from somebody else
  world.run();
  ASSERT_EQ(world.out.outcome, "completed") << world.out.error.text;
  EXPECT_EQ(world.in.outcome, "completed");
  EXPECT_FALSE(world.source.running);
  EXPECT_TRUE(world.target.running);
  EXPECT_EQ(world.vf_b.content.substr(world.vf_b.content.size() - 15), "state of the vf");
  EXPECT_EQ(world.peer_b.content, "state of the peer");
  EXPECT_EQ(world.vf_b.config, (Bytes{1, 2, 3}));
  EXPECT_EQ(world.source.used_pages(), world.target.used_pages());
  for (const std::uint64_t page : world.source.used_pages()) {
    EXPECT_EQ(world.source.memory.at(page), world.target.memory.at(page));
  }
  EXPECT_EQ(world.vf_a.now, S::stop);
  EXPECT_FALSE(world.vf_a.logging);
  EXPECT_FALSE(world.source.logging);
  EXPECT_GT(world.out.downtime_ns, 0U);
  EXPECT_GE(world.out.pages, 40U);
  EXPECT_EQ(world.out.state_bytes, world.in.state_bytes);
  EXPECT_EQ(world.out.memory_bytes, world.in.memory_bytes);
}

TEST(Vmm, EveryDeviceStagesBeforeOneGoesOn) {
  World world;
  world.run();
  const Log& a = world.log_a;
  const auto staged = std::max(place(a, "vf:PRE_COPY_P2P"), place(a, "peer:RUNNING_P2P"));
  EXPECT_LT(place(a, "stop_vcpus"), place(a, "vf:PRE_COPY_P2P"));
  EXPECT_LT(staged, std::min(place(a, "vf:STOP_COPY"), place(a, "peer:STOP")));
  EXPECT_LT(staged, place(a, "vf:report", true));
  const Log& b = world.log_b;
  EXPECT_LT(std::max(place(b, "vf:config"), place(b, "peer:config")),
            place(b, "vf:RUNNING_P2P", true));
  EXPECT_LT(std::max(place(b, "vf:RUNNING_P2P", true), place(b, "peer:RUNNING_P2P", true)),
            std::min(place(b, "vf:RUNNING", true), place(b, "peer:RUNNING", true)));
  EXPECT_LT(place(b, "take_over"),
            std::min(place(b, "vf:RUNNING_P2P", true), place(b, "peer:RUNNING_P2P", true)));
  EXPECT_EQ(b.back(), "start_vcpus");
  EXPECT_EQ(place(a, "take_over"), static_cast<std::ptrdiff_t>(a.size()));
}

TEST(Vmm, DirtyPagesOfDevicesAndVcpusArrive) {
  World world;
  int reports = 0;
  world.source.on_report = [&] {
    if (++reports == 1) {
      world.source.store(0x3000, 77);                      // CPU
      world.source.memory[0x90000].assign(kGuestPage, 5);  // DMA
      world.vf_a.dirty = {0x90000};
      world.source.memory[0x4000].assign(kGuestPage, 0);  // becomes zero
      world.source.dirty.insert(0x4000);
    }
  };
  world.run();
  ASSERT_EQ(world.out.outcome, "completed");
  EXPECT_EQ(world.target.memory.at(0x3000)[0], 77);
  EXPECT_EQ(world.target.memory.at(0x90000)[100], 5);
  EXPECT_EQ(world.target.memory.at(0x4000)[4], 0);
}

TEST(Vmm, AGuestThatNeverSettlesIsSwitchedOverAfterTheLastRound) {
  World world(0.001);
  world.params.max_rounds = 6;
  world.source.on_report = [&] {
    for (std::uint64_t i = 0; i < 40; ++i) {
      world.source.store(i * kGuestPage, static_cast<std::uint8_t>(world.source.memory[0][0] + 1));
    }
  };
  world.run();
  EXPECT_EQ(world.out.outcome, "completed");
  EXPECT_EQ(world.out.precopy_rounds, 6U);
  EXPECT_GE(world.out.pages, 6 * 40U);
}

TEST(Vmm, WithoutPrecopyEverythingGoesAtTheEnd) {
  World world;
  world.params.precopy = false;
  world.run();
  ASSERT_EQ(world.out.outcome, "completed");
  EXPECT_EQ(world.out.precopy_rounds, 0U);
  EXPECT_EQ(world.out.pages, 40U);
  EXPECT_EQ(world.vf_b.content, "state of the vf");
}

TEST(Vmm, ADeviceThatCannotTrackHasAllPagesSentAgain) {
  World world;
  world.peer_a.tracks = false;
  world.run();
  ASSERT_EQ(world.out.outcome, "completed");
  EXPECT_GE(world.out.pages, 80U);
}

TEST(Vmm, FailureAtEverySourceStepLeavesTheSourceRunning) {
  for (const std::string_view name : vmm_step_names()) {
    if (name.substr(0, 3) == "in_") {
      continue;
    }
    SCOPED_TRACE(std::string(name));
    World world;
    world.fail_out = std::string(name);
    world.run();
    EXPECT_EQ(world.out.outcome, "rolled_back");
    EXPECT_EQ(world.out.error.code, EIO);
    EXPECT_EQ(world.out.failed_step, name);
    EXPECT_EQ(world.in.outcome, "cleaned");
    world.expect_source_untouched();
  }
}

TEST(Vmm, FailureAtEveryDestinationStepLeavesTheSourceRunning) {
  for (const std::string_view name : vmm_step_names()) {
    if (name.substr(0, 3) != "in_") {
      continue;
    }
    SCOPED_TRACE(std::string(name));
    World world;
    world.fail_in = std::string(name);
    world.run();
    EXPECT_EQ(world.in.failed_step, name);
    EXPECT_EQ(world.in.outcome, "cleaned");
    EXPECT_EQ(world.out.outcome, "rolled_back");
    EXPECT_NE(world.out.error.text.find("injected failure"), std::string::npos)
        << world.out.error.text;
    world.expect_source_untouched();
  }
}

TEST(Vmm, FailureOfADeviceCall) {
  for (const S state : {S::pre_copy, S::pre_copy_p2p, S::stop_copy}) {
    SCOPED_TRACE(to_string(state));
    World world;
    world.vf_a.refuse = state;
    world.run();
    EXPECT_EQ(world.out.outcome, "rolled_back");
    world.expect_source_untouched();
  }
  World world;
  world.peer_b.refuse = S::resuming;
  world.run();
  EXPECT_EQ(world.out.outcome, "rolled_back");
  world.expect_source_untouched();
}

TEST(Vmm, TheDestinationRefusesUntilADeviceRunsThere) {
  World first;
  first.vf_b.refuse = S::running;
  first.run();
  EXPECT_EQ(first.out.outcome, "rolled_back");
  first.expect_source_untouched();

  World second;
  second.peer_b.refuse = S::running;
  second.run();
  EXPECT_EQ(second.out.outcome, "completed");
  EXPECT_EQ(second.in.outcome, "reset");
  EXPECT_TRUE(second.target.running);
  EXPECT_FALSE(second.source.running);
  EXPECT_EQ(second.vf_a.now, S::stop);
  EXPECT_EQ(second.peer_b.now, S::running);
  EXPECT_EQ(std::count(second.log_b.begin(), second.log_b.end(), "vf:reset"), 0);
}

TEST(Vmm, ADeviceThatRunsAtTheSecondTryKeepsItsState) {
  World world;
  world.peer_b.refuse = S::running;
  world.peer_b.on_refuse = [&] { world.peer_b.refuse = S::error; };
  world.run();
  EXPECT_EQ(world.out.outcome, "completed");
  EXPECT_EQ(world.in.outcome, "completed");
  EXPECT_EQ(world.peer_b.content, "state of the peer");
  EXPECT_EQ(world.log_b.back(), "start_vcpus");
}

TEST(Vmm, RollBackTakesOverThenStagesThenRuns) {
  World world;
  world.fail_out = "save_config";
  world.run();
  const Log& a = world.log_a;
  EXPECT_LT(place(a, "take_over"),
            std::min(place(a, "vf:RUNNING_P2P", true), place(a, "peer:RUNNING_P2P", true)));
  EXPECT_LT(std::max(place(a, "vf:RUNNING_P2P", true), place(a, "peer:RUNNING_P2P", true)),
            std::min(place(a, "vf:RUNNING", true), place(a, "peer:RUNNING", true)));
  EXPECT_EQ(a.back(), "start_vcpus");
}

TEST(Vmm, ADeviceThatWillNotRunAgainIsReset) {
  World world;
  world.fail_out = "last_devices";
  world.vf_a.refuse = S::running;
  world.run();
  EXPECT_EQ(world.out.outcome, "reset");
  EXPECT_TRUE(world.source.running);
  EXPECT_EQ(world.vf_a.now, S::running);
}

TEST(Vmm, CancelDuringARound) {
  World world;
  world.source.on_report = [&] { world.source_vmm->cancel(); };
  world.params.downtime_limit_us = 1;
  world.run();
  EXPECT_EQ(world.out.outcome, "cancelled");
  EXPECT_EQ(world.out.error.code, ECANCELED);
  world.expect_source_untouched();
}

TEST(Vmm, ClosedLineBeforeTheLastWord) {
  World world;
  int messages = 0;
  world.near->tamper = [&](Bytes message) {
    if (++messages == 3) {
      world.far->close();
    }
    return message;
  };
  world.run();
  EXPECT_EQ(world.out.outcome, "rolled_back");
  EXPECT_EQ(world.out.error.code, EPIPE);
  world.expect_source_untouched();
}

TEST(Vmm, ARefusalMayTakeAsLongAsACommandThatTimesOut) {
  World world;
  world.params.command_timeout_ms = 1;
  world.vf_b.refuse = S::running_p2p;
  world.vf_b.on_refuse = [&] { world.os.sleep(CommandOptions{}.late_poll); };
  world.run();
  EXPECT_EQ(world.out.outcome, "rolled_back");
  world.expect_source_untouched();
}

TEST(Vmm, LostAnswerAfterTheLastWordKeepsTheSourceStopped) {
  World world;
  world.far->tamper = [&](Bytes message) {
    if (message[4] == static_cast<std::uint8_t>(MessageType::running)) {
      message.clear();
    }
    return message;
  };
  world.run();
  EXPECT_EQ(world.out.outcome, "unknown");
  EXPECT_FALSE(world.source.running);
  EXPECT_TRUE(world.target.running);
}

TEST(Vmm, DamagedMessagesAreRefused) {
  for (const std::size_t byte : {0U, 4U, 16U, 20U, 24U, 28U, 40U}) {
    SCOPED_TRACE(byte);
    World world;
    int messages = 0;
    world.near->tamper = [&](Bytes message) {
      if (++messages == 2) {
        message[byte] ^= 0x40;
      }
      return message;
    };
    world.run();
    EXPECT_EQ(world.in.error.code, EINVAL);
    EXPECT_EQ(world.out.outcome, "rolled_back");
    world.expect_source_untouched();
  }
}

TEST(Vmm, UnequalMachinesAreRefusedAtOnce) {
  World world;
  world.target.list.pop_back();
  world.run();
  EXPECT_EQ(world.in.error.code, EINVAL);
  EXPECT_EQ(world.out.outcome, "rolled_back");
  EXPECT_EQ(world.out.failed_step, "setup");
  EXPECT_TRUE(world.source.running);
}

TEST(Vmm, UnknownStepNameIsRefused) {
  World world;
  Vmm vmm(world.os, world.params, {nullptr, "no_such_step", 0});
  EXPECT_EQ(vmm.migrate_out(world.source, *world.near).error().code, EINVAL);
}

class PhaseLog : public DriverObserver {
 public:
  void phase(std::uint32_t, std::string_view name, bool begin) override {
    lines.push_back((begin ? "+" : "-") + std::string(name));
  }
  void vcpus(std::uint32_t, std::uint8_t host, bool running) override {
    lines.push_back("host" + std::to_string(host) + (running ? " runs" : " stops"));
  }
  Log lines;
};

TEST(Vmm, ObserverSeesPhasesInOrder) {
  World world;
  PhaseLog phases;
  world.observer = &phases;
  world.run();
  EXPECT_THAT(phases.lines, testing::ElementsAre("+setup", "-setup", "+precopy", "-precopy",
                                                 "+stop", "host0 stops", "-stop", "+last_pages",
                                                 "-last_pages", "+last_devices", "-last_devices",
                                                 "+resume", "-resume", "+cleanup", "-cleanup"));
  for (std::size_t i = 1; i < world.out.phases.size(); ++i) {
    EXPECT_EQ(world.out.phases[i].begin, world.out.phases[i - 1].end);
  }
}

}  // namespace
}  // namespace vfsim::driver
