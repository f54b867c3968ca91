#include "host_driver/cmd/command_channel.hpp"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host_driver/cmd/commands.hpp"
#include "host_driver/cmd/golden.hpp"
#include "host_driver/platform/fake_device.hpp"

namespace vfsim::driver {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CommandChannelTest : public ::testing::Test {
 protected:
  FakeOs os_;
  FakePlatform platform_{os_};
  FakeDevice device_{platform_};
  CommandOptions options_;
  std::unique_ptr<CommandChannel> channel_;

  void start() {
    channel_ = std::make_unique<CommandChannel>(platform_, options_);
    ASSERT_TRUE(channel_->start());
  }
  /// Event mode with the test as event queue.
  void start_events() {
    start();
    channel_->use_events();
    announce_ = true;
  }
  /// Answers by `reply`, and tells the channel as a command event would.
  void answer(std::uint32_t opcode, FakeReply reply) {
    device_.on(opcode, [this, reply](const FakeCommand& command) {
      if (announce_ && !reply.drop && !reply.no_event) {
        os_.after(reply.delay + 1ns,
                  [this, slot = command.slot] { channel_->on_event(1U << slot); });
      }
      return reply;
    });
  }
  void use_tokens(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(alloc_pd(*channel_));
    }
  }
  bool announce_ = false;
};

Bytes bytes_of(const std::array<std::uint8_t, 64>& entry) {
  return {entry.begin(), entry.end()};
}

TEST_F(CommandChannelTest, HandshakeWaitsForInitializingAndWritesTheQueueAddress) {
  int reads = 0;
  platform_.on_read([&](std::uint64_t offset) -> std::optional<std::uint32_t> {
    if (offset == VF_BAR_INITIALIZING) {
      return ++reads < 4 ? 0x80000000U : 0U;
    }
    return offset == VF_BAR_CMDQ_LO ? std::optional<std::uint32_t>(0x56) : std::nullopt;
  });
  platform_.set_next_address(0x1'2345'6000);
  start();
  EXPECT_EQ(platform_.read32(VF_BAR_CMDQ_HI), 1U);
  EXPECT_EQ(os_.now(), 6ms);  // three looks, 2 ms apart
  EXPECT_EQ(reads, 5);        // the last one after the address was written
}

TEST_F(CommandChannelTest, HandshakeRefusesWhatItCannotDrive) {
  channel_ = std::make_unique<CommandChannel>(platform_, options_);
  platform_.set_register(VF_BAR_CMDIF_REV, 4 << 16);
  EXPECT_EQ(channel_->start().error().code, EINVAL);
  platform_.set_register(VF_BAR_INITIALIZING, 0x80000000);
  EXPECT_EQ(channel_->start().error().code, ETIMEDOUT);
  EXPECT_GE(os_.now(), options_.init_timeout);
  platform_.set_register(VF_BAR_INITIALIZING, ~0U);
  EXPECT_EQ(channel_->start().error().code, ENODEV);
}

class GoldenEntry : public CommandChannelTest, public ::testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    options_.checksums = GetParam();
    device_.checksums = GetParam();
  }
  static const char* block_kind() { return GetParam() ? "with ctrl_sig+sig" : "checksum disabled"; }
  Bytes block(std::uint64_t address) {
    Bytes bytes(576);
    platform_.mem_read(address, bytes.data(), bytes.size());
    return bytes;
  }
};

TEST_P(GoldenEntry, CreateMkeyOneBlock) {
  start();
  use_tokens(0x5c);
  platform_.set_next_address(0x7f000000);
  ASSERT_TRUE(
      create_mkey(*channel_, {0x5a, kAllAccess, 0x3000, {0x112345000, 0x2abcde000, 0x300001000}}));
  const FakeCommand& command = device_.commands().back();
  EXPECT_EQ(command.in, golden_bytes("# CREATE_MKEY MTT mode"));
  const std::string heading = "64-byte entry + one input mailbox";
  EXPECT_EQ(bytes_of(command.entry), golden_bytes(heading, "COMMAND ENTRY"));
  ASSERT_THAT(command.in_blocks, ElementsAre(0x7f000000));
  EXPECT_EQ(
      block(0x7f000000),
      golden_bytes(heading, std::string("INPUT MAILBOX BLOCK 0 @0x7f000000 ") + block_kind()));
}

TEST_P(GoldenEntry, CreateMkeyTwoBlocks) {
  start();
  use_tokens(0x5d);
  platform_.set_next_address(0x7f010000);
  MkeySpec spec{0x5a, kAllAccess, 50 * 4096, {}};
  for (std::uint64_t i = 0; i < 50; ++i) {
    spec.pages.push_back(0x100000000 + i * 0x1000);
  }
  ASSERT_TRUE(create_mkey(*channel_, spec));
  const std::string heading = "two-block input chain";
  EXPECT_EQ(bytes_of(device_.commands().back().entry), golden_bytes(heading, "COMMAND ENTRY"));
  EXPECT_EQ(
      block(0x7f010000),
      golden_bytes(heading, std::string("INPUT MAILBOX BLOCK 0 @0x7f010000 ") + block_kind()));
  EXPECT_EQ(
      block(0x7f010400),
      golden_bytes(heading, std::string("INPUT MAILBOX BLOCK 1 @0x7f010400 ") + block_kind()));
}

