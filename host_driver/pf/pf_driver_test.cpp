#include "host_driver/pf/pf_driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host_driver/cmd/commands.hpp"
#include "host_driver/pf/sriov.hpp"
#include "host_driver/platform/fake_device.hpp"

namespace vfsim::driver {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

class PfDriverTest : public ::testing::Test {
 protected:
  FakeOs os_;
  FakePlatform platform_{os_};
  FakeDevice device_{platform_};
  PfOptions options_;
  std::unique_ptr<PfDriver> driver_;

  void TearDown() override {
    driver_.reset();
  }  // while scripts may still use what a derived fixture owns
  Result<void> probe() {
    driver_ = std::make_unique<PfDriver>(platform_, options_);
    return driver_->probe();
  }
  void post_page_request(std::uint16_t function, std::int32_t count, bool release_all = false) {
    std::vector<std::uint8_t> data(28);
    VF_SET(eqe_page_request, data.data(), function_id, function);
    VF_SET(eqe_page_request, data.data(), num_pages, static_cast<std::uint32_t>(count));
    VF_SET(eqe_page_request, data.data(), release_all, release_all ? 1 : 0);
    ASSERT_TRUE(device_.post_event(VF_EVENT_PAGE_REQUEST, 0, data));
    os_.sleep(1ms);
  }
  std::vector<std::string> names() {
    std::vector<std::string> list;
    for (const FakeCommand& command : device_.commands()) {
      list.push_back(opcode_name(command.opcode) +
                     (command.op_mod != 0 ? " " + std::to_string(command.op_mod) : "") +
                     (command.polled ? "" : " ev"));
    }
    return list;
  }
};

TEST_F(PfDriverTest, BringUpOrder) {
  ASSERT_TRUE(probe());
  EXPECT_THAT(names(), ElementsAreArray({
                           "ENABLE_HCA",
                           "QUERY_ISSI",
                           "SET_ISSI",
                           "QUERY_PAGES 1",
                           "MANAGE_PAGES 1",
                           "ACCESS_REG",  // host byte order
                           "QUERY_HCA_CAP 1",
                           "QUERY_HCA_CAP",
                           "SET_HCA_CAP",
                           "QUERY_PAGES 2",
                           "MANAGE_PAGES 1",
                           "INIT_HCA",
                           "QUERY_HCA_CAP 1",
                           "SET_DRIVER_VERSION",
                           "QUERY_ADAPTER",
                           "ALLOC_UAR",
                           "CREATE_EQ",  // command events, polled
                           "CREATE_EQ ev",
                           "CREATE_EQ ev",  // asynchronous events, pages
                           "CREATE_EQ ev",  // completions
                           "QUERY_VPORT_STATE ev",
                       }));
  EXPECT_EQ(device_.commands()[4].slot, 31U);  // pages have their own slot
  EXPECT_EQ(device_.pages().at(0).size(), 8U);
  EXPECT_EQ(VF_GET(access_register_in, device_.commands()[5].in.data(), register_id),
            VF_REG_HOST_ENDIANNESS);
  EXPECT_TRUE(driver_->link_up());
}

TEST_F(PfDriverTest, EventQueuesAreThoseOfTheStockDriver) {
  ASSERT_TRUE(probe());
  struct Row {
    std::uint64_t mask;
    std::uint32_t log_size;
    std::size_t in_bytes;
  };
  std::vector<const FakeCommand*> created;
  for (const FakeCommand& command : device_.commands()) {
    if (command.opcode == VF_OP_CREATE_EQ) {
      created.push_back(&command);
    }
  }
  const Row rows[] = {{0x400, 8, 304}, {0x1f02be, 13, 1296}, {0x800, 8, 304}, {0, 11, 528}};
  ASSERT_EQ(created.size(), std::size(rows));
  for (std::size_t i = 0; i < created.size(); ++i) {
    const Bytes& in = created[i]->in;
    EXPECT_EQ(VF_GET(create_eq_in, in.data(), event_bitmask_0), rows[i].mask);
    EXPECT_EQ(VF_GET(eqc, in.data() + 16, log_eq_size), rows[i].log_size);
    EXPECT_EQ(in.size(), rows[i].in_bytes);
  }
}

TEST_F(PfDriverTest, GatedCapabilitiesAndTimeoutRegister) {
  auto& general = device_.capability(VF_CAP_GENERAL);
  VF_SET(cmd_hca_cap, general.data(), hca_cap_2, 1);
  VF_SET(cmd_hca_cap, general.data(), adv_virtualization, 1);
  VF_SET(cmd_hca_cap, general.data(), driver_version, 0);
  device_.capability(VF_CAP_GENERAL_2).resize(4096);
  device_.capability(VF_CAP_ADV_VIRTUALIZATION).resize(4096, 0x11);
  platform_.set_register(VF_BAR_CMDQ_INIT_TO, 2000);
  device_.boot_pages = 0;
  ASSERT_TRUE(probe());
  const auto list = names();
  EXPECT_THAT(std::vector<std::string>(list.begin() + 3, list.begin() + 17),
              ElementsAreArray({"QUERY_PAGES 1",  // nothing wanted: nothing given
                                "ACCESS_REG 1", "ACCESS_REG", "QUERY_HCA_CAP 1", "QUERY_HCA_CAP",
                                "SET_HCA_CAP", "QUERY_HCA_CAP 65", "QUERY_HCA_CAP 64",
                                "QUERY_PAGES 2", "MANAGE_PAGES 1", "INIT_HCA", "QUERY_HCA_CAP 1",
                                "QUERY_HCA_CAP 65", "QUERY_HCA_CAP 77"}));
  EXPECT_EQ(driver_->capability(VF_CAP_ADV_VIRTUALIZATION)[5], 0x11);
}

TEST_F(PfDriverTest, ChecksumsBeginWithTheCapability) {
  VF_SET(cmd_hca_cap, device_.capability(VF_CAP_GENERAL).data(), cmdif_checksum, 3);
  device_.on(VF_OP_SET_HCA_CAP, [this](const FakeCommand& command) {
    EXPECT_EQ(VF_GET(cmd_hca_cap, command.in.data() + 16, cmdif_checksum), 3U);
    device_.checksums = true;  // from the next command on
    FakeReply reply;
    return reply;
  });
  options_.command.checksums = true;
  ASSERT_TRUE(probe());
  device_.checksums = false;
  device_.on(VF_OP_QUERY_ADAPTER, [](const FakeCommand&) {
    FakeReply reply;
    reply.out = Bytes(272);
    reply.out[100] = 1;
    return reply;
  });
  EXPECT_EQ(query_adapter(driver_->commands()).error().code, EHWPOISON);
}

TEST_F(PfDriverTest, RemoveUndoesEverythingInOrder) {
  ASSERT_TRUE(probe());
  device_.forget_commands();
  ASSERT_TRUE(driver_->remove());
  EXPECT_THAT(names(), ElementsAreArray(
                           {"DESTROY_EQ ev", "DESTROY_EQ ev", "DESTROY_EQ ev",
                            "DESTROY_EQ ev",  // of the command queue: exists until it is executed
                            "DEALLOC_UAR", "TEARDOWN_HCA", "MANAGE_PAGES 2", "DISABLE_HCA"}));
  EXPECT_EQ(device_.live_objects(), 0);
  EXPECT_EQ(device_.pages().at(0).size(), 0U);
  EXPECT_EQ(platform_.allocated(), 0U);
  EXPECT_EQ(alloc_pd(driver_->commands()).error().code, ENOTCONN);
  ASSERT_TRUE(driver_->probe());  // and again
  EXPECT_TRUE(alloc_pd(driver_->commands()));
}

TEST_F(PfDriverTest, FailedBringUpLeavesNothing) {
  for (const std::uint32_t opcode : {VF_OP_ENABLE_HCA, VF_OP_MANAGE_PAGES, VF_OP_SET_HCA_CAP,
                                     VF_OP_INIT_HCA, VF_OP_ALLOC_UAR, VF_OP_CREATE_EQ}) {
    int calls = 0;
    device_.on(opcode, [&, opcode](const FakeCommand& command) {
      const bool last_eq = opcode == VF_OP_CREATE_EQ && calls < 2;
      ++calls;
      return last_eq || (opcode == VF_OP_MANAGE_PAGES && command.op_mod == VF_PAGES_TAKE)
                 ? device_.standard(command)
                 : fake_status(VF_STATUS_NO_RESOURCES, 7);
    });
    const auto result = probe();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, EAGAIN);
    EXPECT_EQ(result.error().syndrome, 7U);
    device_.on(opcode, [&](const FakeCommand& command) { return device_.standard(command); });
    EXPECT_EQ(device_.live_objects(), 0) << opcode_name(opcode);
    EXPECT_EQ(platform_.allocated(), 0U) << opcode_name(opcode);
  }
}

