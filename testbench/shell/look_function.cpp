// state, functions, outstanding, queues: what functions do and wait for.
#include <algorithm>
#include <fmt/format.h>

#include "testbench/shell/look_tools.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;

/// A function, and the parts of the machine that say something about it.
struct Looked {
  Looked(const Machine& the_machine, FnRef function)
      : machine(the_machine),
        who(function),
        nic(nic_of(the_machine, function)),
        context(context_of(the_machine, function)),
        run(nic.core.run[function.fn]),
        guest(guest_of(the_machine, function)),
        vf(host_vf(the_machine, function)),
        vmm(the_machine.watcher.vmm().device(function)) {}

  const Machine& machine;
  FnRef who;
  model::Nic::Impl& nic;
  const vf_function& context;
  const model::FnRun& run;
  Guest* guest;
  HostVf* vf;
  const VmmView::Device& vmm;

  [[nodiscard]] std::uint32_t reads() const { return nic.engine.outstanding_reads(who.fn); }
  [[nodiscard]] std::uint32_t writes() const { return nic.engine.inflight_writes(who.fn); }
  [[nodiscard]] bool drained() const {
    return (nic.control.status(who.fn) & FW_STATUS_DRAINED) != 0;
  }
  [[nodiscard]] std::uint32_t irqs() const { return nic.interrupts.table(who.fn).pending(); }
  [[nodiscard]] bool stopped() const { return run.gate_closed || run.responder_stop; }
  [[nodiscard]] std::uint32_t commands() const { return nic.doorbells->pending_by_now(who.fn); }
  [[nodiscard]] const std::vector<OpenRequest>& open() const {
    return machine.watcher.open_requests().list(who.host, rid_of(who));
  }
  [[nodiscard]] bool here() const { return guest != nullptr && guest->core().host == who.host; }
};

/// "absent", "reset", "booting", "ready", "enabled": how far it has come since power-on.
const char* stage(const Looked& f) {
  return !f.run.present                         ? "absent"
         : f.run.in_reset                       ? "in reset"
         : f.nic.control.initializing(f.who.fn) ? "initializing"
         : f.context.enabled == 0               ? "ready"
                                                : "enabled";
}

std::string vfio_state_of(const Looked& f) {
  return f.vf == nullptr ? "-" : driver::to_string(f.vf->migration.peek_state());
}

std::string initiator_text(const Looked& f) {
  if (!f.run.gate_closed) {
    return "runs";
  }
  return f.nic.gate->is_quiet(f.who.fn) ? "stopped, gate quiet" : "stopping, gate drains";
}

std::string oldest(const Looked& f, model::TlpKind kind) {
  for (const OpenRequest& r : f.open()) {
    if (r.tlp.kind == kind) {
      return fmt::format(" (oldest {})", age_text(f.machine.sim.calendar.now() - r.sent));
    }
  }
  return "";
}

/// What keeps the function from being drained.
std::string open_work(const Looked& f) {
  const std::uint32_t fn = f.who.fn;
  std::string out;
  const auto add = [&](bool there, const std::string& what) {
    if (there) {
      append(out, what);
    }
  };
  add(f.reads() != 0, fmt::format("reads {}{}", f.reads(), oldest(f, model::TlpKind::mem_read)));
  add(f.writes() != 0,
      fmt::format("writes {}{}", f.writes(), oldest(f, model::TlpKind::mem_write)));
  add(f.nic.engine.busy(fn), "DMA transfers");
  add(!f.nic.senders.idle(fn), "sends");
  add(!f.nic.receivers.idle(fn), "received frames");
  add(!f.nic.completions.idle(fn), "completions that wait for room");
  return out.empty() ? "nothing" : out;
}

std::string drain_text(const Looked& f) {
  const bool timeout = (f.nic.control.status(f.who.fn) & FW_STATUS_CPL_TIMEOUT) != 0;
  return fmt::format("{}{}; open: {}", f.drained() ? "drained" : "not drained",
                     timeout ? ", a read timed out since the stop" : "", open_work(f));
}

std::string held_events(const Looked& f) {
  std::string out;
  for (std::uint32_t i = 0; i < std::min<std::uint32_t>(f.context.held_events, VF_EVENT_QUEUE);
       ++i) {
    const vf_event& e = f.context.held_event[i];
    append(out, fmt::format("{} (sub-type {}) for {}", name_in("EVENT", e.type), e.sub_type,
                            e.eqn == 0 ? "the queue that takes it" : fmt::format("EQ {}", e.eqn)));
  }
  return out.empty() ? "none" : out;
}