TEST_P(GoldenEntry, QueryMigrationStateWithOutputBlock) {
  start();
  use_tokens(6);
  platform_.set_next_address(0x7f020000);
  Bytes prepared;
  device_.on(VF_OP_QUERY_VHCA_MIGRATION_STATE, [&](const FakeCommand& command) {
    prepared = block(command.out_blocks.at(0));
    FakeReply reply;
    reply.out = golden_bytes("QUERY_VHCA_MIGRATION_STATE output");
    return reply;
  });
  const auto size = query_vhca_migration_state(*channel_, 0x1234, false, false);
  ASSERT_TRUE(size);
  const std::string heading = "## QUERY_VHCA_MIGRATION_STATE: 16-byte input inline";
  EXPECT_EQ(bytes_of(device_.commands().back().entry), golden_bytes(heading, "COMMAND ENTRY"));
  EXPECT_EQ(prepared, golden_bytes(heading, std::string("OUTPUT MAILBOX BLOCK 0 @0x7f020000 ") +
                                                block_kind()));
  EXPECT_EQ(size.value().required_umem_size, 0x123456U);
  EXPECT_EQ(size.value().remaining_total_size, 0x123456789U);
  EXPECT_EQ(size.value().migration_state, VF_MIGRATION_STATE_DIRTY);
}

TEST_P(GoldenEntry, SuspendInline) {
  start();
  ASSERT_TRUE(suspend_vhca(*channel_, 0x1234, VF_SUSPEND_RESPONDER));
  EXPECT_EQ(bytes_of(device_.commands().back().entry),
            golden_bytes("## SUSPEND_VHCA responder, all inline", "COMMAND ENTRY"));
}

INSTANTIATE_TEST_SUITE_P(Checksums, GoldenEntry, ::testing::Bool());

TEST_F(CommandChannelTest, WrongSignatureOfAnAnswerIsFound) {
  options_.checksums = true;
  start();
  FakeReply reply;
  reply.out = golden_bytes("QUERY_VHCA_MIGRATION_STATE output");
  answer(VF_OP_QUERY_VHCA_MIGRATION_STATE, reply);
  const auto unsigned_block = query_vhca_migration_state(*channel_, 1, false, false);
  ASSERT_FALSE(unsigned_block);
  EXPECT_EQ(unsigned_block.error().code, EHWPOISON);
  device_.checksums = true;
  EXPECT_TRUE(query_vhca_migration_state(*channel_, 1, false, false));
}

TEST_F(CommandChannelTest, StatusesBecomeErrnoOfTheTable) {
  start();
  struct Row {
    std::uint8_t status;
    int code;
  };
  for (const Row row : {Row{0x01, EIO},
                        {0x02, EINVAL},
                        {0x04, EIO},
                        {0x06, EBUSY},
                        {0x07, EAGAIN},
                        {0x08, ENOMEM},
                        {0x09, EINVAL},
                        {0x0f, EAGAIN},
                        {0x10, EINVAL},
                        {0x50, EIO},
                        {0x7a, EIO}}) {
    device_.on(VF_OP_ALLOC_PD,
               [&](const FakeCommand&) { return fake_status(row.status, 0x1badcafe); });
    const auto result = alloc_pd(*channel_);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, row.code) << int{row.status};
    EXPECT_EQ(result.error().status, row.status);
    EXPECT_EQ(result.error().syndrome, 0x1badcafeU);
  }
  for (const Row row : {Row{0x01, EBADR},
                        {0x02, EBADR},
                        {0x03, EFAULT},
                        {0x04, EFAULT},
                        {0x05, EFAULT},
                        {0x06, EIO},
                        {0x07, ENOMSG},
                        {0x08, ENOMSG},
                        {0x09, ENOMSG},
                        {0x10, ENOMSG},
                        {0x22, EINVAL}}) {
    FakeReply reply;
    reply.delivery = row.status;
    device_.on(VF_OP_ALLOC_PD, [&](const FakeCommand&) { return reply; });
    EXPECT_EQ(alloc_pd(*channel_).error().code, row.code) << int{row.status};
    EXPECT_EQ(alloc_pd(*channel_).error().delivery, row.status);
  }
  device_.on(VF_OP_ALLOC_PD, [&](const FakeCommand&) { return fake_status(9, 1); });
  EXPECT_THAT(alloc_pd(*channel_).error().text, HasSubstr("ALLOC_PD: status BAD_RES_STATE (0x9)"));
}

