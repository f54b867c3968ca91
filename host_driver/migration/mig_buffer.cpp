#include "host_driver/migration/mig_buffer.hpp"

#include <algorithm>
#include <utility>

#include "host_driver/cmd/commands.hpp"
#include "host_driver/migration/sync.hpp"

namespace vfsim::driver {

using BOOST_OUTCOME_V2_NAMESPACE::success;

BufferPool::BufferPool(PfDriver& pf) : pf_(pf), list_lock_(pf.platform().os().make_mutex()) {}

BufferPool::~BufferPool() {
  for (const BufferPtr& buffer : free_) {
    pf_.platform().dma_free(buffer->address, buffer->bytes);
  }
}

Result<void> BufferPool::open() {
  auto pd = alloc_pd(pf_.commands());
  if (!pd) {
    return pd.error();
  }
  pd_ = pd.value();
  open_ = true;
  return success();
}

Result<BufferPtr> BufferPool::create(std::uint64_t bytes, bool exact) {
  if (bytes > kMaxBytes) {
    return fail(ENOMEM,
                "migration buffer of " + std::to_string(bytes) + " bytes exceeds the limit");
  }
  const std::uint64_t pages =
      std::max<std::uint64_t>((bytes + VF_PAGE_BYTES - 1) / VF_PAGE_BYTES, 1);
  auto buffer = std::make_unique<DataBuffer>();
  buffer->bytes = static_cast<std::size_t>(pages) * VF_PAGE_BYTES;
  const auto address = pf_.platform().dma_alloc(buffer->bytes);
  if (!address) {
    return fail(ENOMEM,
                "no memory for a migration buffer of " + std::to_string(buffer->bytes) + " bytes");
  }
  buffer->address = *address;
  MkeySpec spec;
  spec.pd = pd_;
  spec.length = exact ? bytes : buffer->bytes;
  for (std::uint64_t i = 0; i < pages; ++i) {
    spec.pages.push_back(buffer->address + i * VF_PAGE_BYTES);
  }
  auto mkey = create_mkey(pf_.commands(), spec);
  if (!mkey) {
    pf_.platform().dma_free(buffer->address, buffer->bytes);
    return mkey.error();
  }
  buffer->mkey = mkey.value();
  buffer->keyed = true;
  return buffer;
}

Result<BufferPtr> BufferPool::get(std::uint64_t bytes) {
  std::vector<BufferPtr> too_small;
  BufferPtr found;
  {
    Lock lock(*list_lock_);
    while (!free_.empty() && !found) {
      BufferPtr next = std::move(free_.front());
      free_.erase(free_.begin());
      if (next->bytes >= bytes) {
        found = std::move(next);
      } else {
        too_small.push_back(std::move(next));
      }
    }
  }
  for (BufferPtr& buffer : too_small) {
    destroy(std::move(buffer));
  }
  if (found) {
    return found;
  }
  return create(bytes);
}

void BufferPool::put(BufferPtr buffer) {
  if (buffer) {
    Lock lock(*list_lock_);
    free_.push_back(std::move(buffer));
  }
}

void BufferPool::drop_key(DataBuffer& buffer) {
  if (buffer.keyed) {
    buffer.keyed = false;
    // A key that cannot be destroyed is gone with the device; there is nothing to undo.
    (void)destroy_mkey(pf_.commands(), buffer.mkey);
  }
}

void BufferPool::destroy(BufferPtr buffer) {
  if (buffer) {
    drop_key(*buffer);
    pf_.platform().dma_free(buffer->address, buffer->bytes);
  }
}

void BufferPool::close_domain() {
  if (open_) {
    open_ = false;
    (void)dealloc_pd(pf_.commands(), pd_);
  }
}

void BufferPool::close() {
  std::vector<BufferPtr> all;
  {
    Lock lock(*list_lock_);
    all.swap(free_);
  }
  for (BufferPtr& buffer : all) {
    destroy(std::move(buffer));
  }
  close_domain();
}

}  // namespace vfsim::driver
