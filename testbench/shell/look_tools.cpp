#include "testbench/shell/look_tools.hpp"

#include <fmt/format.h>

#include "firmware/interface/tables.hpp"

namespace vfsim::bench {

HostVf* host_vf(const Machine& machine, model::FnRef who) {
  const auto& vfs = machine.sim.hosts[who.host]->vfs;
  return who.fn == 0 || who.fn > vfs.size() ? nullptr : vfs[who.fn - 1U].get();
}

Guest* guest_of(const Machine& machine, model::FnRef who) {
  for (const auto& guest : machine.sim.guests) {
    for (const auto& nic : guest->nics()) {
      if (nic->vf() + 1 == who.fn) {
        return guest.get();
      }
    }
  }
  return nullptr;
}

std::string age_text(model::Ps duration) {
  return duration < model::kMs
             ? fmt::format("{:.3f} us",
                           static_cast<double>(duration) / static_cast<double>(model::kUs))
             : fmt::format("{:.3f} ms",
                           static_cast<double>(duration) / static_cast<double>(model::kMs));
}

std::string name_in(std::string_view set, std::uint32_t value) {
  const auto name = contract::enum_name(set, value);
  return name.empty() ? fmt::format("{} {:#x}", set, value) : std::string(name);
}

bool take_number(const Words& words, std::size_t at, std::string_view what, std::uint64_t& value,
                 std::string& error) {
  const auto number = number_of(words[at]);
  if (!number) {
    error = fmt::format("{}: '{}' is no number; allowed are 31, 0x1f", what, words[at]);
    return false;
  }
  value = *number;
  return true;
}

}  // namespace vfsim::bench