TEST_F(CommandChannelTest, PollingTimesOutAndTheSlotComesBackWithTheLateCompletion) {
  start();
  FakeReply reply;
  reply.drop = true;
  answer(VF_OP_ALLOC_PD, reply);
  EXPECT_EQ(alloc_pd(*channel_).error().code, ETIMEDOUT);
  EXPECT_GE(os_.now(), options_.timeout + 1s);
  EXPECT_EQ(channel_->stalled_slots(), 1U);
  EXPECT_TRUE(alloc_uar(*channel_));
  EXPECT_EQ(device_.commands().back().slot, 1U);
  device_.complete(device_.commands().front(), FakeReply{});
  EXPECT_TRUE(alloc_uar(*channel_));
  EXPECT_EQ(channel_->stalled_slots(), 0U);
  EXPECT_EQ(device_.commands().back().slot, 0U);
}

TEST_F(CommandChannelTest, MissedCompletionIsFoundByPollingTheEventQueueOnce) {
  start_events();
  FakeReply reply;
  reply.no_event = true;
  answer(VF_OP_ALLOC_PD, reply);
  int polls = 0;
  channel_->set_eq_poll([&] {
    ++polls;
    channel_->on_event(1);
  });
  EXPECT_TRUE(alloc_pd(*channel_));
  EXPECT_EQ(polls, 1);
  EXPECT_EQ(os_.now(), options_.timeout);
}

TEST_F(CommandChannelTest, NoCompletionTimesOutAfterTheLatePollAndLateOneFreesTheSlot) {
  start_events();
  FakeReply reply;
  reply.drop = true;
  answer(VF_OP_ALLOC_PD, reply);
  EXPECT_EQ(alloc_pd(*channel_).error().code, ETIMEDOUT);
  EXPECT_EQ(os_.now(), options_.timeout + options_.late_poll);
  EXPECT_EQ(channel_->stalled_slots(), 1U);
  channel_->on_event(1);  // announced, but hardware still owns the entry: void
  EXPECT_EQ(channel_->stalled_slots(), 1U);
  device_.complete(device_.commands().front(), FakeReply{});
  channel_->on_event(1);
  channel_->on_event(1);  // never twice
  EXPECT_EQ(channel_->stalled_slots(), 0U);
}

TEST_F(CommandChannelTest, AllSlotsStalledIsEagainAtOnceAndPagesHaveTheirOwnSlot) {
  start_events();
  FakeReply reply;
  reply.drop = true;
  answer(VF_OP_ALLOC_PD, reply);
  for (int i = 0; i < 31; ++i) {
    os_.spawn("caller", [this] { EXPECT_EQ(alloc_pd(*channel_).error().code, ETIMEDOUT); });
  }
  os_.sleep(options_.timeout + options_.late_poll + 1s);
  EXPECT_EQ(channel_->stalled_slots(), 31U);
  const Nanoseconds before = os_.now();
  EXPECT_EQ(alloc_pd(*channel_).error().code, EAGAIN);
  EXPECT_EQ(os_.now(), before);
  answer(VF_OP_MANAGE_PAGES, FakeReply{});
  EXPECT_TRUE(give_pages(*channel_, 0, {0x1000}));
  EXPECT_EQ(device_.commands().back().slot, 31U);
}

TEST_F(CommandChannelTest, WaitingLongerThanATimeoutForASlotIsEbusy) {
  options_.late_poll = 10s;
  start_events();
  FakeReply reply;
  reply.drop = true;
  answer(VF_OP_ALLOC_PD, reply);
  for (int i = 0; i < 31; ++i) {
    os_.spawn("caller", [this] { (void)alloc_pd(*channel_); });
  }
  os_.settle();
  EXPECT_EQ(alloc_uar(*channel_).error().code, EBUSY);
  EXPECT_EQ(os_.now(), options_.timeout);
}

TEST_F(CommandChannelTest, GeneralObjectsTakeHalfOfTheSlots) {
  start_events();
  FakeReply reply;
  reply.delay = 1ms;
  answer(VF_OP_QUERY_GENERAL_OBJECT, reply);
  answer(VF_OP_ALLOC_PD, reply);
  int done = 0;
  for (int i = 0; i < 20; ++i) {
    os_.spawn("caller", [this, &done] { done += query_page_track(*channel_, 1) ? 1 : 0; });
  }
  os_.settle();
  EXPECT_EQ(device_.commands().size(), 15U);
  EXPECT_TRUE(alloc_pd(*channel_));  // not held up by the waiting ones
  os_.sleep(5ms);
  EXPECT_EQ(done, 20);
  EXPECT_EQ(device_.commands().size(), 21U);
}

