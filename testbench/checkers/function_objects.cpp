#include "testbench/checkers/function_objects.hpp"

#include <algorithm>

#include "firmware/interface/layout.h"

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kCqeUnit = 64;  // unit of page_offset in queue contexts

std::uint32_t u32(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}

/// Page list behind the fixed input, `list` bytes in.
std::vector<std::uint64_t> page_list(const model::CommandView& view, std::size_t list,
                                     std::uint64_t count) {
  std::vector<std::uint64_t> pages;
  const std::uint64_t there = view.in_bytes > list ? (view.in_bytes - list) / 8 : 0;
  for (std::uint64_t i = 0; i < std::min(count, there); ++i) {
    pages.push_back(vf_be64_load(view.in + list + 8 * i) & ~0xfffULL);
  }
  return pages;
}

std::uint64_t pages_for(std::uint64_t bytes, std::uint32_t log_page) {
  return (bytes + (1ULL << log_page) - 1) >> log_page;
}

PageList ring(const model::CommandView& view, std::size_t list, std::uint64_t bytes,
              std::uint64_t log_page, std::uint64_t first) {
  PageList pages;
  pages.log_page = u32(log_page) + VF_PAGE_SHIFT;
  pages.first = first;
  pages.pages = page_list(view, list, pages_for(first + bytes, pages.log_page));
  return pages;
}

void create_eq(FunctionObjects& objects, const model::CommandView& view) {
  const std::uint8_t* eqc = VF_PTR(create_eq_in, view.in, eq_context_entry);
  EventQueueView eq;
  eq.log_size = u32(VF_GET(eqc, eqc, log_eq_size));
  eq.vector = u32(VF_GET(eqc, eqc, intr));
  eq.armed_at = ~0U;  // not armed yet
  eq.ring = ring(view, VF_OFF(create_eq_in, pas_0) / 8, VF_BYTES(eqe) << eq.log_size,
                 VF_GET(eqc, eqc, log_page_size), VF_GET(eqc, eqc, page_offset) * kCqeUnit);
  objects.eq[u32(VF_GET(create_eq_out, view.out, eq_number))] = std::move(eq);
}

void create_cq(FunctionObjects& objects, const model::CommandView& view) {
  const std::uint8_t* cqc = VF_PTR(create_cq_in, view.in, cq_context);
  CompletionQueueView cq;
  cq.log_size = u32(VF_GET(cqc, cqc, log_cq_size));
  cq.log_stride = VF_GET(cqc, cqc, cqe_sz) == 0 ? 6 : 7;
  cq.always_armed = VF_GET(cqc, cqc, st) == VF_QUEUE_ALWAYS_ARMED;
  cq.ring = ring(view, VF_OFF(create_cq_in, pas_0) / 8, 1ULL << (cq.log_size + cq.log_stride),
                 VF_GET(cqc, cqc, log_page_size), VF_GET(cqc, cqc, page_offset) * kCqeUnit);
  objects.cq[u32(VF_GET(create_cq_out, view.out, cqn))] = std::move(cq);
}

WorkQueueView work_queue(const model::CommandView& view, const std::uint8_t* wq) {
  WorkQueueView queue;
  queue.log_size = u32(VF_GET(wq, wq, log_wq_sz));
  queue.log_stride = u32(VF_GET(wq, wq, log_wq_stride));
  queue.dbr = VF_GET(wq, wq, dbr_addr);
  const auto list = static_cast<std::size_t>(wq - view.in) + VF_BYTES(wq);
  queue.ring = ring(view, list, 1ULL << (queue.log_size + queue.log_stride),
                    VF_GET(wq, wq, log_wq_pg_sz), VF_GET(wq, wq, page_offset) * kCqeUnit);
  return queue;
}

void create_sq(FunctionObjects& objects, const model::CommandView& view) {
  const std::uint8_t* sqc = VF_PTR(create_sq_in, view.in, ctx);
  objects.sq[u32(VF_GET(create_sq_out, view.out, sqn))] = work_queue(view, VF_PTR(sqc, sqc, wq));
}

void create_rq(FunctionObjects& objects, const model::CommandView& view) {
  const std::uint8_t* rqc = VF_PTR(create_rq_in, view.in, ctx);
  objects.rq[u32(VF_GET(create_rq_out, view.out, rqn))] = work_queue(view, VF_PTR(rqc, rqc, wq));
}

void create_qp(FunctionObjects& objects, const model::CommandView& view) {
  const std::uint8_t* qpc = VF_PTR(create_qp_in, view.in, qpc);
  WorkQueueView queue;
  if (VF_GET(qpc, qpc, rq_type) == VF_QP_RQ_NORMAL) {
    queue.log_size = u32(VF_GET(qpc, qpc, log_rq_size));
    queue.log_stride = u32(VF_GET(qpc, qpc, log_rq_stride)) + 4;
    queue.dbr = VF_GET(qpc, qpc, dbr_addr);
    queue.ring =
        ring(view, VF_OFF(create_qp_in, pas_0) / 8, 1ULL << (queue.log_size + queue.log_stride),
             VF_GET(qpc, qpc, log_page_size), VF_GET(qpc, qpc, page_offset) * kCqeUnit);
  }
  objects.qp[u32(VF_GET(create_qp_out, view.out, qpn))] = std::move(queue);
}

