#include "testbench/report/result.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

namespace vfsim::bench {
namespace {

using Json = nlohmann::ordered_json;

Json migration(const MigrationResult& m) {
  Json phases = Json::array();
  for (const PhaseResult& p : m.phases) {
    phases.push_back({{"name", p.name}, {"begin_ns", p.begin_ns}, {"end_ns", p.end_ns}});
  }
  return {{"guest", m.guest},
          {"vf", m.vf},
          {"from", m.from},
          {"to", m.to},
          {"begin_ns", m.begin_ns},
          {"end_ns", m.end_ns},
          {"downtime_ns", m.downtime_ns},
          {"phases", phases},
          {"state_bytes", m.state_bytes},
          {"memory_bytes", m.memory_bytes},
          {"precopy_rounds", m.precopy_rounds},
          {"outcome", m.outcome},
          {"reason", m.reason}};
}

Json oracle(const OracleCounts& o) {
  return {{"tx_posted", o.tx_posted},
          {"tx_completed", o.tx_completed},
          {"tx_on_wire", o.tx_on_wire},
          {"rx_offered", o.rx_offered},
          {"rx_accepted", o.rx_accepted},
          {"rx_delivered", o.rx_delivered},
          {"lost", o.lost},
          {"duplicated", o.duplicated},
          {"corrupted", o.corrupted},
          {"reordered", o.reordered},
          {"interrupts_lost", o.interrupts_lost},
          {"missed_dirty_pages", o.missed_dirty_pages},
          {"memory_mismatch_bytes", o.memory_mismatch_bytes},
          {"tx_discarded", o.tx_discarded}};
}

}  // namespace

std::string to_json(const Result& r) {
  Json out = {{"schema", "vfsim.result/1"},
              {"scenario", r.scenario},
              {"seed", r.seed},
              {"verdict", r.verdict},
              {"error", r.error},
              {"sim_time_ns", r.sim_time_ns},
              {"wall_s", r.wall_s},
              {"tlps", r.tlps},
              {"events_digest", r.events_digest},
              {"held_on_wire", r.held_on_wire}};
  out["migrations"] = Json::array();
  for (const MigrationResult& m : r.migrations) {
    out["migrations"].push_back(migration(m));
  }
  out["rules"] = Json::array();
  for (const RuleCount& rule : r.rules) {
    out["rules"].push_back({{"id", rule.id},
                            {"evaluations", rule.evaluations},
                            {"violations", rule.violations},
                            {"verdict", rule.verdict}});
  }
  out["oracle"] = oracle(r.oracle);
  out["violations"] = Json::array();
  for (const ViolationResult& v : r.violations) {
    out["violations"].push_back({{"rule", v.rule},
                                 {"time_ns", v.time_ns},
                                 {"who", v.who},
                                 {"expected", v.expected},
                                 {"seen", v.seen}});
  }
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

bool write_file(const std::string& path, const std::string& text, std::string& error) {
  namespace fs = std::filesystem;
  std::error_code code;
  // A link to a file stays one, a device or pipe stays what it is.
  const fs::path target =
      fs::is_symlink(path, code) ? fs::weakly_canonical(path, code) : fs::path(path);
  const bool in_place = fs::exists(target, code) && !fs::is_regular_file(target, code);
  if (target.has_parent_path()) {
    fs::create_directories(target.parent_path(), code);
  }
  const fs::path part = in_place ? target : fs::path(target.string() + ".part");
  errno = 0;
  std::ofstream file(part, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  code = file ? std::error_code() : std::error_code(errno, std::generic_category());
  if (!code && !in_place) {
    fs::rename(part, target, code);
  }
  if (!code) {
    return true;
  }
  error = path + ": cannot be written: " + code.message();
  if (!in_place) {
    std::remove(part.c_str());
  }
  return false;
}

}  // namespace vfsim::bench
