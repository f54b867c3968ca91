#include "testbench/linux_host/pcidev.hpp"

#include <cstring>
#include <utility>

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kMostBytes = 4096;  // of one access
constexpr std::uint64_t kBarBytes = 1ULL << 24;

bool complete(const PcidevAccess& access) {
  const std::size_t data = access.buffer.in.size() - sizeof(PcidevHeader);
  switch (access.op) {
    case PcidevOp::cfg_read:
      return access.bytes <= 8 && access.buffer.out_bytes() >= access.bytes;
    case PcidevOp::mmio_read:
      return access.buffer.out_bytes() >= access.bytes;
    case PcidevOp::cfg_write:
      return access.bytes <= 8 && data >= access.bytes;
    case PcidevOp::mmio_write:
      return data >= access.bytes;
    case PcidevOp::mmio_memset:
      return data >= 1;
    case PcidevOp::msi:
      break;
  }
  return false;
}

}  // namespace

std::optional<PcidevAccess> parse_access(QueueBuffer buffer) {
  PcidevHeader header{};
  if (buffer.in.size() < sizeof(header)) {
    return std::nullopt;
  }
  std::memcpy(&header, buffer.in.data(), sizeof(header));
  PcidevAccess access;
  access.op = static_cast<PcidevOp>(header.op);
  access.bar = header.bar;
  access.bytes = header.bytes;
  access.address = header.address;
  access.buffer = std::move(buffer);
  // Linux sends its memset_io() with the operation of a configuration write, and one byte of data
  // where those have eight.
  if (access.op == PcidevOp::cfg_write &&
      access.buffer.in.size() == sizeof(PcidevHeader) + 1) {
    access.op = PcidevOp::mmio_memset;
  }
  const bool sized = access.bytes != 0 && access.bytes <= kMostBytes && access.address < kBarBytes;
  return sized && complete(access) ? std::optional(std::move(access)) : std::nullopt;
}

}  // namespace vfsim::bench
