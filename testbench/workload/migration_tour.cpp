#include "testbench/workload/migration_tour.hpp"

#include <array>
#include <fmt/format.h>

#include "host_driver/cmd/commands.hpp"
#include "host_driver/resources/dma_buffer.hpp"

namespace vfsim::bench {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;
using driver::Bytes;
using driver::Result;

constexpr std::uint32_t kImageBytes = 1U << 20;
constexpr std::size_t kShortOutput = 8;

struct Command {
  vf_opcode opcode;
  std::uint16_t op_mod;
};
constexpr std::array<Command, 7> kCommands = {{{VF_OP_SUSPEND_VHCA, VF_SUSPEND_INITIATOR},
                                               {VF_OP_SUSPEND_VHCA, VF_SUSPEND_RESPONDER},
                                               {VF_OP_RESUME_VHCA, VF_RESUME_RESPONDER},
                                               {VF_OP_RESUME_VHCA, VF_RESUME_INITIATOR},
                                               {VF_OP_QUERY_VHCA_MIGRATION_STATE, 0},
                                               {VF_OP_SAVE_VHCA_STATE, 0},
                                               {VF_OP_LOAD_VHCA_STATE, 0}}};

class Tour {
 public:
  Tour(driver::CommandChannel& channel, std::uint16_t vhca, std::uint32_t mkey)
      : channel_(channel), vhca_(vhca), mkey_(mkey) {}

  Result<void> run() {
    for (const bool responder : {false, true}) {
      for (const bool initiator : {false, true}) {
        if (initiator || !responder) {
          BOOST_OUTCOME_TRYV(all_commands(initiator, responder));
        }
      }
    }
    return go(false, false);
  }

 private:
  Result<void> all_commands(bool initiator, bool responder) {
    for (const Command& command : kCommands) {
      BOOST_OUTCOME_TRYV(go(initiator, responder));
      const Bytes in = input(command);
      if (channel_.execute(in, kShortOutput)) {
        return driver::fail(EPROTO, fmt::format("{} with a short output was accepted",
                                                driver::opcode_name(command.opcode)));
      }
      const auto done = channel_.execute(in, driver::output_bytes(command.opcode));
      note(command, done.has_value());
      if (done && command.opcode == VF_OP_SAVE_VHCA_STATE) {
        saved_ = static_cast<std::uint32_t>(
            VF_GET(save_vhca_state_out, done.value().data(), actual_image_size));
      }
    }
    return success();
  }

  [[nodiscard]] Bytes input(const Command& command) const {
    Bytes in = driver::make_command(command.opcode, command.op_mod);
    VF_SET(suspend_vhca_in, in.data(), vhca_id, vhca_);  // at one place in all of them
    if (command.opcode == VF_OP_SAVE_VHCA_STATE) {
      VF_SET(save_vhca_state_in, in.data(), mkey, mkey_);
      VF_SET(save_vhca_state_in, in.data(), size, kImageBytes);
    } else if (command.opcode == VF_OP_LOAD_VHCA_STATE) {
      VF_SET(load_vhca_state_in, in.data(), mkey, mkey_);
      VF_SET(load_vhca_state_in, in.data(), size, saved_);
    }
    return in;
  }

  void note(const Command& command, bool ok) {
    if (ok && (command.opcode == VF_OP_SUSPEND_VHCA || command.opcode == VF_OP_RESUME_VHCA)) {
      const bool suspend = command.opcode == VF_OP_SUSPEND_VHCA;
      const bool initiator =
          command.op_mod == (suspend ? VF_SUSPEND_INITIATOR : VF_RESUME_INITIATOR);
      (initiator ? initiator_ : responder_) = suspend;
    }
  }

  /// Stops the initiator first and resumes it last.
  Result<void> go(bool initiator, bool responder) {
    if (initiator && !initiator_) {
      BOOST_OUTCOME_TRYV(driver::suspend_vhca(channel_, vhca_, VF_SUSPEND_INITIATOR));
    }
    if (responder != responder_) {
      BOOST_OUTCOME_TRYV(responder ? driver::suspend_vhca(channel_, vhca_, VF_SUSPEND_RESPONDER)
                                   : driver::resume_vhca(channel_, vhca_, VF_RESUME_RESPONDER));
    }
    if (!initiator && initiator_) {
      BOOST_OUTCOME_TRYV(driver::resume_vhca(channel_, vhca_, VF_RESUME_INITIATOR));
    }
    initiator_ = initiator;
    responder_ = responder;
    return success();
  }

  driver::CommandChannel& channel_;
  const std::uint16_t vhca_;
  const std::uint32_t mkey_;
  bool initiator_ = false;  // stopped
  bool responder_ = false;
  std::uint32_t saved_ = kImageBytes;
};

}  // namespace

Result<void> tour_migration_commands(driver::PfDriver& pf, std::uint16_t vf) {
  driver::CommandChannel& channel = pf.commands();
  BOOST_OUTCOME_TRY(memory, driver::DmaBuffer::allocate(pf.platform(), kImageBytes));
  BOOST_OUTCOME_TRY(area, driver::query_hca_cap(channel, VF_CAP_GENERAL, driver::CapMode::current,
                                                static_cast<std::uint16_t>(vf + 1)));
  BOOST_OUTCOME_TRY(pd, driver::alloc_pd(channel));
  driver::MkeySpec spec;
  spec.pd = pd;
  spec.length = kImageBytes;
  spec.pages = memory.pages();
  BOOST_OUTCOME_TRY(mkey, driver::create_mkey(channel, spec));
  Tour tour(channel, static_cast<std::uint16_t>(VF_GET(cmd_hca_cap, area.data(), vhca_id)), mkey);
  BOOST_OUTCOME_TRYV(tour.run());
  BOOST_OUTCOME_TRYV(driver::destroy_mkey(channel, mkey));
  return driver::dealloc_pd(channel, pd);
}

}  // namespace vfsim::bench
