#include "testbench/shell/act_tools.hpp"

#include <fmt/format.h>

#include <boost/endian/conversion.hpp>

#include "testbench/scenarios/names.hpp"

namespace vfsim::bench {
namespace {

/// BAR registers are big-endian, MSI-X table and pending bits little-endian, as the value of a CPU
/// access is.
std::uint64_t on_the_bus(std::uint64_t offset, std::uint64_t value, std::uint32_t bytes) {
  const bool msix = model::BarSpace::in_msix(offset);
  return msix         ? value
         : bytes == 8 ? boost::endian::endian_reverse(value)
                      : boost::endian::endian_reverse(static_cast<std::uint32_t>(value));
}

}  // namespace

bool may_act(const Machine& machine, std::string& error) {
  if (machine.ended) {
    error =
        "the run is over: nothing can be changed any more (back, goto and restart lead to where it "
        "can)";
  } else if (machine.director.leaving()) {
    error =
        "traffic and steps have ended and drivers are unloaded: nothing can be changed any more "
        "(back and goto lead to where it can)";
  }
  return error.empty();
}

bool may_step(const Machine& machine, std::string& error) {
  if (may_act(machine, error) && !machine.director.working()) {
    error =
        "hosts boot and drivers are loaded: nobody can be told to do something before traffic "
        "begins (until, run TIME)";
  }
  return error.empty();
}

bool check_width(std::uint64_t value, std::uint64_t bytes, std::string_view allowed,
                 std::string& error) {
  if (!has_name(allowed, std::to_string(bytes))) {
    error = fmt::format("BYTES: {} is no width; allowed are {}", bytes, comma_list(allowed));
  } else if (bytes < 8 && value >> (8 * bytes) != 0) {
    error = fmt::format("VALUE: {:#x} does not fit {} bytes", value, bytes);
  }
  return error.empty();
}

bool find_host(std::string_view word, std::uint8_t& host, std::string& error) {
  if (word != "A" && word != "B") {
    error = fmt::format("there is no host '{}'; allowed are A, B", word);
    return false;
  }
  host = static_cast<std::uint8_t>(word[0] - 'A');
  return true;
}

bool write_register(Machine& machine, model::FnRef who, std::uint64_t offset, std::uint64_t value,
                    std::uint32_t bytes, std::string& error) {
  const std::uint64_t window = std::uint64_t{1}
                               << (who.fn == 0 ? VF_BAR_LOG_PF_BYTES : VF_BAR_LOG_VF_BYTES);
  if (offset % bytes != 0 || offset > window - bytes) {
    error =
        fmt::format("OFFSET: {:#x} is not in BAR0, or not a multiple of {}; allowed is 0 .. {:#x}",
                    offset, bytes, window - bytes);
    return false;
  }
  if (who.fn != 0 && host_vf(machine, who) == nullptr) {
    error = fmt::format("{} has no window: no guest has it", function_name(who));
    return false;
  }
  const model::Nic::Impl& nic = nic_of(machine, who);
  if (!nic.core.run[who.fn].present || !nic.control.decodes_memory(who.fn)) {
    error = fmt::format(
        "{} does not answer at its BAR: it is absent, or its memory space is not enabled",
        function_name(who));
    return false;
  }
  const std::uint64_t at = (who.fn == 0 ? kPfWindow : vf_window(who.fn - 1U)) + offset;
  machine.later([&host = machine.sim.hosts[who.host]->host, at,
                 raw = on_the_bus(offset, value, bytes),
                 bytes] { host.cpu_write(at, raw, bytes); });
  return true;
}

}  // namespace vfsim::bench
