// The door `image`: LOAD_VHCA_STATE of any bytes. A case is one byte that chooses the state of the
// VF, then the image.
#include <fmt/format.h>
#include <optional>

#include "firmware/core/image.h"
#include "firmware/core/migration_rig.hpp"
#include "firmware/core/nic_snapshot.hpp"
#include "testbench/fuzz/fw_names.hpp"
#include "testbench/fuzz/image_corrupt.hpp"
#include "testbench/fuzz/mutate.hpp"
#include "testbench/fuzz/state_hash.hpp"

namespace vfsim::bench {
namespace {

using fwtest::MockNic;
using fwtest::NicSnapshot;
using fwtest::Reply;
using fwtest::Rig;

constexpr std::uint32_t kVf = 2;
constexpr std::uint32_t kVfs = 3;

/// What the VF holds when the image comes.
enum class Before : std::uint8_t { nothing, objects, open, running, kinds };

/// A NIC whose VF is in one of the states, and the way back to it.
struct Target {
  Target(Before before, vf_fault_set faults, const CaseBytes& open_image) : rig(config(faults)) {
    if (before == Before::objects) {
      rig.populate(kVf);
    }
    good = rig.good && (before == Before::running || rig.stop(kVf)) &&
           (before != Before::open || rig.load(kVf, open_image).ok());
    start.emplace(rig.nic, kVfs);
  }
  static fw_config config(vf_fault_set faults) {
    fw_config made = MockNic::default_config();
    made.faults = faults;
    return made;
  }
  Rig rig;
  bool good = false;
  std::optional<NicSnapshot> start;
};

/// The records of an image by (type, number).
using Records = std::map<std::pair<std::uint16_t, std::uint32_t>, fw_image_record>;

Records records_of(const CaseBytes& image) {
  Records records;
  fw_image_record r{};
  for (bool more = fw_image_first(image.data(), image.size(), &r); more;
       more = fw_image_next(image.data(), image.size(), &r)) {
    records[{r.type, r.number}] = r;
  }
  return records;
}

std::string name_of(const fw_image_record& r) {
  return fmt::format(
      "{} {:#x}", r.kind < 0 ? "record" : fw_image_kind_info(static_cast<unsigned>(r.kind))->name,
      r.number);
}

/// What SAVE gives back against what LOAD took; "" if it is the same.
std::string difference(const CaseBytes& loaded, const CaseBytes& saved) {
  const Records in = records_of(loaded);
  const Records out = records_of(saved);
  for (const auto& [key, r] : in) {
    const auto at = out.find(key);
    if (r.tombstone != (at == out.end())) {
      return fmt::format("{} {}", name_of(r), r.tombstone ? "is still there" : "is not saved");
    }
    if (!r.tombstone && (at->second.bytes != r.bytes ||
                         !std::equal(r.payload, r.payload + r.bytes, at->second.payload))) {
      const auto differs = std::mismatch(r.payload, r.payload + std::min(r.bytes, at->second.bytes),
                                         at->second.payload);
      return fmt::format("{} is saved with another byte {}", name_of(r), differs.first - r.payload);
    }
  }
  const bool full = VF_GET(image_header, loaded.data(), kind) == FW_IMAGE_FULL;
  const bool split = (VF_GET(image_header, loaded.data(), flags) & FW_IMAGE_MORE) != 0;
  for (const auto& [key, r] : out) {
    if (full && !split && in.count(key) == 0) {
      return fmt::format("{} is saved and was not loaded", name_of(r));
    }
  }
  return "";
}

class ImageDoor final : public Door {
 public:
  explicit ImageDoor(vf_fault_set faults) {
    make_images();
    for (std::size_t i = 0; i < static_cast<std::size_t>(Before::kinds); ++i) {
      targets_.push_back(std::make_unique<Target>(static_cast<Before>(i), faults, stream_.front()));
    }
  }

  CaseBytes make(CaseRandom& random) override {
    // Most cases are full images onto an empty VF; increments need the image before them.
    const bool increment = chance(random, 30);
    const auto& from = increment ? stream_ : full_;
    ImageBytes image = from[below(random, from.size())];
    for (std::uint64_t more = 1 + below(random, 3); more > 0; --more) {
      image = changed(random, image);
    }
    const Before before = increment            ? Before::open
                          : chance(random, 3)  ? Before::running
                          : chance(random, 30) ? Before::objects
                                               : Before::nothing;
    image.insert(image.begin(), static_cast<std::uint8_t>(before));
    return image;
  }

