#include <array>
#include <cstddef>
#include <xxhash.h>

#include "systemc/nic/nic_impl.hpp"

namespace vfsim::model {

namespace {
/// Hash of bytes [from, to) of the context.
std::uint64_t hash_part(const vf_function& context, std::size_t from, std::size_t to,
                        std::uint64_t seed) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&context);
  return XXH3_64bits_withSeed(bytes + from, to - from, seed);
}
}  // namespace

// What a stopped function must keep. Left out: staging areas, and the dirty tracker's, which the
// host reads while the function is stopped.
std::uint64_t Nic::Impl::digest(std::uint32_t fn, std::uint32_t pending) const {
  const vf_function& context = core.ram->fn[fn];
  std::uint64_t hash = hash_part(context, 0, offsetof(vf_function, eqe_stage), fn);
  hash = hash_part(context, offsetof(vf_function, held_events),
                   offsetof(vf_function, track_log_page), hash);
  hash = hash_part(context, offsetof(vf_function, eq), sizeof(vf_function), hash);
  const NicFunction& function = control.function(fn);
  const std::array<std::uint32_t, 7> words{
      function.cmdq_hi, function.cmdq_hi_written,       function.cmdq_lo,   pending,
      control.ctrl(fn), interrupts.table(fn).pending(), core.run[fn].health};
  return XXH3_64bits_withSeed(words.data(), sizeof words, hash);
}

}  // namespace vfsim::model
