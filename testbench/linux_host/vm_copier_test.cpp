#include "testbench/linux_host/vm_copier.hpp"

#include <cstring>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "firmware/interface/fault_set.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint64_t kPage = VmMemory::kPage;
constexpr std::uint64_t kBase = 1ULL << 20;   // of a VM in the memory of a host
constexpr std::uint64_t kStart = 4 * kPage;   // of what the VM shares
constexpr std::uint64_t kOffset = 2 * kPage;  // of that in the file
constexpr std::uint64_t kPages = 128;
constexpr std::uint8_t kFn = 1;

/// A VM without a kernel: its CPUs are the test, which has the file mapped.
class VmCopierTest : public testing::Test {
 protected:
  VmCopierTest() {
    EXPECT_EQ(ftruncate(file_.get(), static_cast<off_t>(kOffset + kPages * kPage)), 0);
    mapped_ = static_cast<char*>(mmap(nullptr, kOffset + kPages * kPage, PROT_READ | PROT_WRITE,
                                      MAP_SHARED, file_.get(), 0));
    EXPECT_TRUE(memory_.share(file_.get(), kOffset, kStart, kPages * kPage));
    oracle_.on_sighting([] { return 0; }, [this](const Sighting& s) { sighting_ = s; });
    make();
  }
  ~VmCopierTest() override { munmap(mapped_, kOffset + kPages * kPage); }

  void make(const vf_fault_set& faults = {}) {
    probes_ = model::ProbeBus();
    copier_ = std::make_unique<VmCopier>(probes_, oracle_, memory_, kFn, faults);
  }
  [[nodiscard]] static std::uint64_t page(std::uint64_t number) { return kStart + number * kPage; }
  [[nodiscard]] char* of_cpu(std::uint64_t number) { return mapped_ + kOffset + number * kPage; }
  void cpu_writes(std::uint64_t number, const char* text) { std::strcpy(of_cpu(number), text); }
  /// What the VM finds there.
  [[nodiscard]] std::string found(std::uint64_t number) { return of_cpu(number); }
  void device_writes(std::uint64_t number, const std::string& text, std::uint8_t host = 0,
                     std::uint64_t at = 0) {
    model::Tlp tlp;
    tlp.kind = model::TlpKind::mem_write;
    tlp.phys = kBase + page(number) + at;
    tlp.bytes = static_cast<std::uint32_t>(text.size() + 1);
    EXPECT_TRUE(hosts_[host].write(tlp.phys, text.c_str(), tlp.bytes));
    const auto* payload = reinterpret_cast<const std::uint8_t*>(text.c_str());
    probes_.emit<model::Probe::tlp_landed>(&model::Observer::tlp_landed, 0, host, tlp, payload,
                                           true);
  }
  void track(bool on, model::FnRef who = {0, kFn}) {
    probes_.emit<model::Probe::driver>(&model::Observer::dirty_tracking, 7, who, on);
  }
  void report(const std::vector<std::uint64_t>& numbers, model::FnRef who = {0, kFn}) {
    std::vector<std::uint64_t> pages;
    for (const std::uint64_t number : numbers) {
      pages.push_back(page(number));
    }
    probes_.emit<model::Probe::driver>(&model::Observer::dirty_report, 9, who, pages.data(),
                                       pages.size());
  }
  void switch_over(std::uint8_t to = 1) {
    copier_->complete(20);
    copier_->run_on(to);
  }
  [[nodiscard]] std::uint64_t missed() const { return oracle_.figures().missed_dirty_pages; }

  Descriptor file_{memfd_create("vm", MFD_CLOEXEC)};
  char* mapped_ = nullptr;
  std::array<model::HostMemory, kHosts> hosts_{model::HostMemory(16 << 20),
                                               model::HostMemory(16 << 20)};
  GuestRam ram_;
  VmMemory memory_{{&hosts_[0], &hosts_[1]}, kBase, 0, ram_};
  model::ProbeBus probes_;
  Oracle oracle_{probes_, 0};
  Sighting sighting_;
  std::unique_ptr<VmCopier> copier_;
};