TEST_F(PfDriverTest, PageRequests) {
  ASSERT_TRUE(probe());
  post_page_request(0, 5);
  EXPECT_EQ(device_.pages().at(0).size(), 13U);
  post_page_request(3, 2);
  EXPECT_EQ(device_.pages().at(3).size(), 2U);
  EXPECT_EQ(driver_->firmware_pages(), 15U);
  post_page_request(0, -4);
  EXPECT_EQ(device_.pages().at(0).size(), 9U);
  EXPECT_EQ(driver_->firmware_pages(), 11U);
  device_.forget_commands();
  post_page_request(3, 0, true);
  EXPECT_TRUE(device_.commands().empty());  // records are dropped without a command
  EXPECT_EQ(driver_->firmware_pages(), 9U);
}

TEST_F(PfDriverTest, RequestThatCannotBeServedIsDeclined) {
  ASSERT_TRUE(probe());
  platform_.set_memory_limit(platform_.allocated() + 3 * 4096);
  device_.forget_commands();
  post_page_request(0, 100);
  EXPECT_THAT(names(), ElementsAre("MANAGE_PAGES ev"));
  EXPECT_EQ(driver_->firmware_pages(), 8U);
}

class Recorder : public VfListener {
 public:
  explicit Recorder(std::vector<std::string>& log) : log_(log) {}
  void vf_enabled(std::uint16_t vf) override { log_.push_back("enabled " + std::to_string(vf)); }
  void vf_disabled(std::uint16_t vf) override { log_.push_back("disabled " + std::to_string(vf)); }

