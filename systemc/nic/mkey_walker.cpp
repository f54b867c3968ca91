#include "systemc/nic/mkey_walker.hpp"

namespace vfsim::model {

BusRun page_run(const vf_context_ram& ram, const vf_pages& pages, std::uint64_t offset) {
  const std::uint32_t shift = pages.log_page & 31U;
  const std::uint64_t page = offset >> shift;
  const std::uint64_t entry = pages.mtt + page;
  if (page >= pages.pages || entry >= VF_MTT_COUNT) {
    return {};
  }
  const std::uint64_t size = 1ULL << shift;
  const std::uint64_t in_page = offset & (size - 1);
  return {ram.mtt[entry] + in_page, static_cast<std::uint32_t>(size - in_page)};
}

const vf_mkey* MkeyWalker::find(std::uint32_t fn, std::uint32_t mkey) const {
  const std::uint32_t index = (mkey >> 8) - VF_MKEY_BASE;
  if (index >= VF_MKEY_COUNT) {
    return nullptr;
  }
  const vf_mkey& key = ram_.fn[fn].mkey[index];
  return key.valid != 0 && key.key == (mkey & 0xffU) ? &key : nullptr;
}

bool MkeyWalker::fill(const vf_mkey& key, KeyCursor& cursor) const {
  if (key.mode == VF_MKC_MODE_PA) {
    cursor.addr = cursor.at;
    cursor.run = ~0ULL;
    return true;
  }
  // The first page of the list holds the byte at `start`, at its offset within the page.
  const std::uint64_t page_mask = (1ULL << (key.pages.log_page & 31U)) - 1;
  const BusRun run = page_run(ram_, key.pages, cursor.at - (key.start & ~page_mask));
  cursor.addr = run.addr;
  cursor.run = run.bytes;
  return run.bytes != 0;
}

bool MkeyWalker::start(std::uint32_t fn, std::uint32_t mkey, std::uint32_t pd, std::uint64_t addr,
                       std::uint32_t bytes, bool write, KeyCursor& cursor) const {
  const vf_mkey* key = find(fn, mkey);
  if (key == nullptr || (pd != kAnyPd && key->pd != pd)) {
    return false;
  }
  if ((write ? key->local_write : key->local_read) == 0) {
    return false;
  }
  const std::uint64_t end = addr + bytes;
  const bool inside = addr >= key->start && end >= addr && (addr - key->start) + bytes <= key->len;
  if (end < addr || (key->length64 == 0 && !inside)) {
    return false;
  }
  if (key->mode != VF_MKC_MODE_PA && bytes != 0) {
    KeyCursor last{0, end - 1, 0, 0, false};
    if (addr < key->start || !fill(*key, last)) {
      return false;
    }
  }
  cursor.at = addr;
  cursor.gen = key->gen;
  cursor.relaxed = (write ? key->relaxed_write : key->relaxed_read) != 0;
  return fill(*key, cursor) || bytes == 0;
}

bool MkeyWalker::next_page(std::uint32_t fn, std::uint32_t mkey, KeyCursor& cursor) const {
  const vf_mkey* key = find(fn, mkey);
  return key != nullptr && key->gen == cursor.gen && fill(*key, cursor);
}

void MkeyWalker::start_unchecked(std::uint32_t fn, std::uint32_t mkey, std::uint64_t addr,
                                 KeyCursor& cursor) const {
  cursor.at = addr;
  const std::uint32_t index = (mkey >> 8) - VF_MKEY_BASE;
  if (index < VF_MKEY_COUNT && ram_.fn[fn].mkey[index].valid != 0) {
    cursor.gen = ram_.fn[fn].mkey[index].gen;
    if (fill(ram_.fn[fn].mkey[index], cursor)) {
      return;
    }
  }
  cursor.addr = addr;
  cursor.run = ~0ULL;
}

}  // namespace vfsim::model
