// MSI-X of all functions.
#pragma once

#include <cstdint>
#include <vector>

#include "systemc/nic/dma_engine.hpp"
#include "systemc/nic/nic_core.hpp"
#include "systemc/pcie/msix.hpp"

namespace vfsim::model {

/// A vector that may leave becomes a posted write behind everything its function has submitted
/// before; one that may not stays pending in the table until flush() finds that it may.
class Interrupts {
 public:
  Interrupts(NicCore& core, DmaEngine& engine)
      : core_(core), engine_(engine), tables_(core.functions()) {}

  void raise(std::uint32_t fn, std::uint32_t vector);
  /// Sends pending vectors that may leave now; call after every change of the table or of a hold.
  void flush(std::uint32_t fn);
  [[nodiscard]] MsixTable& table(std::uint32_t fn) { return tables_[fn]; }
  [[nodiscard]] const MsixTable& table(std::uint32_t fn) const { return tables_[fn]; }

 private:
  void send(std::uint32_t fn, const MsixMessage& message);

  NicCore& core_;
  DmaEngine& engine_;
  std::vector<MsixTable> tables_;
};

}  // namespace vfsim::model
