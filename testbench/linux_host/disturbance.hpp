// What goes wrong on request: commands that are refused or lost.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "systemc/pcie/host.hpp"
#include "testbench/checkers/check_context.hpp"

namespace vfsim::bench {

/// Waits for a command of a host's PF and spoils it before its doorbell is seen, as bad memory or a
/// bad link would: the device itself is as it is. To be made before whatever decodes commands.
class Disturbances final : public model::Observer {
 public:
  Disturbances(model::ProbeBus& probes, std::array<model::Host*, kHosts> hosts);

  /// "refuse OPCODE": its vhca_id becomes one that does not exist, so that the firmware refuses it.
  /// "drop OPCODE": the answer to the read that fetches it is lost, so that it is never executed.
  /// Each is for the next command of that opcode. @return "" or what is wrong with the words
  [[nodiscard]] std::string request(std::uint8_t host, const std::string& verb,
                                    const std::string& opcode);

  void access(model::Ps t, const model::AccessView& view) override;

 private:
  struct Request {
    std::uint8_t host;
    std::uint16_t opcode;
    bool drop;
  };
  struct Queue {
    std::uint64_t high = 0;
    std::uint64_t address = 0;
  };
  void rung(std::uint8_t host, std::uint32_t slot);

  std::array<model::Host*, kHosts> hosts_;
  std::array<Queue, kHosts> queues_;  // of the PFs
  std::vector<Request> requests_;
};

}  // namespace vfsim::bench
