// Event queues of all functions.
#pragma once

#include <cstdint>

#include "systemc/nic/dma_engine.hpp"
#include "systemc/nic/interrupts.hpp"
#include "systemc/nic/nic_core.hpp"

namespace vfsim::model {

/// Writes event queue entries (owner bit = wrap parity) and raises the queue's vector when it is
/// armed. Source: mlx5 device interface sections 5.1 to 5.4.
class EventQueues {
 public:
  EventQueues(NicCore& core, DmaEngine& engine, Interrupts& interrupts)
      : core_(core), engine_(engine), interrupts_(interrupts) {}

  /// Doorbell of 4 bytes. Arming with unconsumed entries raises the vector at once; with the gate
  /// closed, when it opens.
  void doorbell(std::uint32_t fn, const std::uint8_t* bytes, bool arm);
  /// Event that belongs to work in progress: posted whatever the gate is. `data`: 28 bytes.
  void post(std::uint32_t fn, std::uint32_t eqn, std::uint8_t type, std::uint8_t sub_type,
            const std::uint8_t* data);
  /// As post(), on the first queue whose mask has the type. False: there is none.
  bool post_by_type(std::uint32_t fn, std::uint8_t type, std::uint8_t sub_type,
                    const std::uint8_t* data);
  /// Firmware's event in the context's eqe_stage; held while the gate is closed.
  void post_staged(std::uint32_t fn, std::uint32_t eqn);
  /// The gate has opened: held events in order, then armed queues with unconsumed entries.
  void rescan(std::uint32_t fn);

 private:
  void hold(std::uint32_t fn, const vf_event& event);
  void raise_if_unconsumed(std::uint32_t fn, vf_eq& eq);

  NicCore& core_;
  DmaEngine& engine_;
  Interrupts& interrupts_;
};

}  // namespace vfsim::model
