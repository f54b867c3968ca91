#include "systemc/nic/event_queue.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "firmware/interface/faults.h"
#include "systemc/nic/page_run.hpp"
#include "systemc/nic/queue_index.hpp"

namespace vfsim::model {

namespace {
constexpr std::uint32_t kEqeBytes = 64;
constexpr std::uint32_t kDataBytes = 28;
// Health syndromes, source: mlx5 device interface section 2.
constexpr std::uint8_t kHealthEqOverrun = 0xc;
constexpr std::uint8_t kHealthEqError = 0xd;
}  // namespace

void EventQueues::doorbell(std::uint32_t fn, const std::uint8_t* bytes, bool arm) {
  vf_eq* eq = find_object(core_.context(fn).eq,
                          static_cast<std::uint32_t>(VF_GET(uar_eq_db, bytes, eqn)), VF_EQ_BASE);
  if (eq == nullptr) {
    return;
  }
  eq->ci = static_cast<std::uint32_t>(VF_GET(uar_eq_db, bytes, ci));
  if (!arm || eq->st == VF_QUEUE_ALWAYS_ARMED) {
    return;
  }
  eq->st = VF_QUEUE_ARMED;
  if (core_.may_start(fn)) {
    raise_if_unconsumed(fn, *eq);
  }
}

void EventQueues::raise_if_unconsumed(std::uint32_t fn, vf_eq& eq) {
  if (eq.st == VF_QUEUE_ARMED && eq.ci != eq.pi) {
    eq.st = VF_QUEUE_FIRED;
    interrupts_.raise(fn, eq.intr);
  }
}

void EventQueues::post(std::uint32_t fn, std::uint32_t eqn, std::uint8_t type,
                       std::uint8_t sub_type, const std::uint8_t* data) {
  vf_eq* eq = find_object(core_.context(fn).eq, eqn, VF_EQ_BASE);
  if (eq == nullptr || core_.run[fn].in_reset) {
    return;
  }
  const std::uint32_t log_size = eq->log_size & 31U;
  const std::uint32_t size = 1U << log_size;
  if (eq->oi == 0 && ((eq->pi - eq->ci) & kIndexMask) >= size) {
    core_.run[fn].health = kHealthEqOverrun;
    return;
  }
  const BusRun at =
      page_run(*core_.ram, eq->ring, static_cast<std::uint64_t>(eq->pi & (size - 1)) * kEqeBytes);
  if (at.bytes < kEqeBytes) {
    core_.run[fn].health = kHealthEqError;
    return;
  }
  std::array<std::uint8_t, kEqeBytes> eqe{};
  VF_SET(eqe, eqe.data(), event_type, type);
  VF_SET(eqe, eqe.data(), event_sub_type, sub_type);
  std::memcpy(&eqe[0x20], data, kDataBytes);
  VF_SET(eqe, eqe.data(), owner, eq->pi >> log_size & 1U);
  eq->pi = (eq->pi + 1) & kIndexMask;
  const bool raise = eq->st != VF_QUEUE_FIRED;
  eq->st = eq->st == VF_QUEUE_ARMED ? static_cast<std::uint8_t>(VF_QUEUE_FIRED) : eq->st;
  const bool early = raise && core_.fault(VF_FAULT_msi_before_eqe);
  if (early) {
    interrupts_.raise(fn, eq->intr);
  }
  DmaRequest write;
  write.addr = at.addr;
  write.buffer = eqe.data();
  write.bytes = kEqeBytes;
  write.fn = static_cast<std::uint8_t>(fn);
  write.to_host = true;
  write.copied = true;
  write.notify = DmaNotify::never;
  engine_.submit(write);
  ++core_.stats.fn[fn].eqes;
  if (raise && !early) {
    interrupts_.raise(fn, eq->intr);
  }
}

bool EventQueues::post_by_type(std::uint32_t fn, std::uint8_t type, std::uint8_t sub_type,
                               const std::uint8_t* data) {
  const vf_function& context = core_.context(fn);
  for (std::uint32_t i = 0; i < VF_EQ_COUNT; ++i) {
    if (context.eq[i].valid != 0 && (context.eq[i].mask[type / 64] >> (type % 64) & 1U) != 0) {
      post(fn, VF_EQ_BASE + i, type, sub_type, data);
      return true;
    }
  }
  return false;
}

void EventQueues::post_staged(std::uint32_t fn, std::uint32_t eqn) {
  vf_event event = core_.context(fn).eqe_stage;
  event.eqn = eqn;
  if (core_.run[fn].gate_closed) {
    hold(fn, event);
  } else {
    post(fn, eqn, event.type, event.sub_type, event.data);
  }
}

void EventQueues::hold(std::uint32_t fn, const vf_event& event) {
  vf_function& context = core_.context(fn);
  if (context.held_events < VF_EVENT_QUEUE) {
    context.held_event[context.held_events++] = event;
    return;
  }
  // The list is full: completed slots of the command queue can share an entry, anything else is an
  // error.
  for (std::uint32_t i = VF_EVENT_QUEUE; event.type == VF_EVENT_CMD && i-- > 0;) {
    vf_event& held = context.held_event[i];
    if (held.type == VF_EVENT_CMD && held.eqn == event.eqn) {
      vf_be32_store(held.data, vf_be32_load(held.data) | vf_be32_load(event.data));
      return;
    }
  }
  core_.run[fn].health = kHealthEqError;
}

void EventQueues::rescan(std::uint32_t fn) {
  vf_function& context = core_.context(fn);
  const std::uint32_t held = std::min<std::uint32_t>(context.held_events, VF_EVENT_QUEUE);
  context.held_events = 0;
  for (std::uint32_t i = 0; i < held; ++i) {
    const vf_event& event = context.held_event[i];
    post(fn, event.eqn, event.type, event.sub_type, event.data);
  }
  std::memset(context.held_event, 0, sizeof context.held_event);
  for (vf_eq& eq : context.eq) {
    if (eq.valid != 0) {
      raise_if_unconsumed(fn, eq);
    }
  }
}

}  // namespace vfsim::model
