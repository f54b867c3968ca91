#include "testbench/checkers/checker_rig.hpp"

#include <algorithm>

#include "firmware/interface/signature.h"
#include "testbench/checkers/command_entry.hpp"

namespace vfsim::bench {

using model::FnRef;
using model::Observer;
using model::Probe;

namespace {

constexpr std::uint32_t kVhcaBase = VF_VHCA_ID_BASE;

std::uint64_t swapped(std::uint64_t value, std::uint32_t bytes) {
  std::uint64_t result = 0;
  for (std::uint32_t i = 0; i < bytes; ++i) {
    result = result << 8 | (value >> (8 * i) & 0xff);
  }
  return result;
}

void put_pages(CheckerRig::Bytes& in, std::size_t at, const std::vector<std::uint64_t>& pages) {
  in.resize(std::max(in.size(), at + 8 * pages.size()));
  for (std::size_t i = 0; i < pages.size(); ++i) {
    vf_be64_store(in.data() + at + 8 * i, pages[i]);
  }
}

std::vector<std::uint64_t> contiguous(std::uint64_t start, std::uint64_t bytes) {
  std::vector<std::uint64_t> pages;
  for (std::uint64_t at = start; at < start + bytes; at += VF_PAGE_BYTES) {
    pages.push_back(at);
  }
  return pages;
}

}  // namespace

CheckerRig::CheckerRig(const std::function<void(CheckContext&)>& configure)
    : queues_(kFunctionIndices) {
  for (std::uint8_t host = 0; host < kHosts; ++host) {
    memories_[host] = std::make_unique<model::HostMemory>(kMemory);
    context_.memory[host] = memories_[host].get();
  }
  context_.translate = [](std::uint8_t, model::Rid, std::uint64_t iova, std::uint32_t bytes) {
    return iova + bytes <= kMemory ? std::optional<std::uint64_t>(iova) : std::nullopt;
  };
  context_.state_digest = [this](std::uint8_t, std::uint32_t) { return digest; };
  context_.functions = 9;
  if (configure) {
    configure(context_);
  }
  rules_ = std::make_unique<RuleSet>(context_, bus_);
}

Violation CheckerRig::last(std::string_view id) const {
  const auto& stored = rules_->violations().stored();
  const auto found = std::find_if(stored.rbegin(), stored.rend(),
                                  [&](const Violation& v) { return v.rule == id; });
  return found == stored.rend() ? Violation{} : *found;
}

std::string CheckerRig::seen(std::string_view id) const {
  const auto& stored = rules_->violations().stored();
  const auto found =
      std::find_if(stored.begin(), stored.end(), [&](const Violation& v) { return v.rule == id; });
  return found == stored.end() ? std::string() : found->seen;
}

CheckerRig::Bytes CheckerRig::header(std::uint16_t opcode, std::uint16_t op_mod,
                                     std::size_t bytes) {
  Bytes in(bytes);
  VF_SET(cmd_in, in.data(), opcode, opcode);
  VF_SET(cmd_in, in.data(), op_mod, op_mod);
  return in;
}

std::uint64_t CheckerRig::alloc(std::uint64_t bytes) {
  const std::uint64_t at = free_;
  free_ += (bytes + VF_PAGE_BYTES - 1) & ~static_cast<std::uint64_t>(VF_PAGE_BYTES - 1);
  return at;
}

CheckerRig::Queue& CheckerRig::queue(FnRef who) {
  if (queues_[function_index(who)].page == 0) {
    start_queue(who);
  }
  return queues_[function_index(who)];
}

void CheckerRig::mmio_write(FnRef who, std::uint64_t offset, std::uint64_t value,
                            std::uint32_t bytes) {
  model::AccessView view;
  view.who = who;
  view.write = true;
  view.bytes = static_cast<std::uint8_t>(bytes);
  view.offset = offset;
  view.value = swapped(value, bytes);
  bus_.emit<Probe::access>(&Observer::access, now_, view);
}

void CheckerRig::mmio_read(FnRef who, std::uint64_t offset, std::uint64_t value,
                           model::CplStatus status) {
  model::AccessView view;
  view.who = who;
  view.bytes = 4;
  view.offset = offset;
  view.value = value;
  view.status = status;
  bus_.emit<Probe::access>(&Observer::access, now_, view);
}

void CheckerRig::doorbell(FnRef who, std::uint32_t sqn, std::uint32_t index) {
  std::uint8_t bytes[8] = {};
  VF_SET(uar_send_db, bytes, sqn, sqn);
  VF_SET(uar_send_db, bytes, wqe_index, index);
  VF_SET(uar_send_db, bytes, opcode, VF_WQE_SEND);
  mmio_write(who, VF_BAR_FIRST_UAR * VF_PAGE_BYTES + VF_UAR_SEND_DB, vf_be64_load(bytes), 8);
}

void CheckerRig::start_queue(FnRef who) {
  Queue& queue = queues_[function_index(who)];
  queue = Queue{alloc(VF_PAGE_BYTES), 0, 1};
  mmio_write(who, VF_BAR_CMDQ_HI, queue.page >> 32, 4);
  mmio_write(who, VF_BAR_CMDQ_LO, queue.page & 0xffffffff, 4);
}

std::uint64_t CheckerRig::mailboxes(std::uint8_t host, const Bytes& bytes, std::uint8_t token) {
  if (bytes.size() <= VF_CMD_INLINE_BYTES) {
    return 0;
  }
  const std::size_t blocks =
      (bytes.size() - VF_CMD_INLINE_BYTES + VF_CMD_BLOCK_BYTES - 1) / VF_CMD_BLOCK_BYTES;
  const std::uint64_t first = alloc(blocks * 1024);
  for (std::size_t k = 0; k < blocks; ++k) {
    std::uint8_t box[VF_BYTES(cmd_if_box)] = {};
    const std::size_t from = VF_CMD_INLINE_BYTES + k * VF_CMD_BLOCK_BYTES;
    std::copy_n(bytes.data() + from, std::min<std::size_t>(VF_CMD_BLOCK_BYTES, bytes.size() - from),
                box);
    const std::uint64_t next = k + 1 < blocks ? first + (k + 1) * 1024 : 0;
    VF_SET(cmd_if_box, box, next_pointer_63_32, next >> 32);
    VF_SET(cmd_if_box, box, next_pointer_31_10, (next & 0xffffffff) >> 10);
    VF_SET(cmd_if_box, box, block_number, k);
    VF_SET(cmd_if_box, box, token, token);
    memory(host).write(first + k * 1024, box, sizeof box);
  }
  return first;
}

std::uint8_t CheckerRig::submit(FnRef who, const Bytes& in, std::uint32_t out_bytes,
                                const std::function<void(std::uint8_t* entry)>& spoil) {
  Queue& q = queue(who);
  const std::uint8_t slot = q.next;
  q.next = static_cast<std::uint8_t>((q.next + 1) % 8);
  const std::uint8_t token = q.token++;
  std::uint8_t entry[kCommandEntry] = {};
  VF_SET(cmd_queue_entry, entry, type, VF_CMD_ENTRY_TYPE);
  VF_SET(cmd_queue_entry, entry, input_length, in.size());
  std::copy_n(in.data(), std::min<std::size_t>(in.size(), VF_CMD_INLINE_BYTES),
              VF_PTR(cmd_queue_entry, entry, command_input_inline_data));
  const std::uint64_t input = mailboxes(who.host, in, token);
  const std::uint64_t output = mailboxes(who.host, Bytes(out_bytes), token);
  VF_SET(cmd_queue_entry, entry, input_mailbox_pointer_63_32, input >> 32);
  VF_SET(cmd_queue_entry, entry, input_mailbox_pointer_31_9, (input & 0xffffffff) >> 9);
  VF_SET(cmd_queue_entry, entry, output_mailbox_pointer_63_32, output >> 32);
  VF_SET(cmd_queue_entry, entry, output_mailbox_pointer_31_9, (output & 0xffffffff) >> 9);
  VF_SET(cmd_queue_entry, entry, output_length, out_bytes);
  VF_SET(cmd_queue_entry, entry, token, token);
  VF_SET(cmd_queue_entry, entry, ownership, 1);
  vf_entry_sign(entry);
  if (spoil) {
    spoil(entry);
  }
  memory(who.host).write(q.page + slot * kCommandEntry, entry, sizeof entry);
  mmio_write(who, VF_BAR_CMD_DB, 1U << slot, 4);
  return slot;
}

void CheckerRig::complete(FnRef who, std::uint8_t slot, const Bytes& out, std::uint32_t delivery,
                          model::Ps way) {
  const std::uint64_t at = queue(who).page + slot * kCommandEntry;
  std::uint8_t entry[kCommandEntry];
  memory(who.host).read(at, entry, sizeof entry);
  std::copy_n(out.data(), std::min<std::size_t>(out.size(), VF_CMD_INLINE_BYTES),
              VF_PTR(cmd_queue_entry, entry, command_output_inline_data));
  std::uint64_t block = VF_GET(cmd_queue_entry, entry, output_mailbox_pointer_63_32) << 32 |
                        VF_GET(cmd_queue_entry, entry, output_mailbox_pointer_31_9) << 9;
  for (std::size_t from = VF_CMD_INLINE_BYTES; from < out.size() && block != 0;
       from += VF_CMD_BLOCK_BYTES, block += 1024) {
    const std::size_t part = std::min<std::size_t>(VF_CMD_BLOCK_BYTES, out.size() - from);
    dma_write(who, block,
              Bytes(out.begin() + static_cast<std::ptrdiff_t>(from),
                    out.begin() + static_cast<std::ptrdiff_t>(from + part)),
              way);
  }
  VF_SET(cmd_queue_entry, entry, status, delivery);
  VF_SET(cmd_queue_entry, entry, ownership, 0);
  vf_entry_sign(entry);
  dma_write(who, at + 0x20, Bytes(entry + 0x20, entry + kCommandEntry), way);
}

void CheckerRig::command(FnRef who, const Bytes& in, const Bytes& out) {
  complete(who, submit(who, in, static_cast<std::uint32_t>(out.size())), out);
}

void CheckerRig::learn_vhca(std::uint8_t host, std::uint8_t fn) {
  Bytes in = header(VF_OP_QUERY_HCA_CAP, VF_CAP_GENERAL << 1 | 1, VF_BYTES(query_hca_cap_in));
  VF_SET(query_hca_cap_in, in.data(), other_function, 1);
  VF_SET(query_hca_cap_in, in.data(), function_id, fn);
  Bytes out(VF_BYTES(query_hca_cap_out));
  VF_SET(cmd_hca_cap, VF_PTR(query_hca_cap_out, out.data(), capability), vhca_id, kVhcaBase + fn);
  command({host, 0}, in, out);
}

void CheckerRig::suspend(FnRef who, Half half) {
  Bytes in = header(VF_OP_SUSPEND_VHCA,
                    half == Half::initiator ? VF_SUSPEND_INITIATOR : VF_SUSPEND_RESPONDER,
                    VF_BYTES(suspend_vhca_in));
  VF_SET(suspend_vhca_in, in.data(), vhca_id, kVhcaBase + who.fn);
  command({who.host, 0}, in);
}

std::uint8_t CheckerRig::submit_resume(FnRef who, Half half) {
  Bytes in =
      header(VF_OP_RESUME_VHCA, half == Half::initiator ? VF_RESUME_INITIATOR : VF_RESUME_RESPONDER,
             VF_BYTES(resume_vhca_in));
  VF_SET(resume_vhca_in, in.data(), vhca_id, kVhcaBase + who.fn);
  return submit({who.host, 0}, in);
}

void CheckerRig::resume(FnRef who, Half half) {
  complete({who.host, 0}, submit_resume(who, half), Bytes(16));
}

void CheckerRig::create_mtt_key(FnRef who, std::uint32_t index,
                                const std::vector<std::uint64_t>& pages, bool write) {
  Bytes in = header(VF_OP_CREATE_MKEY, 0, VF_BYTES(create_mkey_in));
  std::uint8_t* mkc = VF_PTR(create_mkey_in, in.data(), memory_key_mkey_entry);
  VF_SET(mkc, mkc, access_mode_1_0, VF_MKC_MODE_MTT);
  VF_SET(mkc, mkc, lr, 1);
  VF_SET(mkc, mkc, lw, write ? 1 : 0);
  VF_SET(mkc, mkc, len, pages.size() * VF_PAGE_BYTES);
  VF_SET(mkc, mkc, log_page_size, VF_PAGE_SHIFT);
  put_pages(in, VF_OFF(create_mkey_in, klm_pas_mtt_0) / 8, pages);
  Bytes out(16);
  VF_SET(create_mkey_out, out.data(), mkey_index, index);
  command(who, in, out);
}

void CheckerRig::create_eq(FnRef who, std::uint32_t eqn, std::uint32_t vector,
                           std::uint32_t log_size, std::uint64_t ring) {
  Bytes in = header(VF_OP_CREATE_EQ, 0, VF_BYTES(create_eq_in));
  std::uint8_t* eqc = VF_PTR(create_eq_in, in.data(), eq_context_entry);
  VF_SET(eqc, eqc, log_eq_size, log_size);
  VF_SET(eqc, eqc, intr, vector);
  put_pages(in, VF_OFF(create_eq_in, pas_0) / 8, contiguous(ring, VF_BYTES(eqe) << log_size));
  Bytes out(16);
  VF_SET(create_eq_out, out.data(), eq_number, eqn);
  for (std::uint64_t i = 0; i < 1ULL << log_size; ++i) {  // the driver's part: nothing valid yet
    const std::uint8_t owner = 1;
    memory(who.host).write(ring + i * VF_BYTES(eqe) + 0x3f, &owner, 1);
  }
  command(who, in, out);
}

void CheckerRig::create_cq(FnRef who, std::uint32_t cqn, std::uint32_t log_size,
                           std::uint64_t ring) {
  Bytes in = header(VF_OP_CREATE_CQ, 0, VF_BYTES(create_cq_in));
  std::uint8_t* cqc = VF_PTR(create_cq_in, in.data(), cq_context);
  VF_SET(cqc, cqc, log_cq_size, log_size);
  put_pages(in, VF_OFF(create_cq_in, pas_0) / 8, contiguous(ring, VF_BYTES(cqe) << log_size));
  Bytes out(16);
  VF_SET(create_cq_out, out.data(), cqn, cqn);
  command(who, in, out);
}

void CheckerRig::create_sq(FnRef who, std::uint32_t sqn, std::uint32_t log_size,
                           std::uint64_t ring) {
  Bytes in = header(VF_OP_CREATE_SQ, 0, VF_BYTES(create_sq_in));
  std::uint8_t* sqc = VF_PTR(create_sq_in, in.data(), ctx);
  std::uint8_t* wq = VF_PTR(sqc, sqc, wq);
  VF_SET(wq, wq, log_wq_sz, log_size);
  VF_SET(wq, wq, log_wq_stride, 6);
  put_pages(in, VF_BYTES(create_sq_in), contiguous(ring, 64ULL << log_size));
  Bytes out(16);
  VF_SET(create_sq_out, out.data(), sqn, sqn);
  command(who, in, out);
}

std::uint8_t CheckerRig::submit_save(FnRef who, std::uint32_t key, std::uint32_t size,
                                     bool incremental, bool set_track) {
  Bytes in = header(VF_OP_SAVE_VHCA_STATE, 0, VF_BYTES(save_vhca_state_in));
  VF_SET(save_vhca_state_in, in.data(), incremental, incremental ? 1 : 0);
  VF_SET(save_vhca_state_in, in.data(), set_track, set_track ? 1 : 0);
  VF_SET(save_vhca_state_in, in.data(), vhca_id, kVhcaBase + who.fn);
  VF_SET(save_vhca_state_in, in.data(), mkey, key << 8);
  VF_SET(save_vhca_state_in, in.data(), size, size);
  return submit({who.host, 0}, in);
}

void CheckerRig::complete_save(FnRef who, std::uint8_t slot, std::uint32_t bytes,
                               std::uint32_t next) {
  Bytes out(16);
  VF_SET(save_vhca_state_out, out.data(), next_required_umem_size, next);
  VF_SET(save_vhca_state_out, out.data(), actual_image_size, bytes);
  complete({who.host, 0}, slot, out);
}

void CheckerRig::query_increment(FnRef who, std::uint32_t required, std::uint32_t state,
                                 std::uint32_t remaining) {
  Bytes in = header(VF_OP_QUERY_VHCA_MIGRATION_STATE, 0, VF_BYTES(query_vhca_migration_state_in));
  VF_SET(query_vhca_migration_state_in, in.data(), incremental, 1);
  VF_SET(query_vhca_migration_state_in, in.data(), vhca_id, kVhcaBase + who.fn);
  Bytes out(VF_BYTES(query_vhca_migration_state_out));
  VF_SET(query_vhca_migration_state_out, out.data(), migration_state, state);
  VF_SET(query_vhca_migration_state_out, out.data(), required_umem_size, required);
  VF_SET(query_vhca_migration_state_out, out.data(), remaining_total_size, remaining);
  command({who.host, 0}, in, out);
}

std::uint8_t CheckerRig::submit_load(FnRef who, std::uint32_t key, std::uint32_t size,
                                     std::uint32_t out_bytes) {
  Bytes in = header(VF_OP_LOAD_VHCA_STATE, 0, VF_BYTES(load_vhca_state_in));
  VF_SET(load_vhca_state_in, in.data(), vhca_id, kVhcaBase + who.fn);
  VF_SET(load_vhca_state_in, in.data(), mkey, key << 8);
  VF_SET(load_vhca_state_in, in.data(), size, size);
  return submit({who.host, 0}, in, out_bytes);
}

void CheckerRig::complete_with(FnRef who, std::uint8_t slot, std::uint8_t status,
                               std::uint32_t syndrome) {
  Bytes out(16);
  VF_SET(cmd_out, out.data(), status, status);
  VF_SET(cmd_out, out.data(), syndrome, syndrome);
  complete({who.host, 0}, slot, out);
}

void CheckerRig::load(FnRef who, std::uint32_t key, std::uint32_t size) {
  complete_with(who, submit_load(who, key, size), VF_STATUS_OK, VF_SYND_NONE);
}

void CheckerRig::arc(FnRef who, std::uint32_t from, std::uint32_t to, int error) {
  bus_.emit<Probe::driver>(&Observer::vfio_state, now_, who, from, to, error);
}
void CheckerRig::set_state_done(FnRef who, std::uint32_t requested, std::uint32_t now, int error) {
  bus_.emit<Probe::driver>(&Observer::set_state_done, now_, who, requested, now, error);
}
void CheckerRig::device_reset(FnRef who, std::uint32_t now, int error) {
  bus_.emit<Probe::driver>(&Observer::device_reset, now_, who, now, error);
}
void CheckerRig::function_reset(FnRef who) {
  bus_.emit<Probe::function_reset>(&Observer::function_reset, now_, who);
}

void CheckerRig::open_stream(FnRef who, std::uint32_t descriptor, bool saving) {
  model::StreamView view;
  view.who = who;
  view.descriptor = descriptor;
  view.saving = saving;
  bus_.emit<Probe::driver>(&Observer::stream, now_, view);
}

void CheckerRig::read(FnRef who, std::uint32_t descriptor, const Bytes& bytes, int error) {
  model::StreamView view;
  view.who = who;
  view.descriptor = descriptor;
  view.saving = true;
  view.op = model::StreamOp::read;
  view.error = error;
  view.asked = 1 << 20;
  view.bytes = bytes.data();
  view.count = bytes.size();
  bus_.emit<Probe::driver>(&Observer::stream, now_, view);
}

void CheckerRig::write(FnRef who, std::uint32_t descriptor, const Bytes& bytes, int error) {
  model::StreamView view;
  view.who = who;
  view.descriptor = descriptor;
  view.op = model::StreamOp::write;
  view.error = error;
  view.asked = bytes.size();
  view.bytes = bytes.data();
  view.count = error == 0 ? bytes.size() : 0;
  bus_.emit<Probe::driver>(&Observer::stream, now_, view);
}

void CheckerRig::poll(FnRef who, std::uint32_t descriptor, std::uint32_t events) {
  model::StreamView view;
  view.who = who;
  view.descriptor = descriptor;
  view.saving = true;
  view.op = model::StreamOp::poll;
  view.events = events;
  bus_.emit<Probe::driver>(&Observer::stream, now_, view);
}

model::Tlp CheckerRig::tlp(model::TlpKind kind, FnRef who, std::uint64_t addr,
                           std::uint32_t bytes) const {
  model::Tlp tlp;
  tlp.kind = kind;
  tlp.requester = static_cast<model::Rid>(context_.base_rid + who.fn);
  tlp.addr = addr;
  tlp.phys = addr;
  tlp.bytes = bytes;
  return tlp;
}

void CheckerRig::sent(std::uint8_t host, const model::Tlp& tlp, const std::uint8_t* payload) {
  bus_.emit<Probe::tlp_sent>(&Observer::tlp_sent, now_, host, tlp, payload);
}
void CheckerRig::landed(std::uint8_t host, const model::Tlp& tlp, const std::uint8_t* payload,
                        bool ok) {
  bus_.emit<Probe::tlp_landed>(&Observer::tlp_landed, now_, host, tlp, payload, ok);
}
void CheckerRig::received(std::uint8_t host, const model::Tlp& tlp) {
  bus_.emit<Probe::tlp_received>(&Observer::tlp_received, now_, host, tlp);
}

void CheckerRig::dma_write(FnRef who, std::uint64_t addr, const Bytes& bytes, model::Ps way) {
  const model::Tlp write =
      tlp(model::TlpKind::mem_write, who, addr, static_cast<std::uint32_t>(bytes.size()));
  sent(who.host, write, bytes.data());
  advance(way);
  memory(who.host).write(addr, bytes.data(), bytes.size());
  landed(who.host, write, bytes.data());
}

void CheckerRig::interrupt(FnRef who, std::uint32_t vector) {
  model::Tlp message = tlp(model::TlpKind::mem_write, who, model::kMsiWindow, 4);
  message.interrupt = true;
  sent(who.host, message);
  bus_.emit<Probe::msi>(&Observer::msi, now_, who, vector, model::MsiAction::delivered);
}

}  // namespace vfsim::bench
