// S4: LOAD takes whole, authentic, compatible images only, and a refused one changes nothing.
#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <xxhash.h>

#include "firmware/interface/tables.hpp"
#include "testbench/checkers/image_format.hpp"
#include "testbench/checkers/rule_factories.hpp"

namespace vfsim::bench {
namespace {

using model::FnRef;
using model::Ps;

constexpr std::uint32_t kSyndromeArea = 0xffffff00;

std::string_view syndrome_name(std::uint32_t value) {
  for (const contract::NamedRow& row : contract::kSyndromes) {
    if (row.value == value) {
      return row.name;
    }
  }
  return "unknown";
}

bool refused(const model::CommandView& command) {
  return command.delivery != VF_DELIVERY_OK || command.status != VF_STATUS_OK;
}

/// The command itself is wrong, whatever the image is (C2).
bool malformed(const model::CommandView& command) {
  return command.out_bytes < VF_BYTES(load_vhca_state_out) || command.op_mod != 0 ||
         command.who.fn != 0;
}

/// A LOAD between its submission and its completion.
struct ActiveLoad {
  std::uint8_t slot = 0;
  FnRef who;
  std::string defect;      // of the image itself, "" for a whole one
  bool misplaced = false;  // an increment that does not continue what was loaded
  bool ours = false;       // a SAVE of this run made it
  bool alone = true;       // no other command of the function's state, no reset meanwhile
  bool stopped = false;
  ImageIdentity identity;
  std::uint64_t bytes = 0;  // hash
  std::uint64_t digest = 0;
};

/// Judged is what lies behind the key at the submission, by image_defect(); an image that the host
/// changes before the completion is nobody's. An increment must continue the last loaded image (id
/// and sequence), and a function whose last image was not the final one must not be resumed.
///   refused   status and a syndrome of the table; for a broken image that nothing else was wrong
///             with, one of the image's own area; the state digest as at the submission
///   accepted  only whole images in their place; what a SAVE of this run made, in its place, on a
///             stopped function, must be accepted unless the device is out of resources, was reset,
///             its transfer failed, or the command itself is malformed
/// A whole image that no SAVE of this run made may go either way: its fields are the firmware's to
/// judge.
class S4 final : public Rule {
 public:
  explicit S4(const RuleInputs& inputs)
      : context_(inputs.context), view_(inputs.view), chains_(kFunctionIndices) {}

  void subscribe(model::ProbeBus& bus) override {
    bus.subscribe(*this, {model::Probe::function_reset, model::Probe::command});
  }

  void image_saved(Ps t, FnRef who, const ImageView& image) override {
    (void)t, (void)who;
    saved_.insert(XXH3_64bits(image.bytes, image.count));
  }

  void load_submitted(Ps t, FnRef who, const model::CommandView& command,
                      const ImageView& image) override {
    (void)t;
    ActiveLoad load;
    load.slot = command.slot;
    load.who = who;
    load.defect = image_defect(image, load.identity);
    load.misplaced = !in_place(who, load.identity);
    load.bytes = XXH3_64bits(image.bytes, image.count);
    load.ours = saved_.count(load.bytes) != 0 && chains_[function_index(who)].known;
    load.stopped = stopped(who);
    load.alone = saving_[function_index(who)] == 0 && !disturb(who);
    load.digest = context_.state_digest ? context_.state_digest(who.host, who.fn) : 0;
    auto& loads = loads_[who.host];
    loads.erase(std::remove_if(loads.begin(), loads.end(),
                               [&](const ActiveLoad& old) { return old.slot == load.slot; }),
                loads.end());
    loads.push_back(std::move(load));
  }

  void load_ended(Ps t, FnRef who, const model::CommandView& command,
                  const ImageView& image) override {
    const std::optional<ActiveLoad> load = take(who, command.slot);
    if (!load) {
      return;
    }
    const bool steady = load->bytes == XXH3_64bits(image.bytes, image.count) &&
                        image.count == VF_GET(load_vhca_state_in, command.in, size);
    evaluated();
    if (refused(command)) {
      judge_refusal(t, *load, command, steady);
      return;
    }
    if (steady) {
      judge_acceptance(t, *load);
    }
    chains_[function_index(who)] = {steady, steady && !load->identity.final,
                                    load->identity.sequence, load->identity.id};
  }

  void command_submitted(Ps t, const model::CommandView& view) override { count_save(t, view, 1); }
  void command_completed(Ps t, const model::CommandView& view) override { count_save(t, view, -1); }

  void resumed(Ps t, FnRef who, Half half) override {
    if (half != Half::responder) {
      return;
    }
    Chain& chain = chains_[function_index(who)];
    if (chain.open) {
      evaluated();
      violate(t, who, "a function whose final image has not been loaded is not resumed",
              fmt::format("RESUME succeeded behind image {} of its chain", chain.sequence));
    }
    chain = {};
  }

  void resuming(Ps t, FnRef who, Half half) override { (void)t, (void)half, disturb(who); }

