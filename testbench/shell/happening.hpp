// One observation as the shell sees it: small, comparable, printable.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "systemc/common/probe.hpp"

namespace vfsim::bench {

enum class HappeningKind : std::uint8_t {
#define HAPPENING_GROUP(name, doc)
#define HAPPENING(kind, group, doc) kind,
#include "testbench/shell/happenings.def"
#undef HAPPENING
#undef HAPPENING_GROUP
};

enum class HappeningGroup : std::uint8_t {
#define HAPPENING_GROUP(name, doc) name,
#define HAPPENING(kind, group, doc)
#include "testbench/shell/happenings.def"
#undef HAPPENING
#undef HAPPENING_GROUP
  count_
};

struct HappeningGroupInfo {
  std::string_view name;
  std::string_view doc;
};
inline constexpr HappeningGroupInfo kHappeningGroups[] = {
#define HAPPENING_GROUP(name, doc) {#name, doc},
#define HAPPENING(kind, group, doc)
#include "testbench/shell/happenings.def"
#undef HAPPENING
#undef HAPPENING_GROUP
};

[[nodiscard]] HappeningGroup group_of(HappeningKind kind);
/// Of kHappeningGroups by name; count_ for none.
[[nodiscard]] HappeningGroup find_group(std::string_view name);
/// "tlp landed ...": all names, separated by spaces.
[[nodiscard]] std::string group_names_of_happenings();

/// What the numbers mean depends on the kind (happening.cpp: text()); `name` is an opcode, a phase, a rule, an outcome.
struct Happening {
  HappeningKind kind = HappeningKind::tlp_sent;
  bool good = true;          // ok, delivered, begin, on, running, done without error
  bool has_target = false;
  model::FnRef who;
  model::FnRef target;       // command about a VHCA: the function it is about
  model::Ps t = 0;
  model::Tlp tlp;            // tlp_*
  std::uint64_t a = 0, b = 0, c = 0, d = 0;
  std::array<char, 40> name{};

  [[nodiscard]] std::string_view text_name() const { return name.data(); }
  void set_name(std::string_view text);
  /// It is about this function, or issued by it.
  [[nodiscard]] bool about(model::FnRef fn) const {
    const auto same = [&](model::FnRef x) { return x.host == fn.host && x.fn == fn.fn; };
    return same(who) || (has_target && same(target));
  }
};

/// Class of a TLP as PCIe names it: MRd, MWr, CplD, MSI, CfgRd, CfgWr.
[[nodiscard]] const char* tlp_name(const model::Tlp& tlp);
inline constexpr std::string_view kTlpNames = "MRd MWr CplD MSI CfgRd CfgWr";

/// "105.065412300 ms"
[[nodiscard]] std::string time_text(model::Ps t);
/// One line without its time: "A.vf0  MRd 0x1000+256 tag 7".
[[nodiscard]] std::string text(const Happening& h);

}  // namespace vfsim::bench
