// A PF with one migratable VF on a scripted device.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "firmware/interface/layout.h"
#include "host_driver/cmd/commands.hpp"
#include "host_driver/migration/record.hpp"
#include "host_driver/migration/vf_migration_driver.hpp"
#include "host_driver/pf/pf_driver.hpp"
#include "host_driver/platform/fake_device.hpp"
#include "host_driver/platform/fake_os.hpp"
#include "host_driver/platform/fake_platform.hpp"

namespace vfsim::driver {

inline constexpr std::uint16_t kTestVhca = 0x1234;

/// What the scripted firmware answers to QUERY and SAVE.
struct FakeImage {
  std::uint32_t required = 0x3000;
  std::uint64_t remaining = 0;
  std::uint8_t state = 0;
  std::uint32_t image_bytes = 100;
  std::uint32_t next = 0;  // next_required_umem_size
  std::uint8_t save_status = VF_STATUS_OK;
  Nanoseconds save_time{10'000};
};

class FakeBench {
 public:
  explicit FakeBench(MigFlow flow = MigFlow::newest, bool chunks = false, vf_fault_set faults = {},
                     DriverObserver* observer = nullptr)
      : pf(platform, pf_options()) {
    auto& general = device.capability(VF_CAP_GENERAL);
    VF_SET(cmd_hca_cap, general.data(), migration, 1);
    VF_SET(cmd_hca_cap, general.data(), hca_cap_2, 1);
    VF_SET(cmd_hca_cap, general.data(), adv_virtualization, 1);
    VF_SET(cmd_hca_cap, general.data(), vhca_id, kTestVhca);
    auto& general_2 = device.capability(VF_CAP_GENERAL_2);
    general_2.resize(4096);
    VF_SET(cmd_hca_cap_2, general_2.data(), migratable, 1);
    VF_SET(cmd_hca_cap_2, general_2.data(), migration_multi_load, 1);
    VF_SET(cmd_hca_cap_2, general_2.data(), migration_tracking_state, 1);
    VF_SET(cmd_hca_cap_2, general_2.data(), migration_state, 1);
    VF_SET(cmd_hca_cap_2, general_2.data(), migration_in_chunks, chunks ? 1 : 0);
    auto& tracker = device.capability(VF_CAP_ADV_VIRTUALIZATION);
    tracker.resize(4096);
    VF_SET(adv_virtualization_cap, tracker.data(), pg_track_max_num_range, 2);
    VF_SET(adv_virtualization_cap, tracker.data(), pg_track_log_min_addr_space, 20);
    VF_SET(adv_virtualization_cap, tracker.data(), pg_track_log_max_addr_space, 52);
    VF_SET(adv_virtualization_cap, tracker.data(), pg_track_log_max_msg_size, 16);
    VF_SET(adv_virtualization_cap, tracker.data(), pg_track_log_min_page_size, 12);
    VF_SET(adv_virtualization_cap, tracker.data(), pg_track_log_max_page_size, 21);
    platform.add_sriov_capability(4);
    script();
    options.flow = flow;
    options.faults = faults;
    options.observer = observer;
    driver = std::make_unique<VfMigrationDriver>(pf, vf_platform, std::uint16_t{2}, options);
  }

  /// Bring-up, VFs 0..2, bind; then the command log is empty. False: something failed.
  [[nodiscard]] bool start_up() {
    if (!pf.probe() || !pf.enable_sriov(3)) {
      return false;
    }
    device.forget_commands();
    const bool bound = driver->bind().has_value();
    bind_log = log();
    device.forget_commands();
    return bound;
  }

  /// Commands so far, readable: "SUSPEND_VHCA:1", "SAVE inc=1 track=0 size=0x3000".
  [[nodiscard]] std::vector<std::string> log() const {
    std::vector<std::string> lines;
    for (const FakeCommand& command : device.commands()) {
      lines.push_back(describe(command));
    }
    return lines;
  }
  [[nodiscard]] std::vector<std::string> take_log() {
    auto lines = log();
    device.forget_commands();
    return lines;
  }

  [[nodiscard]] static std::string describe(const FakeCommand& command) {
    const std::uint8_t* in = command.in.data();
    switch (command.opcode) {
      case VF_OP_SUSPEND_VHCA:
        return "SUSPEND " + std::to_string(command.op_mod);
      case VF_OP_RESUME_VHCA:
        return "RESUME " + std::to_string(command.op_mod);
      case VF_OP_QUERY_VHCA_MIGRATION_STATE:
        return "QUERY inc=" +
               std::to_string(VF_GET(query_vhca_migration_state_in, in, incremental)) +
               (VF_GET(query_vhca_migration_state_in, in, chunk) != 0 ? " chunk" : "");
      case VF_OP_SAVE_VHCA_STATE:
        return "SAVE inc=" + std::to_string(VF_GET(save_vhca_state_in, in, incremental)) +
               " track=" + std::to_string(VF_GET(save_vhca_state_in, in, set_track)) +
               " size=" + std::to_string(VF_GET(save_vhca_state_in, in, size));
      case VF_OP_LOAD_VHCA_STATE:
        return "LOAD size=" + std::to_string(VF_GET(load_vhca_state_in, in, size));
      case VF_OP_CREATE_MKEY:
        return "CREATE_MKEY len=" +
               std::to_string(VF_GET(mkc, VF_PTR(create_mkey_in, in, memory_key_mkey_entry), len));
      case VF_OP_QUERY_HCA_CAP:
        return "QUERY_HCA_CAP op_mod=" + std::to_string(command.op_mod) +
               " function=" + std::to_string(VF_GET(query_hca_cap_in, in, function_id));
      default:
        return opcode_name(command.opcode);
    }
  }

  [[nodiscard]] Result<std::shared_ptr<MigStream>> go(MigState target) {
    return driver->set_state(target);
  }
  [[nodiscard]] MigState state() { return driver->state().value(); }

  FakeOs os;
  FakePlatform platform{os};
  FakePlatform vf_platform{os};
  FakeDevice device{platform};
  FakeImage image;
  PfDriver pf;
  VfMigrationOptions options;
  std::unique_ptr<VfMigrationDriver> driver;
  std::vector<std::string> bind_log;
  std::vector<std::vector<std::uint8_t>> loaded;  // images of LOAD, in order

 private:
  static PfOptions pf_options() {
    PfOptions options;
    options.health_poll = false;
    options.sriov_settle = Nanoseconds(1000);
    return options;
  }

  void script() {
    device.on(VF_OP_QUERY_VHCA_MIGRATION_STATE, [this](const FakeCommand&) {
      FakeReply reply;
      reply.out.resize(VF_BYTES(query_vhca_migration_state_out));
      VF_SET(query_vhca_migration_state_out, reply.out.data(), required_umem_size, image.required);
      VF_SET(query_vhca_migration_state_out, reply.out.data(), remaining_total_size,
             image.remaining);
      VF_SET(query_vhca_migration_state_out, reply.out.data(), migration_state, image.state);
      return reply;
    });
    device.on(VF_OP_SAVE_VHCA_STATE, [this](const FakeCommand&) {
      FakeReply reply = fake_status(image.save_status, 0);
      VF_SET(save_vhca_state_out, reply.out.data(), actual_image_size, image.image_bytes);
      VF_SET(save_vhca_state_out, reply.out.data(), next_required_umem_size, image.next);
      reply.delay = image.save_time;
      return reply;
    });
  }
};

}  // namespace vfsim::driver
