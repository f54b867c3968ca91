#include "testbench/checkers/check_context.hpp"

#include <algorithm>

namespace vfsim::bench {

bool read_bus(const CheckContext& context, model::FnRef who, std::uint64_t iova, void* to,
              std::size_t bytes) {
  auto* out = static_cast<std::uint8_t*>(to);
  const auto rid = static_cast<model::Rid>(context.base_rid + who.fn);
  while (bytes !=
         0) {  // page by page: neighbours in bus addresses need not be neighbours in memory
    const std::size_t rest = static_cast<std::size_t>(VF_PAGE_BYTES - (iova & (VF_PAGE_BYTES - 1)));
    const std::size_t part = std::min(bytes, rest);
    const auto phys = context.translate(who.host, rid, iova, static_cast<std::uint32_t>(part));
    if (!phys || !context.memory[who.host]->read(*phys, out, part)) {
      return false;
    }
    iova += part;
    out += part;
    bytes -= part;
  }
  return true;
}

std::uint64_t register_value(const model::AccessView& view) {
  std::uint64_t value = 0;
  for (std::uint32_t i = 0; i < view.bytes; ++i) {
    value = value << 8 | (view.value >> (8 * i) & 0xff);
  }
  return value;
}

}  // namespace vfsim::bench