 private:
  std::vector<std::string>& log_;
};

class SriovTest : public PfDriverTest {
 protected:
  void SetUp() override {
    platform_.add_sriov_capability(4);
    platform_.on_config_write([this](std::uint32_t reg, std::uint32_t value, std::uint32_t) {
      if (reg == 0x110) {
        log_.push_back("NumVFs " + std::to_string(value));
      } else if (reg == 0x108) {
        log_.push_back("control " + std::to_string(value));
      }
    });
    for (const std::uint32_t opcode : {VF_OP_ENABLE_HCA, VF_OP_DISABLE_HCA}) {
      device_.on(opcode, [this](const FakeCommand& command) {
        const auto function = VF_GET(enable_hca_in, command.in.data(), function_id);
        log_.push_back(opcode_name(command.opcode) + " " + std::to_string(function));
        return function == failing_ ? fake_status(VF_STATUS_INTERNAL, 1)
                                    : device_.standard(command);
      });
    }
    ASSERT_TRUE(probe());
    driver_->add_listener(recorder_);
    log_.clear();
  }
  std::vector<std::string> log_;
  Recorder recorder_{log_};
  std::uint64_t failing_ = 99;
};

TEST_F(SriovTest, EnableAndDisableOrder) {
  const Nanoseconds before = os_.now();
  ASSERT_TRUE(driver_->enable_sriov(2));
  EXPECT_THAT(log_, ElementsAre("enabled 0", "ENABLE_HCA 1", "enabled 1", "ENABLE_HCA 2",
                                "NumVFs 2", "control 9"));
  EXPECT_GE(os_.now() - before, 100ms);
  EXPECT_EQ(driver_->num_vfs(), 2U);
  log_.clear();
  ASSERT_TRUE(driver_->disable_sriov());
  EXPECT_THAT(log_, ElementsAre("disabled 1", "disabled 0", "control 0", "NumVFs 0",
                                "DISABLE_HCA 2", "DISABLE_HCA 1"));
  EXPECT_EQ(driver_->num_vfs(), 0U);
}

TEST_F(SriovTest, RemoveDisablesSriovFirst) {
  ASSERT_TRUE(driver_->enable_sriov(1));
  log_.clear();
  ASSERT_TRUE(driver_->remove());
  EXPECT_THAT(log_,
              ElementsAre("disabled 0", "control 0", "NumVFs 0", "DISABLE_HCA 1", "DISABLE_HCA 0"));
}

TEST_F(SriovTest, WrongNumbersAreRefused) {
  EXPECT_EQ(driver_->enable_sriov(0).error().code, EINVAL);
  EXPECT_EQ(driver_->enable_sriov(5).error().code, ERANGE);
  ASSERT_TRUE(driver_->enable_sriov(4));
  EXPECT_EQ(driver_->enable_sriov(1).error().code, EBUSY);
}