  void function_reset(Ps t, FnRef who) override {
    (void)t;
    if (is_nic(context_, who)) {
      disturb(who);
      chains_[function_index(who)] = {};
      if (who.fn == 0) {
        loads_[who.host].clear();
      }
    }
  }

 private:
  /// What the loaded images of a function lead to.
  struct Chain {
    bool known = true;
    bool open = false;  // more must come
    std::uint32_t sequence = 0;
    std::uint64_t id = 0;
  };

  [[nodiscard]] bool stopped(FnRef who) const {
    const RunState& run = view_.run(who);
    return run.initiator_stopped && run.responder_stopped;
  }

  [[nodiscard]] bool in_place(FnRef who, const ImageIdentity& image) const {
    const Chain& chain = chains_[function_index(who)];
    return image.full || !chain.known ||
           (chain.open && image.base == chain.id && image.sequence == chain.sequence + 1);
  }

  /// Something else happens to the function; true if a LOAD of it was on its way.
  bool disturb(FnRef who) {
    bool any = false;
    for (ActiveLoad& load : loads_[who.host]) {
      if (load.who.fn == who.fn) {
        load.alone = false;
        any = true;
      }
    }
    return any;
  }

  void count_save(Ps t, const model::CommandView& view, int change) {
    (void)t;
    FnRef who;
    if (view.opcode == VF_OP_SAVE_VHCA_STATE && view.in_bytes >= VF_BYTES(save_vhca_state_in) &&
        view_.function_of_vhca(
            view.who.host, static_cast<std::uint32_t>(VF_GET(save_vhca_state_in, view.in, vhca_id)),
            who)) {
      int& saving = saving_[function_index(who)];
      saving = std::max(0, saving + change);
      disturb(who);
    }
  }

  std::optional<ActiveLoad> take(FnRef who, std::uint8_t slot) {
    auto& loads = loads_[who.host];
    const auto found = std::find_if(loads.begin(), loads.end(),
                                    [&](const ActiveLoad& l) { return l.slot == slot; });
    if (found == loads.end()) {
      return std::nullopt;
    }
    ActiveLoad load = std::move(*found);
    loads.erase(found);
    return load;
  }

  void judge_refusal(Ps t, const ActiveLoad& load, const model::CommandView& command, bool steady) {
    const std::uint32_t syndrome = command.syndrome;
    const std::string seen =
        fmt::format("delivery {:#x}, status {:#x}, syndrome {:#x} ({})", command.delivery,
                    command.status, syndrome, syndrome_name(syndrome));
    const bool quiet = load.alone && load.stopped && stopped(load.who);
    if (quiet && context_.state_digest) {
      const std::uint64_t now = context_.state_digest(load.who.host, load.who.fn);
      if (now != load.digest) {
        violate(
            t, load.who,
            fmt::format("a refused LOAD leaves the state as it was, digest {:#018x}", load.digest),
            fmt::format("{:#018x}", now));
      }
    }
    if (command.delivery != VF_DELIVERY_OK) {
      return;  // the command never began (C1, C2)
    }
    const bool environment = syndrome == VF_SYND_DMA_ERROR || syndrome == VF_SYND_BAD_MKEY ||
                             syndrome == VF_SYND_FUNCTION_RESET ||
                             syndrome == VF_SYND_OUT_OF_TRANSLATIONS;
    const bool bad = !load.defect.empty() || load.misplaced;
    if (syndrome == 0 || syndrome_name(syndrome) == "unknown") {
      violate(t, load.who, "a refused LOAD says why, in a syndrome of the table", seen);
    } else if (!quiet || !steady || environment || malformed(command)) {
      return;
    } else if (bad && (syndrome & kSyndromeArea) != (VF_SYND_IMAGE_TRUNCATED & kSyndromeArea)) {
      violate(t, load.who, "the syndrome of a refused image is one of the image's", seen);
    } else if (!bad && load.ours) {
      violate(t, load.who, "a whole image that a SAVE of this run made is accepted", seen);
    }
  }

  void judge_acceptance(Ps t, const ActiveLoad& load) {
    if (!load.defect.empty()) {
      violate(t, load.who, "only a whole image is accepted",
              fmt::format("LOAD succeeded, though the image has: {}", load.defect));
    } else if (load.misplaced && load.alone) {
      const Chain& chain = chains_[function_index(load.who)];
      violate(t, load.who,
              chain.open
                  ? fmt::format("an increment continues image {:#018x}, which is loaded", chain.id)
                  : std::string("no increment is accepted without its base"),
              fmt::format("LOAD of increment {} on base {:#018x} succeeded", load.identity.sequence,
                          load.identity.base));
    }
  }

  const CheckContext& context_;
  FunctionView& view_;
  std::set<std::uint64_t> saved_;  // hashes of all images of this run
  std::array<std::vector<ActiveLoad>, kHosts> loads_;
  std::array<int, kFunctionIndices> saving_{};
  std::vector<Chain> chains_;
};

}  // namespace

std::unique_ptr<Rule> make_rule_S4(const RuleInputs& inputs) {
  return std::make_unique<S4>(inputs);
}

}  // namespace vfsim::bench
