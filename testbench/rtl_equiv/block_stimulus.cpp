#include "testbench/rtl_equiv/block_stimulus.hpp"

#include <algorithm>
#include <array>
#include <istream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace vfsim::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kDoorbell = {"ring",  "hold", "reset", "take",    "done", "set",
                                  "clear", "room", "offer", "pending", "owned"};
constexpr std::array kWalker = {"walk", "answer", "keys", "entries"};
static_assert(kDoorbell.size() == static_cast<std::size_t>(DoorbellStep::Do::count));
static_assert(kWalker.size() == static_cast<std::size_t>(WalkerStep::Do::count));

template <class Step, class Names>
Json begin(const std::string& block, const Step& step, const Names& names) {
  return {{"t_ps", step.t}, {"block", block}, {"do", names[static_cast<std::size_t>(step.what)]}};
}

template <class Step, class Names>
Step begun(const Json& line, const Names& names) {
  const std::string name = line["do"];
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) {
    throw std::runtime_error("a block does not '" + name + "'");
  }
  Step step;
  step.t = line["t_ps"];
  step.what = static_cast<typename Step::Do>(at - names.begin());
  return step;
}

DoorbellStep doorbell_step(const Json& line) {
  auto step = begun<DoorbellStep>(line, kDoorbell);
  step.fn = line["fn"];
  step.value = line["value"];
  return step;
}

void put(Json& line, const model::WalkRequest& r) {
  line.update({{"fn", r.fn},
               {"mkey", r.mkey},
               {"pd", r.pd},
               {"addr", r.addr},
               {"bytes", r.bytes},
               {"gen", r.gen},
               {"write", r.write},
               {"resume", r.resume}});
}

void put(Json& line, const model::WalkAnswer& a) {
  line.update({{"result", a.result},
               {"addr", a.addr},
               {"run", a.run},
               {"gen", a.gen},
               {"relaxed", a.relaxed}});
}

WalkerStep walker_step(const Json& line) {
  auto step = begun<WalkerStep>(line, kWalker);
  switch (step.what) {
    case WalkerStep::Do::walk:
      step.request = {line["addr"], line["mkey"], line["pd"],    line["bytes"],
                      line["gen"],  line["fn"],   line["write"], line["resume"]};
      break;
    case WalkerStep::Do::answer:
      step.answer = {line["addr"], line["run"], line["result"], line["gen"], line["relaxed"]};
      break;
    case WalkerStep::Do::keys:
      step.fn = line["fn"];
      step.first = line["first"];
      line["now"].get_to(step.keys);
      break;
    default:
      step.first = line["first"];
      line["now"].get_to(step.entries);
  }
  return step;
}

template <class Step>
std::vector<Step> steps_of(std::istream& file, const std::string& block,
                           Step (*read)(const Json&)) {
  std::vector<Step> steps;
  const std::string mark = "\"block\":\"" + block + '"';
  for (std::string line; std::getline(file, line);) {
    if (line.find(mark) != std::string::npos) {
      steps.push_back(read(Json::parse(line)));
    }
  }
  return steps;
}

}  // namespace

const char* to_string(DoorbellStep::Do what) {
  return kDoorbell[static_cast<std::size_t>(what)];
}

std::string to_line(const std::string& block, const DoorbellStep& step) {
  Json line = begin(block, step, kDoorbell);
  line.update({{"fn", step.fn}, {"value", step.value}});
  return line.dump();
}

std::string to_line(const std::string& block, const WalkerStep& step) {
  Json line = begin(block, step, kWalker);
  switch (step.what) {
    case WalkerStep::Do::walk:
      put(line, step.request);
      break;
    case WalkerStep::Do::answer:
      put(line, step.answer);
      break;
    case WalkerStep::Do::keys:
      line.update({{"fn", step.fn}, {"first", step.first}, {"now", step.keys}});
      break;
    default:
      line.update({{"first", step.first}, {"now", step.entries}});
  }
  return line.dump();
}

std::vector<DoorbellStep> doorbell_steps(std::istream& file, const std::string& block) {
  return steps_of(file, block, doorbell_step);
}

std::vector<WalkerStep> walker_steps(std::istream& file, const std::string& block) {
  return steps_of(file, block, walker_step);
}

}  // namespace vfsim::bench