TEST_F(VmCopierTest, what_the_vm_had_before_is_sent_when_tracking_starts) {
  cpu_writes(3, "cpu");
  device_writes(5, "device");
  track(true);
  EXPECT_EQ(copier_->figures().begin, 7U);
  EXPECT_EQ(copier_->figures().bytes, 2 * kPage) << "pages of zeros are not sent";
  copier_->stopped();
  report({});
  switch_over();
  EXPECT_EQ(found(3), "cpu");
  EXPECT_EQ(found(5), "device");
  EXPECT_EQ(missed(), 0U);
  EXPECT_EQ(oracle_.figures().pages_compared, 2U);
  EXPECT_EQ(memory_.host(), 1);
}

TEST_F(VmCopierTest, reports_bring_the_pages_of_the_cpus_too) {
  track(true);
  cpu_writes(1, "first");
  report({});
  EXPECT_EQ(copier_->figures().rounds, 1U);
  EXPECT_EQ(copier_->figures().bytes, kPage);
  report({});
  EXPECT_EQ(copier_->figures().rounds, 2U);
  EXPECT_EQ(copier_->figures().bytes, kPage) << "not written again";
  cpu_writes(1, "second");
  copier_->stopped();
  report({});
  EXPECT_EQ(copier_->figures().rounds, 2U) << "the last one is no round of pre-copy";
  EXPECT_EQ(copier_->figures().bytes, 2 * kPage);
  switch_over();
  EXPECT_EQ(found(1), "second");
  EXPECT_EQ(missed(), 0U);
}

TEST_F(VmCopierTest, reports_bring_the_pages_of_the_device) {
  track(true);
  device_writes(2, "frame");
  EXPECT_EQ(copier_->figures().bytes, 0U);
  report({2});
  EXPECT_EQ(copier_->figures().bytes, kPage);
  device_writes(2, "later");
  copier_->stopped();
  report({2});
  switch_over();
  EXPECT_EQ(found(2), "later");
  EXPECT_EQ(missed(), 0U);
}

TEST_F(VmCopierTest, a_page_that_no_report_names_is_old_after_the_switch) {
  device_writes(2, "old");
  track(true);
  device_writes(2, "new");
  device_writes(9, "lost");
  report({4});
  copier_->stopped();
  report({});
  copier_->complete(20);
  EXPECT_EQ(missed(), 2U);
  EXPECT_EQ(oracle_.figures().memory_mismatch_bytes, 3U + 4U);
  EXPECT_STREQ(sighting_.rule, "D2");
  EXPECT_EQ(sighting_.who.host, 1);
  EXPECT_NE(sighting_.seen.find("page 0x6000 "), std::string::npos) << sighting_.seen;
  EXPECT_EQ(found(2), "new") << "the VM has not moved";
  copier_->run_on(1);
  EXPECT_EQ(found(2), "old");
  EXPECT_EQ(found(9), "");
}

TEST_F(VmCopierTest, a_page_of_the_cpus_takes_along_what_the_device_wrote_there) {
  track(true);
  device_writes(2, "frame", 0, 64);
  cpu_writes(2, "header");
  copier_->stopped();
  report({});
  switch_over();
  EXPECT_EQ(missed(), 0U);
  EXPECT_EQ(found(2), "header");
  EXPECT_STREQ(of_cpu(2) + 64, "frame");
}

TEST_F(VmCopierTest, writes_of_the_device_are_not_taken_for_those_of_the_cpus) {
  cpu_writes(2, "a longer text of the CPUs");
  track(true);
  device_writes(2, "frame");
  report({});
  EXPECT_EQ(copier_->figures().bytes, kPage) << "that of the start";
}

TEST_F(VmCopierTest, reports_before_the_start_and_of_others_mean_nothing) {
  device_writes(2, "frame");
  report({2});
  EXPECT_EQ(copier_->figures().bytes, 0U);
  track(true, {1, kFn});
  track(true, {0, kFn + 1});
  report({2});
  EXPECT_EQ(copier_->figures().bytes, 0U);
  track(true);
  device_writes(3, "frame");
  report({3}, {1, kFn});
  report({3}, {0, kFn + 1});
  EXPECT_EQ(copier_->figures().rounds, 0U);
  report({3, kPages, ~0ULL / kPage});
  EXPECT_EQ(copier_->figures().bytes, 2 * kPage) << "pages outside are nobody's";
  track(false, {1, kFn});
  report({});
  EXPECT_EQ(copier_->figures().rounds, 2U);
}

