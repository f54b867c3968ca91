#include "testbench/coverage/coverage_model.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fnmatch.h>

#include "firmware/interface/tables.hpp"
#include "host_driver/migration/fsm.hpp"
#include "testbench/checkers/mig_name.hpp"
#include "testbench/checkers/rule_set.hpp"

namespace vfsim::bench {
namespace {

using driver::MigState;

struct GroupRow {
  std::string_view name;
  std::string_view doc;
};
constexpr GroupRow kGroups[] = {
#define COVER_GROUP(name, doc) {#name, doc},
#define COVER_EXCLUDED(group, bin, why)
#include "testbench/coverage/coverage.def"
#undef COVER_GROUP
#undef COVER_EXCLUDED
};

struct Exclusion {
  CoverGroup group;
  const char* pattern;
  const char* why;
};
constexpr Exclusion kExclusions[] = {
#define COVER_GROUP(name, doc)
#define COVER_EXCLUDED(group, bin, why) {CoverGroup::group, bin, why},
#include "testbench/coverage/coverage.def"
#undef COVER_GROUP
#undef COVER_EXCLUDED
};

constexpr std::array<std::string_view, 5> kFlights = {"none", "reads", "writes", "both", "p2p"};
constexpr std::array<std::string_view, 3> kIssuers = {"PF", "VF", "VF held"};
constexpr std::array<std::string_view, 3> kStopped = {"running", "initiator stopped", "stopped"};
constexpr std::array<std::string_view, 6> kOutcomes = {"completed", "rolled_back", "cancelled",
                                                       "reset",     "lost",        "unknown"};
/// One of each class of VF counts.
constexpr std::array<std::uint32_t, 3> kVfCounts = {1, 2, 16};

constexpr std::uint16_t kUnknownOpcode = 0;

struct VhcaCommand {
  std::uint16_t opcode;
  std::uint16_t op_mod;
  std::string_view name;
};
constexpr VhcaCommand kVhcaCommands[] = {
    {VF_OP_SUSPEND_VHCA, VF_SUSPEND_INITIATOR, "SUSPEND_VHCA initiator"},
    {VF_OP_SUSPEND_VHCA, VF_SUSPEND_RESPONDER, "SUSPEND_VHCA responder"},
    {VF_OP_RESUME_VHCA, VF_RESUME_RESPONDER, "RESUME_VHCA responder"},
    {VF_OP_RESUME_VHCA, VF_RESUME_INITIATOR, "RESUME_VHCA initiator"},
    {VF_OP_QUERY_VHCA_MIGRATION_STATE, 0, "QUERY_VHCA_MIGRATION_STATE"},
    {VF_OP_SAVE_VHCA_STATE, 0, "SAVE_VHCA_STATE"},
    {VF_OP_LOAD_VHCA_STATE, 0, "LOAD_VHCA_STATE"},
};

std::string_view count_class(std::uint32_t vfs) {
  return vfs <= 1 ? "1" : vfs < 16 ? "2-15" : "16+";
}

template <class Enum>
std::size_t index(Enum value) {
  return static_cast<std::size_t>(value);
}

class Builder {
 public:
  std::vector<CoverBin> bins;

  void add(CoverGroup group, std::string name) {
    std::string_view why;
    for (const Exclusion& e : kExclusions) {
      if (e.group == group && fnmatch(e.pattern, name.c_str(), 0) == 0) {
        why = e.why;
      }
    }
    bins.push_back({group, std::move(name), why});
  }

  /// make(from, to) for every single arc of a device that can do everything.
  template <class Make>
  static void each_arc(const Make& make) {
    constexpr std::uint64_t kAll = VF_MIG_FLAG_STOP_COPY | VF_MIG_FLAG_P2P | VF_MIG_FLAG_PRE_COPY;
    for (std::uint32_t from = 1; from < driver::kMigStates; ++from) {
      for (std::uint32_t to = 1; to < driver::kMigStates; ++to) {
        const auto a = static_cast<MigState>(from);
        const auto b = static_cast<MigState>(to);
        if (from != to && driver::mig_next_state(kAll, a, b) == b) {
          make(a, b);
        }
      }
    }
  }

  void arcs() {
    each_arc([&](MigState from, MigState to) {
      for (std::size_t f = 0; f < kFlights.size(); ++f) {
        for (const std::uint32_t vfs : kVfCounts) {
          add(CoverGroup::arcs, arc_bin(from, to, static_cast<InFlight>(f), vfs));
        }
      }
    });
    each_arc([&](MigState from, MigState to) { add(CoverGroup::failed_arcs, arc_bin(from, to)); });
  }