TEST_F(CommandChannelTest, SwitchToEventsWaitsForRunningCommands) {
  start();
  FakeReply slow;
  slow.delay = 1ms;
  answer(VF_OP_ALLOC_PD, slow);
  bool done = false;
  os_.spawn("caller", [&] {
    EXPECT_TRUE(alloc_pd(*channel_));
    done = true;
  });
  os_.settle();
  bool late = false;
  os_.spawn("late", [&] {
    os_.sleep(10us);
    EXPECT_TRUE(alloc_uar(*channel_));  // issued while the switch waits: runs after it
    late = true;
  });
  announce_ = true;
  answer(VF_OP_ALLOC_UAR, FakeReply{});
  channel_->use_events();
  EXPECT_TRUE(done);
  EXPECT_FALSE(late);
  os_.sleep(1ms);
  EXPECT_TRUE(late);
}

TEST_F(CommandChannelTest, OnlyTheAllowedOpcodePasses) {
  start();
  channel_->allow_only(VF_OP_CREATE_EQ);
  EXPECT_EQ(alloc_pd(*channel_).error().code, ENXIO);
  EXPECT_TRUE(create_eq(*channel_, {}));
  channel_->allow_only(0);
  EXPECT_TRUE(alloc_pd(*channel_));
}

TEST_F(CommandChannelTest, AsynchronousCommandsNeedEvents) {
  start();
  const SaveRequest request{0x1234, 0x00abcd42, 0x3000, true, false};
  EXPECT_EQ(
      save_vhca_state_async(*channel_, request, [](const Result<SaveResult>&) {}).error().code,
      EINVAL);
  channel_->use_events();
  announce_ = true;
  FakeReply reply;
  reply.delay = 3ms;
  reply.out = golden_bytes("SAVE_VHCA_STATE output: actual");
  answer(VF_OP_SAVE_VHCA_STATE, reply);
  std::optional<Result<SaveResult>> result;
  ASSERT_TRUE(save_vhca_state_async(*channel_, request,
                                    [&](Result<SaveResult> r) { result = std::move(r); }));
  EXPECT_FALSE(result);
  os_.sleep(4ms);
  ASSERT_TRUE(result && *result);
  EXPECT_EQ(result->value().actual_image_size, 0x2a5cU);
  EXPECT_EQ(result->value().next_required_umem_size, 0x800000U);
  EXPECT_EQ(device_.commands().back().in,
            golden_bytes("incremental=1 set_track=0 (final STOP_COPY save)"));
}

TEST_F(CommandChannelTest, DetachFailsRunningAndLaterCommands) {
  start_events();
  FakeReply reply;
  reply.drop = true;
  answer(VF_OP_ALLOC_PD, reply);
  std::optional<int> code;
  os_.spawn("caller", [&] { code = alloc_pd(*channel_).error().code; });
  os_.settle();
  channel_->detach(ENOTCONN);
  os_.settle();
  EXPECT_EQ(code, ENOTCONN);
  EXPECT_EQ(dealloc_pd(*channel_, 1).error().code, ENOTCONN);
  channel_->attach();
  answer(VF_OP_DEALLOC_PD, FakeReply{});
  EXPECT_TRUE(dealloc_pd(*channel_, 1));
}

TEST_F(CommandChannelTest, DeadDeviceAnswersForItself) {
  start();
  device_.forget_commands();
  channel_->detach(ENXIO);
  const auto result = alloc_pd(*channel_);
  EXPECT_EQ(result.error().code, ENXIO);
  EXPECT_EQ(result.error().syndrome, kDeadSyndrome);
  EXPECT_TRUE(dealloc_pd(*channel_, 1));
  EXPECT_TRUE(destroy_mkey(*channel_, 0x100));
  EXPECT_TRUE(teardown_hca(*channel_));
  EXPECT_TRUE(device_.commands().empty());
}

TEST_F(CommandChannelTest, TokensRunFrom1To255) {
  start();
  use_tokens(300);
  EXPECT_EQ(VF_GET(cmd_queue_entry, device_.commands().at(0).entry.data(), token), 1U);
  EXPECT_EQ(VF_GET(cmd_queue_entry, device_.commands().at(254).entry.data(), token), 255U);
  EXPECT_EQ(VF_GET(cmd_queue_entry, device_.commands().at(255).entry.data(), token), 1U);
}

TEST_F(CommandChannelTest, StopFreesEverything) {
  start();
  ASSERT_TRUE(query_hca_cap(*channel_, VF_CAP_GENERAL, CapMode::current));
  channel_->stop();
  EXPECT_EQ(platform_.allocated(), 0U);
  EXPECT_EQ(alloc_pd(*channel_).error().code, ENODEV);
  ASSERT_TRUE(channel_->start());
  EXPECT_TRUE(alloc_pd(*channel_));
}

}  // namespace
}  // namespace vfsim::driver
