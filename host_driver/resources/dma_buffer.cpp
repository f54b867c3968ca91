#include "host_driver/resources/dma_buffer.hpp"

#include <array>
#include <string>

namespace vfsim::driver {

Result<DmaBuffer> DmaBuffer::allocate(Platform& platform, std::size_t bytes) {
  const auto address = platform.dma_alloc(bytes);
  if (!address) {
    return fail(ENOMEM, "no DMA memory for " + std::to_string(bytes) + " bytes");
  }
  DmaBuffer buffer;
  buffer.platform_ = &platform;
  buffer.address_ = *address;
  buffer.bytes_ = bytes;
  return buffer;
}

DmaBuffer& DmaBuffer::operator=(DmaBuffer&& other) noexcept {
  if (this != &other) {
    reset();
    platform_ = std::exchange(other.platform_, nullptr);
    address_ = other.address_;
    bytes_ = other.bytes_;
  }
  return *this;
}

void DmaBuffer::reset() {
  if (platform_ != nullptr) {
    platform_->dma_free(address_, bytes_);
    platform_ = nullptr;
  }
}

std::vector<std::uint64_t> DmaBuffer::pages(std::optional<std::size_t> bytes) const {
  std::vector<std::uint64_t> list;
  for (std::size_t at = 0; at < bytes.value_or(bytes_); at += VF_PAGE_BYTES) {
    list.push_back(address_ + at);
  }
  return list;
}

void DmaBuffer::write_be32(std::size_t offset, std::uint32_t value) {
  std::array<std::uint8_t, 4> raw{};
  vf_be32_store(raw.data(), value);
  write(offset, raw.data(), raw.size());
}

}  // namespace vfsim::driver
