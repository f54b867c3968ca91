// What the VMMs are doing: migrations under way, phases, dirty tracking, the newest arc of each
// device.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "systemc/common/probe.hpp"

namespace vfsim::bench {

class VmmView final : public model::Observer {
 public:
  struct Phase {
    std::string name;
    model::Ps since = 0;
  };
  struct Guest {
    bool migrating = false;
    std::uint8_t from = 0;
    std::uint8_t to = 0;
    model::Ps since = 0;        // of the migration
    std::vector<Phase> phases;  // open ones, oldest first
    std::string outcome;        // of the last migration; empty: none ended
  };
  struct Device {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    int error = 0;
    model::Ps arc_at = 0;
    bool arced = false;  // the four above are those of the newest arc
    bool tracking = false;
    std::uint64_t reports = 0;  // dirty reports since tracking began
    std::uint64_t pages = 0;    // in them
  };

  explicit VmmView(model::ProbeBus& bus) { bus.subscribe(*this, {model::Probe::driver}); }

  [[nodiscard]] const Guest& guest(std::uint32_t number) const { return at(guests_, number); }
  [[nodiscard]] const Device& device(model::FnRef who) const { return at(devices_, key(who)); }

  void vfio_state(model::Ps t, model::FnRef who, std::uint32_t from, std::uint32_t to,
                  int error) override;
  void dirty_report(model::Ps t, model::FnRef who, const std::uint64_t* pages,
                    std::size_t count) override;
  void dirty_tracking(model::Ps t, model::FnRef who, bool on) override;
  void migration(model::Ps t, const model::MigrationView& view) override;
  void phase(model::Ps t, std::uint32_t guest, const char* name, bool begin) override;

 private:
  static std::uint32_t key(model::FnRef who) {
    return static_cast<std::uint32_t>(who.host) << 8 | who.fn;
  }
  template <class T>
  static const T& at(const std::map<std::uint32_t, T>& map, std::uint32_t number) {
    static const T kNone;
    const auto found = map.find(number);
    return found == map.end() ? kNone : found->second;
  }

  std::map<std::uint32_t, Guest> guests_;
  std::map<std::uint32_t, Device> devices_;
};

}  // namespace vfsim::bench