void create_mkey(FunctionObjects& objects, const model::CommandView& view) {
  const std::uint8_t* mkc = VF_PTR(create_mkey_in, view.in, memory_key_mkey_entry);
  KeyView key;
  const std::uint64_t mode =
      VF_GET(mkc, mkc, access_mode_4_2) << 2 | VF_GET(mkc, mkc, access_mode_1_0);
  key.physical = mode == VF_MKC_MODE_PA;
  key.local_write = VF_GET(mkc, mkc, lw) != 0;
  key.local_read = VF_GET(mkc, mkc, lr) != 0;
  key.whole = VF_GET(mkc, mkc, length64) != 0;
  key.variant = static_cast<std::uint8_t>(VF_GET(mkc, mkc, mkey_7_0));
  key.start = VF_GET(mkc, mkc, start_addr);
  key.length = VF_GET(mkc, mkc, len);
  if (!key.physical) {
    key.pages.log_page = u32(VF_GET(mkc, mkc, log_page_size));
    key.pages.first = key.start & (key.pages.page_bytes() - 1);
    key.pages.pages = page_list(view, VF_OFF(create_mkey_in, klm_pas_mtt_0) / 8,
                                pages_for(key.pages.first + key.length, key.pages.log_page));
  }
  objects.keys[u32(VF_GET(create_mkey_out, view.out, mkey_index))] = std::move(key);
}

void give_pages(FunctionObjects& objects, const model::CommandView& view) {
  if (view.op_mod == VF_PAGES_GIVE) {
    const std::vector<std::uint64_t> pages = page_list(
        view, VF_BYTES(manage_pages_in), VF_GET(manage_pages_in, view.in, input_num_entries));
    objects.given_pages.insert(objects.given_pages.end(), pages.begin(), pages.end());
  }
}

}  // namespace

std::optional<std::uint64_t> PageList::address(std::uint64_t offset) const {
  const std::uint64_t at = first + offset;
  const std::uint64_t page = at >> log_page;
  if (page >= pages.size()) {
    return std::nullopt;
  }
  return pages[page] + (at & (page_bytes() - 1));
}

std::optional<std::uint64_t> PageList::offset_of(std::uint64_t iova) const {
  const std::size_t from = hit_ < pages.size() ? hit_ : 0;
  for (std::size_t step = 0; step < pages.size(); ++step) {
    const std::size_t i = from + step < pages.size() ? from + step : from + step - pages.size();
    if (iova - pages[i] < page_bytes()) {
      hit_ = i;
      const std::uint64_t at = (static_cast<std::uint64_t>(i) << log_page) + (iova - pages[i]);
      return at >= first ? std::optional<std::uint64_t>(at - first) : std::nullopt;
    }
  }
  return std::nullopt;
}

bool FunctionObjects::apply(const model::CommandView& view) {
  switch (view.opcode) {
    case VF_OP_CREATE_EQ:
      create_eq(*this, view);
      return true;
    case VF_OP_DESTROY_EQ:
      return eq.erase(u32(VF_GET(destroy_eq_in, view.in, eq_number))) != 0;
    case VF_OP_CREATE_CQ:
      create_cq(*this, view);
      return true;
    case VF_OP_DESTROY_CQ:
      return cq.erase(u32(VF_GET(destroy_cq_in, view.in, cqn))) != 0;
    case VF_OP_CREATE_SQ:
      create_sq(*this, view);
      return true;
    case VF_OP_DESTROY_SQ:
      return sq.erase(u32(VF_GET(destroy_sq_in, view.in, sqn))) != 0;
    case VF_OP_CREATE_RQ:
      create_rq(*this, view);
      return true;
    case VF_OP_DESTROY_RQ:
      return rq.erase(u32(VF_GET(destroy_rq_in, view.in, rqn))) != 0;
    case VF_OP_CREATE_QP:
      create_qp(*this, view);
      return true;
    case VF_OP_DESTROY_QP:
      return qp.erase(u32(VF_GET(destroy_qp_in, view.in, qpn))) != 0;
    case VF_OP_CREATE_MKEY:
      create_mkey(*this, view);
      return true;
    case VF_OP_DESTROY_MKEY:
      return keys.erase(u32(VF_GET(destroy_mkey_in, view.in, mkey_index))) != 0;
    case VF_OP_MANAGE_PAGES:
      give_pages(*this, view);
      return true;
    case VF_OP_TEARDOWN_HCA:
      *this = FunctionObjects{};
      return true;
    default:
      return false;
  }
}

const KeyView* FunctionObjects::key(std::uint32_t lkey) const {
  const auto found = keys.find(lkey >> 8);
  return found != keys.end() && found->second.variant == (lkey & 0xff) ? &found->second : nullptr;
}

bool FunctionObjects::physical_key() const {
  return std::any_of(keys.begin(), keys.end(),
                     [](const auto& entry) { return entry.second.physical; });
}

void FunctionObjects::collect(RangeSet& writable, RangeSet& readable, RangeSet& completions) const {
  const auto add = [](RangeSet& set, const PageList& list) {
    for (const std::uint64_t page : list.pages) {
      set.add(page, list.page_bytes());
    }
  };
  for (const auto& [number, queue] : eq) {
    add(writable, queue.ring);
  }
  for (const auto& [number, queue] : cq) {
    add(writable, queue.ring);
    add(completions, queue.ring);
  }
  for (const auto* queues : {&sq, &rq, &qp}) {
    for (const auto& [number, queue] : *queues) {
      add(readable, queue.ring);
      readable.add(queue.dbr & ~7ULL, VF_BYTES(wq_dbr));
    }
  }
  for (const auto& [index, key] : keys) {
    if (key.local_write) {
      add(writable, key.pages);
    }
    if (key.local_read) {
      add(readable, key.pages);
    }
  }
  for (const std::uint64_t page : given_pages) {
    writable.add(page, VF_PAGE_BYTES);
    readable.add(page, VF_PAGE_BYTES);
  }
}

}  // namespace vfsim::bench