  void outcomes() {
    for (const std::string_view outcome : kOutcomes) {
      for (std::size_t f = 0; f < kFlights.size(); ++f) {
        add(CoverGroup::outcomes, outcome_bin(outcome, static_cast<InFlight>(f)));
      }
    }
  }

  void commands() {
    for (const contract::OpcodeRow& row : contract::kOpcodes) {
      for (const Issuer issuer : {Issuer::pf, Issuer::vf}) {
        for (const bool ok : {true, false}) {
          add(CoverGroup::commands, command_bin(static_cast<std::uint16_t>(row.value), issuer, ok));
        }
      }
    }
    for (const Issuer issuer : {Issuer::pf, Issuer::vf}) {
      add(CoverGroup::commands, command_bin(kUnknownOpcode, issuer, false));
    }
    for (const bool ok : {true, false}) {
      add(CoverGroup::commands, command_bin(0, Issuer::vf_held, ok));
    }
    for (const VhcaCommand& command : kVhcaCommands) {
      for (std::size_t s = 0; s < kStopped.size(); ++s) {
        for (const bool ok : {true, false}) {
          add(CoverGroup::vhca,
              vhca_bin(command.opcode, command.op_mod, static_cast<Stopped>(s), ok));
        }
      }
    }
  }

  void records() {
    for (const contract::ImageRow& row : contract::kImageRecords) {
      add(CoverGroup::records, record_bin(row.name, false));
      add(CoverGroup::records, record_bin(row.name, true));
    }
  }

  void rules() {
    for (const RuleInfo& rule : rule_table()) {
      add(CoverGroup::rules, rule.id);
    }
  }
};

std::vector<CoverBin> build() {
  Builder builder;
  builder.arcs();
  builder.outcomes();
  builder.commands();
  builder.records();
  builder.rules();
  std::stable_sort(builder.bins.begin(), builder.bins.end(),
                   [](const CoverBin& a, const CoverBin& b) { return a.group < b.group; });
  return std::move(builder.bins);
}

}  // namespace

std::string_view group_name(CoverGroup group) {
  return kGroups[index(group)].name;
}
std::string_view group_doc(CoverGroup group) {
  return kGroups[index(group)].doc;
}

const std::vector<CoverBin>& coverage_model() {
  static const std::vector<CoverBin> kModel = build();
  return kModel;
}

InFlight in_flight(std::uint64_t reads, std::uint64_t writes, std::uint64_t p2p) {
  return p2p != 0                    ? InFlight::p2p
         : reads != 0 && writes != 0 ? InFlight::both
         : reads != 0                ? InFlight::reads
         : writes != 0               ? InFlight::writes
                                     : InFlight::none;
}

std::string arc_bin(MigState from, MigState to) {
  return fmt::format("{} -> {}", mig_name(from), mig_name(to));
}
std::string arc_bin(MigState from, MigState to, InFlight flight, std::uint32_t vfs) {
  return fmt::format("{} | {} | {}", arc_bin(from, to), kFlights[index(flight)], count_class(vfs));
}
std::string outcome_bin(std::string_view outcome, InFlight flight) {
  return fmt::format("{} | {}", outcome, kFlights[index(flight)]);
}

std::string command_bin(std::uint16_t opcode, Issuer issuer, bool ok) {
  // What a quiesce holds is the doorbell, whatever the command behind it.
  const std::string_view name = issuer == Issuer::vf_held ? "any" : contract::opcode_name(opcode);
  return fmt::format("{} | {} | {}", name.empty() ? "unknown opcode" : name,
                     kIssuers[index(issuer)], ok ? "ok" : "rejected");
}

std::string vhca_bin(std::uint16_t opcode, std::uint16_t op_mod, Stopped stopped, bool ok) {
  std::string_view name = "other";
  for (const VhcaCommand& command : kVhcaCommands) {
    if (command.opcode == opcode && command.op_mod == op_mod) {
      name = command.name;
    }
  }
  return fmt::format("{} | {} | {}", name, kStopped[index(stopped)], ok ? "ok" : "rejected");
}

std::string record_bin(std::string_view record, bool loaded) {
  return fmt::format("{} | {}", record, loaded ? "loaded" : "saved");
}

}  // namespace vfsim::bench