/// Send queues that were rung and have not executed it all.
std::string rung_queues(const Looked& f) {
  std::string out;
  for (std::uint32_t i = 0; i < VF_SQ_COUNT; ++i) {
    const vf_wq& sq = f.context.sq[i];
    if (sq.valid != 0 && sq.sw_counter != sq.hw_counter) {
      append(out, fmt::format("SQ {:#x} {} blocks", VF_SQ_BASE + i,
                              static_cast<std::uint16_t>(sq.sw_counter - sq.hw_counter)));
    }
  }
  return out.empty() ? "none" : out;
}

std::string command_text(const Looked& f) {
  const bool held = f.run.command_hold || f.stopped() || f.run.in_reset;
  return fmt::format("{}; rung slots: {}; in work: {}", held ? "held" : "served",
                     bit_list(f.commands()), bit_list(f.nic.doorbells->owned_by_now(f.who.fn)));
}

std::string msix_text(const Looked& f) {
  const model::MsixTable& table = f.nic.interrupts.table(f.who.fn);
  const model::ConfigSpace& config = f.nic.control.function(f.who.fn).config();
  std::uint32_t masked = 0;
  std::uint32_t used = 0;
  for (std::uint32_t v = 0; v < model::MsixTable::kVectors; ++v) {
    const std::uint32_t entry = v * model::MsixTable::kEntryBytes;
    const bool mask = (table.read_table(entry + 12, 4) & 1U) != 0;
    const bool set = table.read_table(entry, 8) != 0;
    masked |= set && mask ? 1U << v : 0;
    used |= set && !mask ? 1U << v : 0;
  }
  return fmt::format("{}{}{}; pending {}; unmasked {}; masked {}",
                     config.msix_enable() ? "enabled" : "off",
                     config.msix_function_mask() ? ", function masked" : "",
                     f.run.responder_stop ? ", on hold (responder stopped)" : "",
                     bit_list(table.pending()), bit_list(used), bit_list(masked));
}

std::string tracking_text(const Looked& f) {
  if (!f.nic.engine.tracker(f.who.fn).on()) {
    return "off";
  }
  std::string ranges;
  for (std::uint32_t i = 0;
       i < std::min<std::uint32_t>(f.context.track_range_count, VF_TRACK_RANGES); ++i) {
    const vf_track_range& r = f.context.track_range[i];
    append(ranges, fmt::format("{:#x}+{:#x}", r.start, r.length));
  }
  return fmt::format("on, pages of {} bytes, ranges {}; {} pages in {} reports",
                     1U << f.context.track_log_page, ranges, f.vmm.pages, f.vmm.reports);
}

std::string mac_text(const Looked& f) {
  std::string out;
  for (std::uint32_t i = 0; i < std::min<std::uint32_t>(f.context.mac_count, VF_UC_MACS); ++i) {
    const std::uint8_t* m = f.context.mac[i];
    append(out, fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", m[0], m[1], m[2], m[3],
                            m[4], m[5]));
  }
  return (out.empty() ? "none" : out) + (f.context.promiscuous != 0 ? ", promiscuous" : "");
}

std::string guest_text(const Looked& f) {
  if (f.guest == nullptr) {
    return "none";
  }
  return fmt::format("guest{}, {} on {}", f.guest->core().number,
                     f.guest->core().gate.closed() ? "stopped" : "runs",
                     host_name(f.guest->core().host));
}

std::string vfio_text(const Looked& f) {
  std::string out = vfio_state_of(f);
  if (f.vmm.arced) {
    out += fmt::format("; newest arc {} -> {} at {}", name_in("MIG", f.vmm.from),
                       name_in("MIG", f.vmm.to), time_text(f.vmm.arc_at));
    out += f.vmm.error == 0 ? "" : fmt::format(", failed: errno {}", f.vmm.error);
  }
  return out;
}

std::string state_text(const Looked& f) {
  TextList list(16);
  const auto port = [&] {
    return fmt::format("link {}, {}", f.nic.core.link_up ? "up" : "down (no cable)",
                       f.context.link_up != 0 ? "virtual port up" : "virtual port down");
  };
  list.add(function_name(f.who), fmt::format("routing id {:#06x}, vhca_id {:#x}, {}", rid_of(f.who),
                                             f.context.vhca_id, stage(f)));
  list.add("guest", guest_text(f));
  if (f.vf != nullptr) {
    list.add("VFIO state", vfio_text(f));
  }
  list.add("bus", fmt::format("present {}, bus master {}, decodes memory {}, health {:#x}",
                              yes_no(f.run.present),
                              yes_no(f.nic.control.function(f.who.fn).config().bus_master()),
                              yes_no(f.run.present && f.nic.control.decodes_memory(f.who.fn)),
                              f.run.health));
  list.add("initiator", initiator_text(f));
  list.add("responder", f.run.responder_stop ? "stopped" : "runs");
  list.add("drain", drain_text(f));
  list.add("events held", held_events(f));
  list.add(f.run.gate_closed ? "sends held" : "sends rung", rung_queues(f));
  list.add("commands", command_text(f));
  list.add("MSI-X", msix_text(f));
  list.add("dirty tracking", tracking_text(f));
  list.add("MAC addresses", mac_text(f));
  list.add("port", port());
  return list.text();
}

