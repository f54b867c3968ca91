#include "testbench/runner/runner.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "testbench/report/story_recorder.hpp"
#include "testbench/report/timeline.hpp"
#include "testbench/rtl_equiv/block_recorder.hpp"
#include "testbench/runner/director.hpp"
#include "testbench/runner/pictures.hpp"
#include "testbench/runner/simulation.hpp"

namespace vfsim::bench {
namespace {

constexpr model::Ps kSlice = model::kMs;  // simulated time between two looks at options.stop

/// "[I 12.000000250s] A: text", levels up to the chosen one.
LogSink make_log(const std::string& level) {
  const std::string_view names = "error warning info debug trace";
  const auto limit = static_cast<std::size_t>(std::count(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(names.find(level)), ' '));
  return [limit](model::Ps t, driver::LogLevel l, const std::string& who, std::string_view text) {
    if (static_cast<std::size_t>(l) <= limit) {
      fmt::print(stderr, "[{} {}.{:09}s] {}: {}\n", "EWIDT"[static_cast<std::size_t>(l)], t / (1000 * model::kMs),
                 t / model::kNs % 1'000'000'000, who, text);
    }
  };
}

/// Every frame fits the ports.
driver::Result<void> check_frames(const Schedule& schedule, const Scenario& scenario) {
  for (const auto* frames : {&schedule.from_guest, &schedule.to_guest}) {
    for (const TimedFrame& frame : *frames) {
      if (frame.bytes.size() > scenario.nic.mtu + kEthernetHeader) {
        return driver::fail(EINVAL, fmt::format("{}: workload.captures has a frame of {} bytes, which does not fit nic.mtu = "
                                                "{}; allowed is mtu + {}", scenario.path, frame.bytes.size(),
                                                scenario.nic.mtu, kEthernetHeader));
      }
    }
  }
  return BOOST_OUTCOME_V2_NAMESPACE::success();
}

driver::Result<std::vector<Schedule>> schedules_of(const Scenario& scenario, std::uint64_t seed) {
  std::vector<Schedule> schedules;
  const WorkloadParams& params = scenario.workload;
  for (std::uint32_t vf = 0; vf < params.vfs(); ++vf) {
    if (params.p2p_sends != 0) {
      schedules.push_back(generate_p2p(params, vf, seed));
    } else if (vf % params.vfs_per_guest == 0 && vf / params.vfs_per_guest < params.replay_guests) {
      BOOST_OUTCOME_TRY(schedule, replay(params, {scenario.folder, VF_SOURCE_DIR "/testbench/data"}, vf));
      BOOST_OUTCOME_TRYV(check_frames(schedule, scenario));
      schedules.push_back(std::move(schedule));
    } else {
      schedules.push_back(generate(params, vf, seed));
    }
    if (vf == 0 && params.peer_device) {
      schedules.back().from_guest.clear();  // the peer device rings for what this guest sends
    }
  }
  return schedules;
}

/// The rules that the scenario is there for must have had an occasion. Who changes it may take that away, and is told
/// so in the account only.
void check_goal(const Scenario& scenario, bool finished, Result& result) {
  const bool changed = std::any_of(scenario.places.begin(), scenario.places.end(),
                                   [](const auto& place) { return place.second.rfind("--set ", 0) == 0; });
  if (changed || !finished) {
    return;
  }
  for (const RuleCount& rule : result.rules) {
    const bool wanted = std::find(scenario.rules.begin(), scenario.rules.end(), rule.id) != scenario.rules.end();
    if (wanted && rule.evaluations == 0 && result.error.empty()) {
      result.error = fmt::format("the goal was missed: rule {} was not exercised", rule.id);
    }
  }
}

int verdict(Result& result, bool finished) {
  std::uint64_t violations = 0;
  for (const RuleCount& rule : result.rules) {
    violations += rule.violations;
  }
  if (!finished && result.error.empty()) {
    result.error = "the run was interrupted";
  }
  const bool held = violations == 0 && result.error.empty();
  result.verdict = held ? "pass" : "fail";
  return held ? kHeld : kViolated;
}

/// False: result.error says which file cannot be written.
bool close_files(Simulation& simulation, const RunOptions& options, Pictures& pictures, Result& result) {
  if (!pictures.close()) {
    result.error = pictures.error();
    return false;
  }
  if (!options.rtl_coverage.empty() && !simulation.rtl.session().write_coverage(options.rtl_coverage)) {
    result.error = fmt::format("{}: cannot be written", options.rtl_coverage);
    return false;
  }
  for (const SavedImage& image : simulation.images) {
    const std::string path = options.out_dir + "/" + image.name + ".image";
    if (!options.out_dir.empty() && !write_file(path, {image.bytes.begin(), image.bytes.end()}, result.error)) {
      return false;
    }
  }
  return true;
}

int cannot_write(const std::string& path, Result& result) {
  result.error = fmt::format("{}: cannot be written", path);
  return kBadInput;
}

int simulate(Simulation& simulation, const RunOptions& options, Result& result) {
  const WorkloadParams& workload = simulation.scenario().workload;
  Pictures pictures(options, {simulation.calendar, simulation.probes, *simulation.rules, *simulation.events,
                              {workload.vfs() + 1, workload.guests}, simulation.rtl.session().live_wave()});
  if (!pictures.error().empty()) {
    result.error = pictures.error();
    return kBadInput;
  }
  if (Timeline* timeline = pictures.timeline()) {
    simulation.on_channel = [timeline](const ChannelMessage& m) {
      timeline->channel(m.from, m.to, m.host, m.type, m.bytes);
    };
  }
  std::unique_ptr<StoryRecorder> story;
  if (options.story != nullptr) {
    story = std::make_unique<StoryRecorder>(simulation.probes, *simulation.rules, *simulation.events,
                                            model::Host::kNicRid);
  }
  Director director(simulation, result);
  if (options.companion != nullptr) {
    options.companion->built(simulation, director, result);
  }
  simulation.power_on();
  simulation.hosts[0]->os.spawn("director", [&director] { director.run(); });
  for (model::Ps end = kSlice; !director.finished() && (options.stop == nullptr || *options.stop == 0); end += kSlice) {
    simulation.calendar.run_until(end);
  }
  simulation.finish(result);
  check_goal(simulation.scenario(), director.finished(), result);
  const int status = verdict(result, director.finished());
  if (options.companion != nullptr) {
    options.companion->ended();
  }
  if (story) {
    *options.story = story->finish();
  }
  return close_files(simulation, options, pictures, result) ? status : kBadInput;
}

}  // namespace

int run_scenario(const Scenario& scenario, const RunOptions& options, Result& result) {
  result.scenario = scenario.name;
  result.title = scenario.title;
  result.seed = options.seed;
  for (const Drawn& d : scenario.drawn) {
    result.drawn.push_back({d.key, d.value});
  }
  auto schedules = schedules_of(scenario, options.seed);
  if (!schedules) {
    result.error = schedules.error().text;
    return kBadInput;
  }
  try {
    // Never destroyed: threads that are suspended inside driver code when the run ends refer to it, and a process runs
    // one scenario only.
    auto* recorder = options.block_stimulus.empty() ? nullptr : new BlockRecorder;
    if (recorder != nullptr && !recorder->open(options.block_stimulus)) {
      return cannot_write(options.block_stimulus, result);
    }
    auto* simulation = new Simulation(scenario, options.log ? options.log : make_log(options.log_level),
                                      std::move(schedules.value()), options.seed, true, true, recorder);
    const int status = simulate(*simulation, options, result);
    return recorder == nullptr || recorder->close() ? status : cannot_write(options.block_stimulus, result);
  } catch (const std::exception& e) {
    result.error = e.what();
    result.verdict = "error";
    return kInternal;
  }
}

}  // namespace vfsim::bench