TEST_F(VmCopierTest, a_vm_that_stays_keeps_its_memory) {
  track(true);
  cpu_writes(1, "cpu");
  device_writes(2, "unreported");
  copier_->stopped();
  copier_->saved(15);
  copier_->complete(20);
  copier_->run_on(0);
  EXPECT_EQ(memory_.host(), 0);
  EXPECT_EQ(found(1), "cpu");
  EXPECT_EQ(found(2), "unreported");
  // The copy is given up: the next migration makes a new one.
  report({});
  EXPECT_EQ(copier_->figures().rounds, 0U);
  const std::uint64_t before = missed();
  copier_->stopped();
  copier_->saved(30);
  EXPECT_EQ(copier_->figures().begin, 30U);
  switch_over();
  EXPECT_EQ(missed(), before);
  EXPECT_EQ(found(2), "unreported");
}

TEST_F(VmCopierTest, a_new_copy_begins_with_nothing) {
  cpu_writes(1, "cpu");
  track(true);
  track(false);
  cpu_writes(1, "");
  std::memset(of_cpu(1), 0, kPage);
  track(true);
  copier_->stopped();
  report({});
  switch_over();
  EXPECT_EQ(missed(), 0U) << "a page of zeros is not sent, and is not there";
  EXPECT_EQ(found(1), "");
  EXPECT_EQ(of_cpu(1)[1], 0);
}

TEST_F(VmCopierTest, memory_moves_as_the_other_host_has_it) {
  cpu_writes(1, "here");
  device_writes(2, "there", 1);
  memory_.move();
  EXPECT_EQ(found(1), "");
  EXPECT_EQ(found(2), "there");
}

TEST_F(VmCopierTest, a_stop_without_a_migration_leaves_the_copy_alone) {
  track(true);
  copier_->stopped();
  copier_->run_on(0);
  cpu_writes(1, "cpu");
  report({});
  EXPECT_EQ(copier_->figures().rounds, 1U);
  switch_over();
  EXPECT_EQ(found(1), "cpu");
  EXPECT_EQ(copier_->figures().begin, 7U) << "of the same copy";
}

TEST_F(VmCopierTest, there_and_back) {
  cpu_writes(1, "on A");
  cpu_writes(2, "on A");
  track(true);
  copier_->stopped();
  report({});
  switch_over(1);
  cpu_writes(1, "on B");
  track(false, {0, kFn});
  track(true, {1, kFn});
  EXPECT_EQ(copier_->figures().bytes, 2 * kPage);
  device_writes(3, "device of B", 1);
  device_writes(4, "device of A", 0);
  report({3}, {1, kFn});
  EXPECT_EQ(copier_->figures().bytes, 3 * kPage);
  copier_->stopped();
  cpu_writes(2, "");
  report({}, {1, kFn});
  switch_over(0);
  EXPECT_EQ(memory_.host(), 0);
  EXPECT_EQ(found(1), "on B");
  EXPECT_EQ(found(2), "");
  EXPECT_EQ(found(3), "device of B");
  EXPECT_EQ(found(4), "device of A") << "nothing of the VM lay there: the copy has it now";
  EXPECT_EQ(missed(), 1U) << "what the device of A wrote into the copy";
  device_writes(5, "works", 0);
  EXPECT_EQ(found(5), "works");
}

TEST_F(VmCopierTest, without_tracking_all_is_sent_when_the_state_is_saved) {
  cpu_writes(1, "cpu");
  device_writes(2, "device");
  report({2});
  copier_->stopped();
  device_writes(3, "in the stop");
  copier_->saved(15);
  EXPECT_EQ(copier_->figures().begin, 15U);
  EXPECT_EQ(copier_->figures().bytes, 3 * kPage);
  device_writes(4, "too late");
  switch_over();
  EXPECT_EQ(missed(), 1U);
  EXPECT_EQ(found(3), "in the stop");
  EXPECT_EQ(found(4), "");
}