/// Functions that a command with an optional FUNCTION is about. False: `error`.
bool functions_of(const Machine& machine, const Words& words, std::vector<FnRef>& found,
                  std::string& error) {
  if (words.size() == 2) {
    found.emplace_back();
    return find_function(machine, words[1], found.back(), error);
  }
  for (std::uint8_t host = 0; host < 2; ++host) {
    for (std::uint32_t fn = 0; fn <= machine.sim.scenario().nic.vfs; ++fn) {
      found.push_back({host, static_cast<std::uint8_t>(fn)});
    }
  }
  return true;
}

std::string open_table(const Looked& f) {
  constexpr std::size_t kMost = 64;
  TextTable table({"age>", "TLP", "address>", "bytes>", "tag>", ""});
  const model::Ps now = f.machine.sim.calendar.now();
  const model::Ps timeout = f.machine.sim.scenario().nic.completion_timeout_us * model::kUs;
  std::size_t reads = 0;
  for (const OpenRequest& r : f.open()) {
    const bool read = r.tlp.kind == model::TlpKind::mem_read;
    reads += read ? 1 : 0;
    if (table.rows() < kMost) {
      table.row({age_text(now - r.sent), tlp_name(r.tlp), fmt::format("{:#x}", r.tlp.addr),
                 std::to_string(r.tlp.bytes), read ? std::to_string(r.tlp.tag) : "",
                 read && now - r.sent > timeout ? "timed out"
                 : r.tlp.relaxed                ? "relaxed"
                                                : ""});
    }
  }
  const std::size_t writes = f.open().size() - reads;
  std::string out = fmt::format("{}: reads outstanding {}, writes in flight {}",
                                function_name(f.who), reads, writes);
  if (reads != f.reads() || writes != f.writes()) {
    out += fmt::format(" (the NIC counts {} and {})", f.reads(), f.writes());
  }
  out += table.empty() ? "" : "\n" + table.text();
  return f.open().size() > kMost
             ? out + fmt::format("\n... {} younger ones", f.open().size() - kMost)
             : out;
}

/// Of free running counters of `bits` bits.
std::uint32_t behind(std::uint32_t ahead, std::uint32_t at, unsigned bits) {
  return (ahead - at) & ((1U << bits) - 1U);
}

template <class Object, std::size_t kCount, class Row>
void each(const Object (&array)[kCount], std::uint32_t base, const Row& row) {
  for (std::uint32_t i = 0; i < kCount; ++i) {
    if (array[i].valid != 0) {
      row(fmt::format("{:#x}", base + i), array[i]);
    }
  }
}

std::string work_queues(const vf_function& f) {
  TextTable table(
      {"queue", "number", "state", "size>", "hw>", "sw>", "ahead>", "CQ>", "user>", ""});
  const auto rows = [&](const char* kind, const char* meaning) {
    return [&table, kind, meaning](const std::string& number, const vf_wq& q) {
      const std::uint32_t ahead = behind(q.sw_counter, q.hw_counter, 16);
      table.row({kind, number, name_in("WQ", q.state), std::to_string(1U << q.log_size),
                 std::to_string(q.hw_counter), std::to_string(q.sw_counter), std::to_string(ahead),
                 fmt::format("{:#x}", q.cqn), fmt::format("{:#x}", q.user_index),
                 ahead != 0 ? meaning : ""});
    };
  };
  each(f.sq, VF_SQ_BASE, rows("SQ", "blocks to execute"));
  each(f.rq, VF_RQ_BASE, rows("RQ", "buffers known to be free"));
  return table.empty() ? "" : table.text();
}

std::string completion_and_event_queues(const vf_function& f) {
  TextTable table({"queue", "number", "state", "size>", "ci>", "pi>", "ahead>", "tells", ""});
  constexpr unsigned kIndexBits = 24;
  each(f.cq, VF_CQ_BASE, [&](const std::string& number, const vf_cq& q) {
    table.row({"CQ", number, name_in("QUEUE", q.st), std::to_string(1U << q.log_size),
               std::to_string(q.ci), std::to_string(q.pi),
               std::to_string(behind(q.pi, q.ci, kIndexBits)), fmt::format("EQ {}", q.eqn),
               q.error != 0 ? "overrun" : ""});
  });
  each(f.eq, VF_EQ_BASE, [&](const std::string& number, const vf_eq& q) {
    table.row({"EQ", number, name_in("QUEUE", q.st), std::to_string(1U << q.log_size),
               std::to_string(q.ci), std::to_string(q.pi),
               std::to_string(behind(q.pi, q.ci, kIndexBits)), fmt::format("vector {}", q.intr),
               ""});
  });
  return table.empty() ? "" : table.text();
}

