#include "testbench/linux_host/vm_follower.hpp"

#include <cstring>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace vfsim::bench {
namespace {

using model::FnRef;

constexpr std::uint64_t kPages = 16;
constexpr std::uint64_t kStart = 0x8000;
constexpr FnRef kA{0, kVmFunction};
constexpr FnRef kB{1, kVmFunction};

/// Where the VM's CPUs run, as the probes hear it.
struct Cpus final : model::Observer {
  void vcpu(model::Ps, std::uint32_t, bool running, std::uint8_t host) override {
    text += fmt::format("{}{} ", running ? "runs" : "stops", host);
  }
  std::string take() { return std::exchange(text, ""); }
  std::string text;
};

/// The machine without kernels: the test says what the drivers' commands did.
class VmFollowerTest : public testing::Test {
 protected:
  VmFollowerTest() {
    EXPECT_EQ(ftruncate(file_.get(), kPages * VmMemory::kPage), 0);
    memory_ = static_cast<char*>(mmap(nullptr, kPages * VmMemory::kPage, PROT_READ | PROT_WRITE,
                                      MAP_SHARED, file_.get(), 0));
    EXPECT_TRUE(vm_.guest_memory(file_.get(), 0, kStart, kPages * VmMemory::kPage));
    machine_.probes.subscribe(cpus_, {model::Probe::driver});
  }
  ~VmFollowerTest() override { munmap(memory_, kPages * VmMemory::kPage); }

  void suspends(FnRef who) {
    now_ += 10;
    follower_.quiescing(now_ * model::kNs, who, Half::initiator);
    follower_.quiesced(now_ * model::kNs, who, Half::initiator);
    follower_.quiescing(now_ * model::kNs, who, Half::responder);
    follower_.quiesced(now_ * model::kNs, who, Half::responder);
  }
  void saves(FnRef who, std::size_t bytes) {
    now_ += 10;
    follower_.image_saved(now_ * model::kNs, who, {nullptr, bytes});
  }
  void loads(FnRef from, FnRef to) {
    now_ += 10;
    follower_.image_loaded(now_ * model::kNs, from, to);
  }
  void resumes(FnRef who) {
    now_ += 10;
    for (const Half half : {Half::responder, Half::initiator}) {
      follower_.resuming(now_ * model::kNs, who, half);
      follower_.resumed(now_ * model::kNs, who, half);
    }
  }
  void tracks(FnRef who, bool on) {
    now_ += 10;
    machine_.probes.emit<model::Probe::driver>(&model::Observer::dirty_tracking, now_ * model::kNs,
                                               who, on);
  }
  void reports(FnRef who) {
    machine_.probes.emit<model::Probe::driver>(&model::Observer::dirty_report, now_ * model::kNs,
                                               who, static_cast<const std::uint64_t*>(nullptr),
                                               std::size_t{0});
  }
  /// The VF of host A, at the begin of the VM's memory.
  void device_writes(const std::string& text) {
    model::Tlp tlp;
    tlp.kind = model::TlpKind::mem_write;
    tlp.phys = vm_.vm_memory().here().base + kStart;
    tlp.bytes = static_cast<std::uint32_t>(text.size() + 1);
    EXPECT_TRUE(machine_.hosts[0]->memory().write(tlp.phys, text.c_str(), tlp.bytes));
    const auto* payload = reinterpret_cast<const std::uint8_t*>(text.c_str());
    machine_.probes.emit<model::Probe::tlp_landed>(&model::Observer::tlp_landed, now_ * model::kNs,
                                                   std::uint8_t{0}, tlp, payload, true);
  }
  [[nodiscard]] model::Host* place() { return vm_.linux_guest().slot(0).place().host; }
  [[nodiscard]] std::uint64_t missed() const {
    return machine_.oracle.figures().missed_dirty_pages;
  }

