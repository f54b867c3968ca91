#include "systemc/nic/interrupts.hpp"

namespace vfsim::model {

void Interrupts::raise(std::uint32_t fn, std::uint32_t vector) {
  if (vector >= VF_MSIX_VECTORS || core_.run[fn].in_reset) {
    return;
  }
  const auto message = tables_[fn].raise(vector);
  if (message) {
    send(fn, *message);
  }
}

void Interrupts::flush(std::uint32_t fn) {
  for (std::uint32_t ready = tables_[fn].take_deliverable(); ready != 0; ready &= ready - 1) {
    send(fn, tables_[fn].message(static_cast<std::uint32_t>(__builtin_ctz(ready))));
  }
}

void Interrupts::send(std::uint32_t fn, const MsixMessage& message) {
  ++core_.stats.fn[fn].interrupts;
  engine_.submit_interrupt(fn, message.addr, message.data);
}

}  // namespace vfsim::model