TEST_F(SriovTest, FailedEnableIsUndone) {
  failing_ = 2;
  EXPECT_EQ(driver_->enable_sriov(3).error().code, EIO);
  EXPECT_THAT(log_, ElementsAre("enabled 0", "ENABLE_HCA 1", "enabled 1", "ENABLE_HCA 2",
                                "disabled 1", "disabled 0", "DISABLE_HCA 1"));
  EXPECT_EQ(driver_->num_vfs(), 0U);
}

TEST_F(SriovTest, DisableWaitsForThePagesOfTheVfs) {
  ASSERT_TRUE(driver_->enable_sriov(1));
  post_page_request(1, 3);
  os_.after(20s, [this] {
    std::vector<std::uint8_t> data(28);
    VF_SET(eqe_page_request, data.data(), function_id, 1);
    VF_SET(eqe_page_request, data.data(), num_pages, static_cast<std::uint32_t>(-3));
    (void)device_.post_event(VF_EVENT_PAGE_REQUEST, 0, data);
  });
  const Nanoseconds before = os_.now();
  ASSERT_TRUE(driver_->disable_sriov());
  EXPECT_GE(os_.now() - before, 20s);
  EXPECT_EQ(driver_->firmware_pages(), 8U);
}

TEST(VfRouting, Arithmetic) {
  constexpr VfRouting routing{1, 2};
  static_assert(routing.vf_rid(0x100, 3) == 0x107);
  static_assert(*routing.vf_of(0x100, 0x107) == 3);
  static_assert(!routing.vf_of(0x100, 0x106).has_value());
  static_assert(!routing.vf_of(0x100, 0x100).has_value());
  EXPECT_EQ(vf_function_id(4), 5U);
}

TEST_F(PfDriverTest, CompletionsAndAsyncEventsReachTheirHandlers) {
  ASSERT_TRUE(probe());
  CqSpec spec;
  spec.eqn = driver_->completion_eqn();
  spec.uar = driver_->uar();
  spec.log_size = 2;
  spec.pages = {platform_.dma_alloc(4096).value()};
  const std::uint32_t cqn = create_cq(driver_->commands(), spec).value();
  int completions = 0;
  driver_->on_completion(cqn, [&] { ++completions; });
  platform_.write64(driver_->uar() * 4096ULL + VF_UAR_CQ_ARM, cqn);
  device_.post_cqe(cqn, {});
  device_.post_cqe(cqn, {});  // not armed any more
  std::vector<std::uint8_t> seen;
  const std::uint32_t id =
      driver_->on_async([&](std::uint8_t type, std::uint8_t sub_type, const std::uint8_t*) {
        seen = {type, sub_type};
      });
  (void)device_.post_event(VF_EVENT_PORT_CHANGE, VF_PORT_CHANGE_DOWN,
                           std::vector<std::uint8_t>(28));
  os_.sleep(1ms);
  EXPECT_EQ(completions, 1);
  EXPECT_THAT(seen, ElementsAre(VF_EVENT_PORT_CHANGE, VF_PORT_CHANGE_DOWN));
  EXPECT_FALSE(driver_->link_up());
  driver_->forget_async(id);
  driver_->forget_completion(cqn);
}

TEST_F(PfDriverTest, HealthMonitorTellsAStandingCounterAndADeadDevice) {
  ASSERT_TRUE(probe());
  os_.sleep(3s);
  EXPECT_EQ(driver_->health(), Health::good);
  os_.sleep(6s);
  EXPECT_EQ(driver_->health(), Health::compromised);
  platform_.set_register(VF_BAR_HEALTH_COUNTER, 5);
  os_.sleep(2s);
  EXPECT_EQ(driver_->health(), Health::good);
  platform_.set_register(VF_BAR_HEALTH + 0x30, ~0U);
  os_.sleep(2s);
  EXPECT_EQ(driver_->health(), Health::fatal);
  const auto result = alloc_pd(driver_->commands());
  EXPECT_EQ(result.error().code, ENXIO);
  EXPECT_EQ(result.error().syndrome, kDeadSyndrome);
  EXPECT_TRUE(driver_->remove());  // a dead device is removed all the same
}

TEST_F(PfDriverTest, RunsWithASingleVectorToo) {
  FakePlatform one(os_, 1);
  FakeDevice device(one);
  PfDriver driver(one, options_);
  ASSERT_TRUE(driver.probe());
  EXPECT_TRUE(alloc_pd(driver.commands()));
  ASSERT_TRUE(driver.remove());
}

}  // namespace
}  // namespace vfsim::driver