  Scenario scenario_;
  LinuxMachine machine_{scenario_};
  SimNs now_ = 1000;
  int wakes_ = 0;
  volatile std::sig_atomic_t stop_ = 0;
  std::vector<VmMemory::Part> shared_;
  RunGuest vm_{machine_,
               {"V", "vm", 0, true, "", false},
               true,
               {[this] { return now_; }, [this] { ++wakes_; }, [](FnRef) { return false; },
                [](RunGuest&, const std::string&) { return ""; },
                [this](const VmMemory::Part& part) { shared_.push_back(part); }},
               stop_};
  CommandWatch commands_{machine_.probes, [] {}};
  VmCopier copier_{machine_.probes, machine_.oracle, vm_.vm_memory(), kVmFunction, {}};
  VmFollower follower_{
      machine_, vm_, commands_, copier_, [this] { return now_; }, [this] { ++wakes_; }};
  Descriptor file_{memfd_create("vm", MFD_CLOEXEC)};
  char* memory_ = nullptr;
  Cpus cpus_;
};

/// Phases of migrations, as the probes hear them.
struct Phases final : model::Observer {
  void phase(model::Ps t, std::uint32_t, const char* name, bool begin) override {
    text += fmt::format("{}{}@{} ", begin ? "+" : "-", name, t / model::kNs);
  }
  std::string text;
};

TEST_F(VmFollowerTest, waves_and_time_line_are_told_of_each_phase) {
  Phases phases;
  machine_.probes.subscribe(phases, {model::Probe::driver});
  follower_.started();
  EXPECT_EQ(cpus_.take(), "runs0 ");
  saves(kA, 100);
  saves(kA, 10);
  suspends(kA);
  saves(kA, 10);
  loads(kA, kB);
  resumes(kB);
  EXPECT_EQ(phases.text,
            "+precopy@1010 -precopy@1030 +stop_and_save@1030 -stop_and_save@1040 +transfer_and_load@1040 "
            "-transfer_and_load@1050 +resume@1050 -resume@1060 ");
  phases.text.clear();
  suspends(kB);
  resumes(kB);
  EXPECT_EQ(phases.text, "+stop_and_save@1070 -stop_and_save@1080 ") << "a stop without an image";
}

TEST_F(VmFollowerTest, the_vm_goes_with_its_vf) {
  ASSERT_EQ(shared_.size(), 1U);
  EXPECT_EQ(shared_[0].address, kStart);
  EXPECT_EQ(shared_[0].bytes, kPages * VmMemory::kPage);
  std::strcpy(memory_, "before");
  tracks(kA, true);
  const SimNs begin = now_;
  saves(kA, 100);
  std::strcpy(memory_ + VmMemory::kPage, "meanwhile");
  reports(kA);
  EXPECT_EQ(cpus_.take(), "");
  suspends(kA);
  const SimNs stopped = now_;
  EXPECT_EQ(cpus_.take(), "stops0 ");
  reports(kA);
  saves(kA, 50);
  loads(kA, kB);
  EXPECT_EQ(place(), machine_.hosts[1].get());
  EXPECT_EQ(vm_.vm_memory().host(), 0) << "not before the VM runs";
  resumes(kB);
  EXPECT_EQ(cpus_.take(), "runs1 ");
  EXPECT_EQ(wakes_, 1);
  EXPECT_EQ(vm_.vm_memory().host(), 1);
  EXPECT_STREQ(memory_ + VmMemory::kPage, "meanwhile");
  EXPECT_EQ(missed(), 0U);
  EXPECT_EQ(machine_.oracle.figures().pages_compared, 2U);
  ASSERT_EQ(follower_.migrations().size(), 1U);
  const MigrationResult& m = follower_.migrations()[0];
  EXPECT_EQ(m.from + m.to + " " + m.outcome, "AB completed");
  EXPECT_EQ(m.begin_ns, begin);
  EXPECT_EQ(m.end_ns, now_);
  EXPECT_EQ(m.downtime_ns, now_ - stopped);
  EXPECT_EQ(m.state_bytes, 150U);
  EXPECT_EQ(m.memory_bytes, 2 * VmMemory::kPage);
  EXPECT_EQ(m.precopy_rounds, 1U);
  ASSERT_EQ(m.phases.size(), 4U);
  EXPECT_EQ(m.phases[1].name, "stop_and_save");
  EXPECT_EQ(m.phases[1].begin_ns, stopped);
}

TEST_F(VmFollowerTest, a_page_that_was_missed_is_seen_and_lost) {
  std::strcpy(memory_, "old");
  tracks(kA, true);
  suspends(kA);
  device_writes("new");
  reports(kA);
  saves(kA, 50);
  loads(kA, kB);
  EXPECT_EQ(missed(), 0U);
  resumes(kB);
  EXPECT_EQ(missed(), 1U);
  EXPECT_STREQ(memory_, "old");
  Result result;
  machine_.finish(result);
  EXPECT_EQ(result.oracle.missed_dirty_pages, 1U);
  EXPECT_EQ(result.oracle.memory_mismatch_bytes, 3U);
  ASSERT_FALSE(result.violations.empty());
  EXPECT_EQ(result.violations[0].rule, "D2");
  EXPECT_EQ(result.violations[0].who, "B.vf0");
}

TEST_F(VmFollowerTest, only_its_vf_where_it_runs_stops_it) {
  suspends({0, kVmFunction + 1});
  suspends(kB);
  follower_.quiescing(0, kA, Half::responder);
  EXPECT_EQ(cpus_.take(), "");
  resumes(kA);
  EXPECT_EQ(cpus_.take(), "") << "it did not stand still";
  suspends(kA);
  suspends(kA);
  EXPECT_EQ(cpus_.take(), "stops0 ");
  follower_.resumed(0, kA, Half::responder);
  EXPECT_EQ(cpus_.take(), "");
  follower_.resumed(0, kA, Half::initiator);
  EXPECT_EQ(cpus_.take(), "runs0 ");
  EXPECT_TRUE(follower_.migrations().empty()) << "nothing was saved";
}

TEST_F(VmFollowerTest, a_refused_suspend_lets_it_run) {
  follower_.quiescing(0, kA, Half::initiator);
  follower_.not_quiesced(0, kA, Half::responder);
  EXPECT_EQ(cpus_.take(), "stops0 ");
  follower_.not_quiesced(0, kA, Half::initiator);
  EXPECT_EQ(cpus_.take(), "runs0 ");
  EXPECT_TRUE(follower_.migrations().empty());
}

TEST_F(VmFollowerTest, a_source_that_resumes_takes_it_back) {
  for (const bool loaded : {false, true}) {
    std::strcpy(memory_, "here");
    suspends(kA);
    saves(kA, 50);
    if (loaded) {
      loads(kA, kB);
      follower_.resuming(now_ * model::kNs, kB, Half::responder);
      EXPECT_EQ(place(), machine_.hosts[1].get());
    }
    resumes(kA);
    EXPECT_EQ(cpus_.take(), "stops0 runs0 ") << loaded;
    EXPECT_EQ(place(), machine_.hosts[0].get());
    EXPECT_EQ(vm_.vm_memory().host(), 0);
    EXPECT_STREQ(memory_, "here");
    EXPECT_EQ(follower_.migrations().back().outcome, "rolled_back");
    EXPECT_EQ(follower_.migrations().back().to, "B");
  }
  EXPECT_EQ(missed(), 0U);
}

TEST_F(VmFollowerTest, memory_that_stays_is_not_compared) {
  tracks(kA, true);
  device_writes("unreported");
  suspends(kA);
  reports(kA);
  saves(kA, 50);
  loads(kA, kB);
  resumes(kA);
  EXPECT_EQ(missed(), 0U);
  EXPECT_STREQ(memory_, "unreported");
}

TEST_F(VmFollowerTest, without_tracking_memory_goes_when_the_stopped_vf_was_saved) {
  saves(kA, 100);
  device_writes("after the image of pre-copy");
  suspends(kA);
  saves(kA, 50);
  loads(kA, kB);
  resumes(kB);
  EXPECT_EQ(missed(), 0U);
  EXPECT_STREQ(memory_, "after the image of pre-copy");
}

TEST_F(VmFollowerTest, what_the_device_writes_after_its_last_image_is_missed) {
  suspends(kA);
  saves(kA, 50);
  device_writes("late");
  loads(kA, kB);
  resumes(kB);
  EXPECT_EQ(missed(), 1U);
  EXPECT_STREQ(memory_, "");
}

TEST_F(VmFollowerTest, forth_and_back) {
  for (const auto& [from, to] : {std::pair{kA, kB}, std::pair{kB, kA}}) {
    tracks(from, true);
    suspends(from);
    reports(from);
    saves(from, 50);
    loads(from, to);
    resumes(to);
    tracks(from, false);
    EXPECT_EQ(vm_.vm_memory().host(), to.host);
    std::strcpy(memory_, "and on");
  }
  EXPECT_EQ(cpus_.take(), "stops0 runs1 stops1 runs0 ");
  EXPECT_EQ(missed(), 0U);
  ASSERT_EQ(follower_.migrations().size(), 2U);
  EXPECT_EQ(follower_.migrations()[1].from, "B");
  EXPECT_EQ(follower_.migrations()[1].outcome, "completed");
  EXPECT_GE(follower_.migrations()[1].begin_ns, follower_.migrations()[0].end_ns);
}

}  // namespace
}  // namespace vfsim::bench