  DoorOutcome run(const CaseBytes& bytes) override {
    if (bytes.empty()) {
      return {false, "EMPTY", ""};
    }
    const auto before = static_cast<Before>(bytes[0] % static_cast<std::uint8_t>(Before::kinds));
    Target& target = *targets_[static_cast<std::size_t>(before)];
    if (!target.good) {
      return {false, "", "the rig does not come up"};
    }
    target.start->rewind();
    return judge(target.rig, CaseBytes(bytes.begin() + 1, bytes.end()), before);
  }

  std::vector<CaseBytes> seeds() override {
    std::vector<CaseBytes> all;
    const auto add = [&](const CaseBytes& image, Before before) {
      all.push_back(image);
      all.back().insert(all.back().begin(), static_cast<std::uint8_t>(before));
    };
    for (const CaseBytes& image : full_) {
      add(image, Before::nothing);
    }
    for (const CaseBytes& image : stream_) {
      add(image, Before::open);
    }
    return all;
  }

 private:
  /// Real images: of a VF with everything, of one with nothing, and a pre-copy stream of three.
  void make_images() {
    Rig source;
    (void)source.stop(3);
    full_.push_back(source.save(3).image);
    source.populate(1);
    stream_.push_back(source.save(1, false, true).image);
    source.nic.ctx(1).cq[1].pi += 3;
    source.nic.ctx(1).tir[127].valid = 0;
    source.nic.ctx(1).counters.rx_dropped += 7;
    stream_.push_back(source.save(1, true, true).image);
    (void)source.stop(1);
    source.nic.ctx(1).sq[9].hw_counter += 1;
    stream_.push_back(source.save(1, true, false).image);
    full_.push_back(source.save(1).image);
    full_.push_back(full_.back());  // the rich one twice as often
  }

  static ImageBytes changed(CaseRandom& random, const ImageBytes& image) {
    const std::uint64_t seed = random();
    std::string ignored;
    ImageBytes out = image;
    const std::uint64_t what = below(random, 100);
    if (what < 45) {  // deep: any field, right checksums
      (void)(image.size() >= FW_IMAGE_HEADER && set_image_field(out, "", seed, ignored));
    } else if (what < 75) {
      out = corrupt(image, kCorruptions[below(random, std::size(kCorruptions))].kind, seed);
    } else {
      spoil(random, out);
      if (chance(random, 80)) {
        seal_image(out);
      }
    }
    return out;
  }

  static DoorOutcome judge(Rig& rig, const CaseBytes& image, Before before) {
    const std::uint64_t was = function_hash(rig.nic, kVf);
    const std::uint64_t other = function_hash(rig.nic, 1);
    const std::uint64_t shared = shared_hash(rig.nic);
    const Reply reply = rig.load(kVf, image);
    const std::string answer = answer_name(reply.status(), reply.syndrome());
    DoorOutcome out{reply.ok(), answer, ""};
    if (!reply.completed || reply.delivery != VF_DELIVERY_OK) {
      out.finding = "LOAD is not completed";
    } else if (answer.empty()) {
      out.finding = fmt::format("LOAD answers status {:#x} syndrome {:#x}, which is not defined",
                                reply.status(), reply.syndrome());
    } else if (function_hash(rig.nic, 1) != other) {
      out.finding = "LOAD changes another function";
    } else if (!reply.ok()) {
      if (function_hash(rig.nic, kVf) != was || shared_hash(rig.nic) != shared) {
        out.finding = "LOAD refuses the image (" + answer + ") and changes the function";
      }
    } else if (before == Before::running) {
      out.finding = "LOAD onto a function that runs";
    } else {
      out.finding = saved_again(rig, image);
    }
    return out;
  }

  static std::string saved_again(Rig& rig, const CaseBytes& image) {
    const auto saved = rig.save(kVf);
    if (!saved.ok()) {
      return fmt::format("LOAD takes an image and SAVE then fails with {}",
                         answer_name(saved.reply.status(), saved.reply.syndrome()));
    }
    const std::string differs = difference(image, saved.image);
    return differs.empty() ? "" : "SAVE does not give back what LOAD took: " + differs;
  }

  std::vector<CaseBytes> full_, stream_;
  std::vector<std::unique_ptr<Target>> targets_;
};

}  // namespace

std::unique_ptr<Door> make_image_door(vf_fault_set faults) {
  return std::make_unique<ImageDoor>(faults);
}

}  // namespace vfsim::bench
