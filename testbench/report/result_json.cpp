// Result <-> JSON. The keys of each structure are one list that writer and reader walk.
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "testbench/report/result.hpp"

namespace vfsim::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "vfsim.result/1";

template <class Visit>
void fields(Visit& visit, PhaseResult& p) {
  visit("name", p.name);
  visit("begin_ns", p.begin_ns);
  visit("end_ns", p.end_ns);
}

template <class Visit>
void fields(Visit& visit, MigrationResult& m) {
  visit("guest", m.guest);
  visit("vf", m.vf);
  visit("from", m.from);
  visit("to", m.to);
  visit("begin_ns", m.begin_ns);
  visit("end_ns", m.end_ns);
  visit("downtime_ns", m.downtime_ns);
  visit("phases", m.phases);
  visit("state_bytes", m.state_bytes);
  visit("memory_bytes", m.memory_bytes);
  visit("precopy_rounds", m.precopy_rounds);
  visit("outcome", m.outcome);
  visit("reason", m.reason);
}

template <class Visit>
void fields(Visit& visit, RuleCount& rule) {
  visit("id", rule.id);
  visit("evaluations", rule.evaluations);
  visit("violations", rule.violations);
  visit("verdict", rule.verdict);
  visit("note", rule.note);
}

template <class Visit>
void fields(Visit& visit, OracleCounts& o) {
  visit("tx_posted", o.tx_posted);
  visit("tx_completed", o.tx_completed);
  visit("tx_on_wire", o.tx_on_wire);
  visit("rx_offered", o.rx_offered);
  visit("rx_accepted", o.rx_accepted);
  visit("rx_delivered", o.rx_delivered);
  visit("lost", o.lost);
  visit("duplicated", o.duplicated);
  visit("corrupted", o.corrupted);
  visit("reordered", o.reordered);
  visit("interrupts_lost", o.interrupts_lost);
  visit("missed_dirty_pages", o.missed_dirty_pages);
  visit("memory_mismatch_bytes", o.memory_mismatch_bytes);
  visit("tx_discarded", o.tx_discarded);
  visit("tx_abandoned", o.tx_abandoned);
  visit("rx_discarded", o.rx_discarded);
  visit("interface_sent", o.interface_sent);
  visit("interface_on_wire", o.interface_on_wire);
  visit("interface_accepted", o.interface_accepted);
  visit("interface_received", o.interface_received);
}

template <class Visit>
void fields(Visit& visit, ViolationResult& v) {
  visit("rule", v.rule);
  visit("time_ns", v.time_ns);
  visit("who", v.who);
  visit("expected", v.expected);
  visit("seen", v.seen);
}

template <class Visit>
void fields(Visit& visit, DrawnValue& d) {
  visit("key", d.key);
  visit("value", d.value);
}

template <class Visit>
void fields(Visit& visit, CoverageHit& c) {
  visit("group", c.group);
  visit("bin", c.bin);
  visit("count", c.count);
}

template <class Visit>
void fields(Visit& visit, Result& r) {
  visit("scenario", r.scenario);
  visit("title", r.title);
  visit("seed", r.seed);
  visit("drawn", r.drawn);
  visit("verdict", r.verdict);
  visit("error", r.error);
  visit("sim_time_ns", r.sim_time_ns);
  visit("wall_s", r.wall_s);
  visit("tlps", r.tlps);
  visit("events_digest", r.events_digest);
  visit("sent_on_wire", r.sent_on_wire);
  visit("held_on_wire", r.held_on_wire);
  visit("lost_on_wire", r.lost_on_wire);
  visit("migrations", r.migrations);
  visit("rules", r.rules);
  visit("oracle", r.oracle);
  visit("violations", r.violations);
  visit("coverage", r.coverage);
}

struct Writer {
  Json json = Json::object();

  template <class T>
  static Json value(T& from) {
    if constexpr (std::is_class_v<T> && !std::is_same_v<T, std::string>) {
      Writer inner;
      fields(inner, from);
      return std::move(inner.json);
    } else {
      return from;
    }
  }
  template <class T>
  static Json value(std::vector<T>& from) {
    Json list = Json::array();
    for (T& item : from) {
      list.push_back(value(item));
    }
    return list;
  }
  template <class T>
  void operator()(const char* key, T& from) {
    json[key] = value(from);
  }
};

/// What is not there keeps its default, what is unknown is passed over; the first value of a wrong
/// type is the error.
struct Reader {
  const Json& json;
  std::string path;
  std::string& error;

  bool fail(const std::string& at, const char* needed) {
    if (error.empty()) {
      error = at + ": is no " + needed;
    }
    return false;
  }
  bool value(const Json& from, const std::string& at, std::string& to) {
    return from.is_string() ? (to = from.get<std::string>(), true) : fail(at, "text");
  }
  bool value(const Json& from, const std::string& at, double& to) {
    return from.is_number() ? (to = from.get<double>(), true) : fail(at, "number");
  }
  bool value(const Json& from, const std::string& at, bool& to) {
    return from.is_boolean() ? (to = from.get<bool>(), true) : fail(at, "true or false");
  }
  template <class T>
  bool value(const Json& from, const std::string& at, std::vector<T>& to) {
    if (!from.is_array()) {
      return fail(at, "list");
    }
    to.clear();
    for (const Json& item : from) {
      T made{};
      if (!value(item, at + "[" + std::to_string(to.size()) + "]", made)) {
        return false;
      }
      to.push_back(std::move(made));
    }
    return true;
  }
  template <class T>
  bool value(const Json& from, const std::string& at, T& to) {
    if constexpr (std::is_class_v<T>) {
      if (!from.is_object()) {
        return fail(at, "object");
      }
      Reader inner{from, at, error};
      fields(inner, to);
      return error.empty();
    } else {
      static_assert(std::is_unsigned_v<T>);
      if (!from.is_number_unsigned() || from.get<std::uint64_t>() > std::numeric_limits<T>::max()) {
        return fail(at, "whole number that fits");
      }
      to = from.get<T>();
      return true;
    }
  }
  template <class T>
  void operator()(const char* key, T& to) {
    const auto at = json.find(key);
    if (error.empty() && at != json.end()) {
      (void)value(*at, path.empty() ? key : path + "." + key, to);
    }
  }
};

std::string text_of(const Result& result, int indent) {
  Result copy = result;  // the lists of keys serve the reader, too, and take what they can change
  Json json = {{"schema", kSchema}};
  json.update(Writer::value(copy));
  return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string to_json(const Result& result) {
  return text_of(result, 2);
}

std::string to_json_line(const Result& result) {
  return text_of(result, -1);
}

bool from_json(const std::string& text, Result& result, std::string& error) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) {
    error = "no JSON object";
    return false;
  }
  const auto schema = json.find("schema");
  if (schema == json.end() || *schema != kSchema) {
    error = std::string("schema: allowed is ") + kSchema;
    return false;
  }
  result = Result{};
  error.clear();
  Reader reader{json, "", error};
  fields(reader, result);
  return error.empty();
}

}  // namespace vfsim::bench