TEST_F(VmCopierTest, each_host_has_memory_of_its_own_until_the_vm_runs) {
  track(true);
  cpu_writes(1, "vm");
  copier_->stopped();
  report({});
  copier_->complete(20);
  device_writes(2, "resumed", 1);
  EXPECT_EQ(found(2), "") << "the VM is on A";
  copier_->complete(21);
  EXPECT_EQ(missed(), 0U) << "compared once, before the device ran";
  copier_->run_on(1);
  EXPECT_EQ(found(1), "vm");
  EXPECT_EQ(found(2), "resumed");
  device_writes(1, "ghost", 0);
  EXPECT_EQ(found(1), "vm") << "the VM has left A";
}

TEST_F(VmCopierTest, what_the_bus_wrote_while_the_cpus_stood_still_is_not_lost) {
  track(true);
  copier_->stopped();
  report({});
  copier_->complete(20);
  cpu_writes(6, "answer of a read");
  copier_->run_on(1);
  EXPECT_EQ(found(6), "answer of a read");
}

TEST_F(VmCopierTest, defects_of_the_vmm_miss_pages) {
  make(contract::fault_set({VF_FAULT_cpu_page_missed}));
  track(true);
  for (std::uint64_t n = 0; n < 8; ++n) {
    cpu_writes(n, "cpu");
  }
  copier_->stopped();
  report({});
  switch_over();
  EXPECT_EQ(missed(), 2U);
  EXPECT_EQ(found(2), "cpu");
  EXPECT_EQ(found(3), "");
}

TEST_F(VmCopierTest, the_last_sync_may_be_skipped) {
  make(contract::fault_set({VF_FAULT_last_sync_skipped}));
  track(true);
  cpu_writes(1, "early");
  report({});
  cpu_writes(2, "late");
  device_writes(3, "late");
  copier_->stopped();
  report({3});
  switch_over();
  EXPECT_EQ(missed(), 2U);
  EXPECT_EQ(found(1), "early");
  EXPECT_EQ(found(2) + found(3), "");
}

TEST_F(VmCopierTest, pages_may_go_astray) {
  make(contract::fault_set({VF_FAULT_page_misplaced}));
  for (std::uint64_t n = 0; n < 64; ++n) {
    cpu_writes(n, "cpu");
  }
  track(true);
  copier_->stopped();
  report({});
  switch_over();
  EXPECT_EQ(missed(), 1U) << "the 64th, which its neighbour equals";
  EXPECT_EQ(found(63), "");
}

TEST_F(VmCopierTest, a_vm_that_has_not_begun_has_nothing_to_copy) {
  GuestRam ram;
  VmMemory memory({&hosts_[0], &hosts_[1]}, kBase, 0, ram);
  VmCopier copier(probes_, oracle_, memory, kFn, {});
  copier.dirty_tracking(1, {0, kFn}, true);
  const std::uint64_t page = kStart;
  copier.dirty_report(2, {0, kFn}, &page, 1);
  copier.stopped();
  copier.saved(3);
  copier.complete(4);
  copier.run_on(1);
  EXPECT_EQ(copier.figures().bytes, 0U);
  EXPECT_EQ(oracle_.figures().pages_compared, 0U);
  ASSERT_TRUE(memory.share(file_.get(), kOffset, kStart, kPages * kPage));
  EXPECT_EQ(ram.memory, &hosts_[1]) << "its VF has gone before it";
}

TEST_F(VmCopierTest, memory_that_does_not_fit_is_refused) {
  GuestRam ram;
  VmMemory memory({&hosts_[0], &hosts_[1]}, kBase, 0, ram);
  EXPECT_FALSE(memory.share(file_.get(), 0, 16 << 20, kPage));
  EXPECT_FALSE(memory.share(file_.get(), 0, ~0ULL - kPage + 1, 2 * kPage));
  EXPECT_FALSE(memory.share(file_.get(), 1, 0, kPage));
  EXPECT_FALSE(memory.share(-1, 0, 0, kPage));
  EXPECT_EQ(ram.bytes, 0U);
}

}  // namespace
}  // namespace vfsim::bench
