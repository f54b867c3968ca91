#include "systemc/nic/mkey_walker_tlm.hpp"

#include "systemc/nic/nic_core.hpp"
#include "systemc/nic/page_run.hpp"

namespace vfsim::model {

namespace {

void refuse(WalkAnswer& answer, std::uint8_t result) {
  answer = WalkAnswer{};
  answer.result = result;
}

BusRun page_at(const vf_context_ram& ram, const vf_mkey& key, std::uint64_t addr) {
  // The first page of the list holds the byte at `start`, at its offset within the page.
  const std::uint64_t page_mask = (1ULL << (key.pages.log_page & 31U)) - 1;
  return page_run(ram, key.pages, addr - (key.start & ~page_mask));
}

/// Bus address and run of an answer that is OK. False: no page.
bool translate(const vf_context_ram& ram, const vf_mkey& key, std::uint64_t addr,
               WalkAnswer& answer) {
  if (key.mode == VF_MKC_MODE_PA) {
    answer.addr = addr;
    answer.run = kWholeRun;
    return true;
  }
  const BusRun run = page_at(ram, key, addr);
  answer.addr = run.addr;
  answer.run = run.bytes;
  return run.bytes != 0;
}

/// Whether the key allows the whole transfer, apart from its first page.
std::uint8_t check(const vf_context_ram& ram, const vf_mkey& key, const WalkRequest& request) {
  if (request.pd != kAnyPd && key.pd != request.pd) {
    return VF_WALK_DOMAIN;
  }
  if ((request.write ? key.local_write : key.local_read) == 0) {
    return VF_WALK_RIGHT;
  }
  const std::uint64_t end = request.addr + request.bytes;
  const bool below = request.addr < key.start;
  const bool inside = !below && (request.addr - key.start) + request.bytes <= key.len;
  if (end < request.addr || (key.length64 == 0 && !inside)) {
    return VF_WALK_BOUNDS;
  }
  if (key.mode != VF_MKC_MODE_PA && request.bytes != 0) {
    if (below) {
      return VF_WALK_BOUNDS;
    }
    if (page_at(ram, key, end - 1).bytes == 0) {
      return VF_WALK_NO_PAGE;
    }
  }
  return VF_WALK_OK;
}

}  // namespace

MkeyWalkerTlm::MkeyWalkerTlm(const NicCore& core) : MkeyWalkerTlm(*core.ram) {}

void MkeyWalkerTlm::fill(const WalkRequest& request, WalkAnswer& answer) const {
  const std::uint32_t index = (request.mkey >> 8) - VF_MKEY_BASE;
  if (index >= VF_MKEY_COUNT) {
    return refuse(answer, VF_WALK_NO_KEY);
  }
  const vf_mkey& key = ram_.fn[request.fn].mkey[index];
  if (key.valid == 0 || key.key != (request.mkey & 0xffU)) {
    return refuse(answer, VF_WALK_NO_KEY);
  }
  if (request.resume && key.gen != request.gen) {
    return refuse(answer, VF_WALK_CHANGED);
  }
  const auto result =
      request.resume ? static_cast<std::uint8_t>(VF_WALK_OK) : check(ram_, key, request);
  if (result != VF_WALK_OK) {
    return refuse(answer, result);
  }
  answer.result = VF_WALK_OK;
  answer.gen = key.gen;
  answer.relaxed = (request.write ? key.relaxed_write : key.relaxed_read) != 0;
  if (!translate(ram_, key, request.addr, answer) && (request.resume || request.bytes != 0)) {
    refuse(answer, VF_WALK_NO_PAGE);
  }
}

WalkAnswer unchecked_walk(const vf_context_ram& ram, const WalkRequest& request) {
  WalkAnswer answer;
  const std::uint32_t index = (request.mkey >> 8) - VF_MKEY_BASE;
  if (index < VF_MKEY_COUNT && ram.fn[request.fn].mkey[index].valid != 0) {
    const vf_mkey& key = ram.fn[request.fn].mkey[index];
    answer.gen = key.gen;
    if (translate(ram, key, request.addr, answer)) {
      return answer;
    }
  }
  answer.addr = request.addr;
  answer.run = kWholeRun;
  return answer;
}

}  // namespace vfsim::model
