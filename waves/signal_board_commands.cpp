// The command side of the board: queues, run states, what the firmware works on.
#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "firmware/interface/tables.hpp"
#include "waves/signal_board.hpp"

namespace vfsim::waves {

using model::Ps;

void SignalBoard::show_command(Ps t, std::uint32_t u) {
  const Queue& queue = queues_[u];
  const auto open =
      std::find_if(queue.begin(), queue.end(), [](const Slot& slot) { return slot.opcode != 0; });
  set_text(t, id_of(u, FUNCTION_command),
           open == queue.end() ? std::string_view() : contract::opcode_name(open->opcode));
  set(t, id_of(u, FUNCTION_commands_waiting),
      static_cast<std::uint64_t>(
          std::count_if(open, queue.end(), [](const Slot& slot) { return slot.opcode != 0; })));
}

void SignalBoard::command_submitted(Ps t, const model::CommandView& view) {
  const std::uint32_t u = unit(view.who);
  if (u == kNoUnit || view.slot >= queues_[u].size()) {
    return;
  }
  seen_[u] = true;
  queues_[u][view.slot] = {view.opcode, target(view)};
  show_command(t, u);
  const std::string_view name = contract::opcode_name(view.opcode);
  set_text(t, id_of(u, FUNCTION_command), name.empty() ? std::string_view("unknown opcode") : name);
  begin_work(t, queues_[u][view.slot].target, view);
}

void SignalBoard::command_completed(Ps t, const model::CommandView& view) {
  const std::uint32_t u = unit(view.who);
  if (u == kNoUnit || view.slot >= queues_[u].size()) {
    return;
  }
  const Slot slot = std::exchange(queues_[u][view.slot], {});
  const bool good = view.delivery == VF_DELIVERY_OK && view.status == VF_STATUS_OK &&
                    view.in_bytes >= VF_CMD_INLINE_BYTES;
  show_command(t, u);
  answer(t, u, view, good);
  end_work(t, slot.target, view, good);
  if (good && view.opcode == VF_OP_QUERY_HCA_CAP) {
    learn_vhca(view);
  }
}

void SignalBoard::answer(Ps t, std::uint32_t u, const model::CommandView& view, bool good) {
  std::string text(contract::opcode_name(view.opcode));
  if (view.delivery != VF_DELIVERY_OK) {
    text.append(" delivery ").append(contract::enum_name("DELIVERY", view.delivery));
  } else {
    text.append(" ").append(contract::enum_name("STATUS", view.status));
  }
  if (!good) {
    std::array<char, 16> syndrome{};
    std::snprintf(syndrome.data(), syndrome.size(), " %#x", view.syndrome);
    text += syndrome.data();
  }
  happen(t, id_of(u, FUNCTION_answer), text);
}

/// Function that a command of the PF works on. These five name it at the same place.
std::uint32_t SignalBoard::target(const model::CommandView& view) const {
  const bool about_one = view.opcode == VF_OP_SUSPEND_VHCA || view.opcode == VF_OP_RESUME_VHCA ||
                         view.opcode == VF_OP_QUERY_VHCA_MIGRATION_STATE ||
                         view.opcode == VF_OP_SAVE_VHCA_STATE ||
                         view.opcode == VF_OP_LOAD_VHCA_STATE;
  if (!about_one || view.in_bytes < VF_CMD_INLINE_BYTES) {
    return kNoUnit;
  }
  const auto& known = vhca_[view.who.host];
  const auto found =
      known.find(static_cast<std::uint32_t>(VF_GET(suspend_vhca_in, view.in, vhca_id)));
  return found == known.end() ? kNoUnit : unit(view.who.host, found->second);
}

void SignalBoard::begin_work(Ps t, std::uint32_t u, const model::CommandView& view) {
  if (u == kNoUnit) {
    return;
  }
  seen_[u] = true;
  std::string text(contract::opcode_name(view.opcode));
  if (view.opcode == VF_OP_SUSPEND_VHCA) {
    text.append(" ").append(contract::enum_name("SUSPEND", view.op_mod));
    moving_[u] = Moving::suspends;
  } else if (view.opcode == VF_OP_RESUME_VHCA) {
    text.append(" ").append(contract::enum_name("RESUME", view.op_mod));
    moving_[u] = Moving::resumes;
  }
  set_text(t, id_of(u, FUNCTION_work), text);
  show_run_state(t, u);
}

void SignalBoard::end_work(Ps t, std::uint32_t u, const model::CommandView& view, bool good) {
  if (u == kNoUnit) {
    return;
  }
  set_text(t, id_of(u, FUNCTION_work), {});
  const bool stop = view.opcode == VF_OP_SUSPEND_VHCA;
  if (stop || view.opcode == VF_OP_RESUME_VHCA) {
    moving_[u] = Moving::no;
    const bool initiator = view.op_mod == (stop ? VF_SUSPEND_INITIATOR : VF_RESUME_INITIATOR);
    if (good) {
      set(t, id_of(u, initiator ? FUNCTION_initiator_stopped : FUNCTION_responder_stopped),
          stop ? 1 : 0);
    }
    show_run_state(t, u);
  }
}

void SignalBoard::show_run_state(Ps t, std::uint32_t u) {
  const bool initiator = number(id_of(u, FUNCTION_initiator_stopped)) != 0;
  const bool responder = number(id_of(u, FUNCTION_responder_stopped)) != 0;
  const SignalValue state = moving_[u] == Moving::resumes ? RUN_STATE_RESUMING
                            : moving_[u] == Moving::suspends
                                ? initiator ? RUN_STATE_STOPPING : RUN_STATE_DRAINING
                            : responder ? RUN_STATE_STOPPED
                            : initiator ? RUN_STATE_INITIATOR_STOPPED
                                        : RUN_STATE_RUNNING;
  set(t, id_of(u, FUNCTION_run_state), state);
}

void SignalBoard::learn_vhca(const model::CommandView& view) {
  if (view.op_mod >> 1 == VF_CAP_GENERAL &&
      VF_GET(query_hca_cap_in, view.in, other_function) != 0 &&
      VF_GET(query_hca_cap_in, view.in, function_id_type) == 0 &&
      view.out_bytes >= VF_BYTES(query_hca_cap_out)) {
    const std::uint8_t* cap = VF_PTR(query_hca_cap_out, view.out, capability);
    vhca_[view.who.host][static_cast<std::uint32_t>(VF_GET(cmd_hca_cap, cap, vhca_id))] =
        static_cast<std::uint32_t>(VF_GET(query_hca_cap_in, view.in, function_id));
  }
}

}  // namespace vfsim::waves