std::string queue_pair_table(const vf_function& f) {
  TextTable table({"queue", "number", "state", "receive ring", "entries>", "CQ>", "remote>"});
  each(f.qp, VF_QP_BASE, [&](const std::string& number, const vf_qp& q) {
    table.row({"QP", number, name_in("QP", q.state), name_in("QP_RQ", q.rq_type),
               std::to_string(1U << q.log_rq_size), fmt::format("{:#x}", q.cqn_rcv),
               fmt::format("{:#x}", q.remote_qpn)});
  });
  return table.empty() ? "" : table.text();
}

template <class Object, std::size_t kCount>
std::string count(const Object (&array)[kCount]) {
  return std::to_string(
      std::count_if(array, array + kCount, [](const Object& o) { return o.valid != 0; }));
}

/// One line of figures for each function.
std::string queue_counts(const Machine& machine, const std::vector<FnRef>& functions) {
  TextTable table({"function", "SQ>", "RQ>", "CQ>", "EQ>", "QP>", "keys>", "blocks to execute>",
                   "completions to consume>"});
  for (const FnRef who : functions) {
    const vf_function& f = context_of(machine, who);
    std::uint32_t blocks = 0;
    std::uint32_t entries = 0;
    each(f.sq, VF_SQ_BASE, [&](const std::string&, const vf_wq& q) {
      blocks += behind(q.sw_counter, q.hw_counter, 16);
    });
    each(f.cq, VF_CQ_BASE,
         [&](const std::string&, const vf_cq& q) { entries += behind(q.pi, q.ci, 24); });
    table.row({function_name(who), count(f.sq), count(f.rq), count(f.cq), count(f.eq), count(f.qp),
               count(f.mkey), std::to_string(blocks), std::to_string(entries)});
  }
  return table.text(1);
}

std::string all_queues(const vf_function& f) {
  std::string out;
  for (const std::string& part : {work_queues(f), completion_and_event_queues(f), queue_pair_table(f)}) {
    if (!part.empty()) {
      append(out, part, "\n");
    }
  }
  return out;
}

}  // namespace

Answer shell_state(Machine& machine, const Words& words) {
  FnRef who;
  std::string error;
  if (words.size() != 2) {
    return wrong_usage(words[0]);
  }
  return find_function(machine, words[1], who, error) ? lines(state_text(Looked(machine, who)))
                                                      : wrong(error);
}

Answer shell_functions(Machine& machine, const Words& words) {
  if (words.size() != 1) {
    return wrong_usage(words[0]);
  }
  std::vector<FnRef> all;
  std::string error;
  functions_of(machine, words, all, error);
  TextTable table({"function", "guest", "stage", "VFIO", "init", "resp", "drained", "rd>", "wr>",
                   "ev>", "cmd>", "irq>"});
  for (const FnRef who : all) {
    const Looked f(machine, who);
    table.row({function_name(who), f.here() ? fmt::format("guest{}", f.guest->core().number) : "",
               stage(f), vfio_state_of(f), f.run.gate_closed ? "stopped" : "runs",
               f.run.responder_stop ? "stopped" : "runs", yes_no(f.drained()),
               std::to_string(f.reads()), std::to_string(f.writes()),
               std::to_string(f.context.held_events),
               std::to_string(__builtin_popcount(f.commands())),
               std::to_string(__builtin_popcount(f.irqs()))});
  }
  return lines(table.text(2));
}

Answer shell_outstanding(Machine& machine, const Words& words) {
  if (words.size() > 2) {
    return wrong_usage(words[0]);
  }
  std::vector<FnRef> wanted;
  std::string error;
  if (!functions_of(machine, words, wanted, error)) {
    return wrong(error);
  }
  std::string out;
  for (const FnRef who : wanted) {
    const Looked f(machine, who);
    if (words.size() == 2 || !f.open().empty() || f.reads() + f.writes() != 0) {
      append(out, open_table(f), "\n");
    }
  }
  return lines(out.empty() ? "nothing is outstanding or in flight" : out);
}

Answer shell_queues(Machine& machine, const Words& words) {
  if (words.size() > 2) {
    return wrong_usage(words[0]);
  }
  std::vector<FnRef> wanted;
  std::string error;
  if (!functions_of(machine, words, wanted, error)) {
    return wrong(error);
  }
  if (words.size() == 1) {
    return lines(queue_counts(machine, wanted));
  }
  const std::string queues = all_queues(context_of(machine, wanted[0]));
  return lines(queues.empty() ? function_name(wanted[0]) + " has no queues" : queues);
}

}  // namespace vfsim::bench
