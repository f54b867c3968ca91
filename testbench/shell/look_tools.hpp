// What several commands need.
#pragma once

#include <string>
#include <string_view>

#include "systemc/nic/nic_impl.hpp"
#include "testbench/shell/machine.hpp"
#include "testbench/shell/text_table.hpp"

namespace vfsim::bench {

[[nodiscard]] inline model::Nic::Impl& nic_of(const Machine& machine, model::FnRef who) {
  return machine.sim.hosts[who.host]->nic.impl();
}
[[nodiscard]] inline const vf_function& context_of(const Machine& machine, model::FnRef who) {
  return machine.sim.hosts[who.host]->nic.context().fn[who.fn];
}
[[nodiscard]] inline model::Rid rid_of(model::FnRef who) {
  return static_cast<model::Rid>(model::Host::kNicRid + who.fn);
}
/// The VF as its host's migration driver reaches it; null: a PF, or no guest has it.
[[nodiscard]] HostVf* host_vf(const Machine& machine, model::FnRef who);
/// The guest whose VF it is; null: none.
[[nodiscard]] Guest* guest_of(const Machine& machine, model::FnRef who);

/// A good answer of lines that are separated by '\n'.
[[nodiscard]] inline Answer lines(std::string text) {
  return answer(std::move(text) + "\n");
}

/// "1.204 us": age or duration.
[[nodiscard]] std::string age_text(model::Ps duration);
/// "RUNNING_P2P", "QUEUE 7": name in an enum set, or the number behind the set's name.
[[nodiscard]] std::string name_in(std::string_view set, std::uint32_t value);

/// words[at] as a number. False: `error` is one line that calls it `what`.
[[nodiscard]] bool take_number(const Words& words, std::size_t at, std::string_view what,
                               std::uint64_t& value, std::string& error);

}  // namespace vfsim::bench
