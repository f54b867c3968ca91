// DMA buffers of a migration session: memory of the PF, each described by a memory key of the
// session's domain.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "firmware/interface/layout.h"
#include "host_driver/pf/pf_driver.hpp"
#include "host_driver/platform/result.hpp"

namespace vfsim::driver {

struct DataBuffer {
  std::uint64_t address = 0;  // device address, contiguous
  std::size_t bytes = 0;      // multiple of the page size
  std::uint32_t mkey = 0;
  bool keyed = false;  // mkey exists
};
using BufferPtr = std::unique_ptr<DataBuffer>;

/// The protection domain and the buffers of one stream. A free buffer is kept and used again when
/// large enough. Source: mlx5 device interface section 6.5 (buffer sizing).
class BufferPool {
 public:
  /// Largest buffer, bytes.
  static constexpr std::uint64_t kMaxBytes = 0x100000000ULL - VF_PAGE_BYTES;

  explicit BufferPool(PfDriver& pf);
  ~BufferPool();

  /// ALLOC_PD.
  [[nodiscard]] Result<void> open();
  /// A new buffer of at least one page: CREATE_MKEY, length rounded up to pages, or `bytes` itself
  /// when `exact`. ENOMEM above kMaxBytes or without memory.
  [[nodiscard]] Result<BufferPtr> create(std::uint64_t bytes, bool exact = false);
  /// The first free buffer that is large enough, or a new one; smaller ones met on the way are
  /// destroyed.
  [[nodiscard]] Result<BufferPtr> get(std::uint64_t bytes);
  /// Keeps the buffer for another get().
  void put(BufferPtr buffer);
  /// DESTROY_MKEY; the memory stays.
  void drop_key(DataBuffer& buffer);
  /// DESTROY_MKEY, memory freed.
  void destroy(BufferPtr buffer);
  /// DEALLOC_PD alone (the raw flow gives it back before the data is read).
  void close_domain();
  /// Destroys all free buffers, then DEALLOC_PD.
  void close();

 private:
  PfDriver& pf_;
  std::unique_ptr<Mutex> list_lock_;
  std::vector<BufferPtr> free_;
  std::uint32_t pd_ = 0;
  bool open_ = false;
};

}  // namespace vfsim::driver
