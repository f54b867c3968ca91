// The current value of every signal.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/interface/layout.h"
#include "systemc/common/probe.hpp"
#include "waves/signal_space.hpp"

namespace vfsim::waves {

/// A signal changed. Numbers and named values have from/to; texts have from_text/text, which are
/// valid during the call.
struct SignalChange {
  model::Ps t = 0;
  SignalId id = 0;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::string_view from_text;
  std::string_view text;
};

class SignalListener {
 public:
  virtual ~SignalListener() = default;
  /// Times never go back. A MOMENT is told at every event, also if its text stays the same, and
  /// once more with an empty text when its time is over; that is told with the next observation of
  /// the run (or settle()), with its own time. The board already shows the new value.
  virtual void changed(const SignalChange& change) = 0;
};

/// Keeps the signals of signals.def from the bus alone; it changes nothing that others observe.
/// Values are exact at every moment. Commands appear if something on the bus emits command
/// observations (testbench: CommandMonitor). Costs a few stores per TLP; texts of TLPs are made
/// only for listeners that want them, and for who reads them.
class SignalBoard final : public model::Observer {
 public:
  /// The text of an event stays this long; a burst shows as one.
  static constexpr model::Ps kHold = 500 * model::kNs;

  SignalBoard(model::ProbeBus& bus, const SignalSpace& space, model::Rid base_rid);

  [[nodiscard]] const SignalSpace& space() const { return space_; }
  /// Value of a signal that is no text.
  [[nodiscard]] std::uint64_t number(SignalId id) const { return values_[id].number; }
  /// Value of a text; "" while nothing happens.
  [[nodiscard]] std::string text(SignalId id, model::Ps now) const;
  /// Any signal, as a person reads it: the number, the name of the value, the text.
  [[nodiscard]] std::string shown(SignalId id, model::Ps now) const;
  /// Something happened in this unit.
  [[nodiscard]] bool seen(std::uint32_t unit) const { return seen_[unit]; }

  /// The listener hears of changes of these rows from now on; its own values begin with number()
  /// and text(). May be called inside an observation and inside changed(): the change that is being
  /// told is not told to it.
  void add(SignalListener& listener, RowMask rows, model::Ps now);
  /// May be called inside changed(), too.
  void remove(SignalListener& listener);
  /// A rule was broken; the board cannot see that on the bus.
  void violated(model::Ps now, const std::string& rule, const std::string& who);
  /// Tells the ends of all MOMENTs that are over.
  void settle(model::Ps now);

  void tlp_sent(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                const std::uint8_t* payload) override;
  void tlp_landed(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                  const std::uint8_t* payload, bool ok) override;
  void tlp_received(model::Ps t, std::uint8_t host, const model::Tlp& tlp) override;
  void msi(model::Ps t, model::FnRef who, std::uint32_t vector, model::MsiAction action) override;
  void command_submitted(model::Ps t, const model::CommandView& view) override;
  void command_completed(model::Ps t, const model::CommandView& view) override;
  void function_reset(model::Ps t, model::FnRef who) override;
  void vfio_state(model::Ps t, model::FnRef who, std::uint32_t from, std::uint32_t to,
                  int error) override;
  void dirty_tracking(model::Ps t, model::FnRef who, bool on) override;
  void vcpu(model::Ps t, std::uint32_t guest, bool running, std::uint8_t host) override;
  void phase(model::Ps t, std::uint32_t guest, const char* name, bool begin) override;

 private:
  static constexpr std::uint32_t kNoUnit = ~0U;
  struct Value {
    std::uint64_t number = 0;
    std::string text;
    model::Ps at = 0;     // MOMENT: of the newest event, 0 none yet
    bool queued = false;  // MOMENT: an entry of ends_ looks at it
  };
  struct End {
    model::Ps at = 0;
    SignalId id = 0;
  };
  /// A command of a function's queue that is not completed.
  struct Slot {
    std::uint16_t opcode = 0;        // 0: none
    std::uint32_t target = kNoUnit;  // function that it works on
  };
  using Queue = std::array<Slot, 1U << VF_LOG_CMDQ_SIZE>;
  enum class Moving : std::uint8_t { no, suspends, resumes };
  struct Ear {
    SignalListener* listener;  // null: removed while changes are told
    RowMask rows;
  };

  [[nodiscard]] std::uint32_t unit(std::uint8_t host, std::uint32_t fn) const;
  [[nodiscard]] std::uint32_t unit(model::FnRef who) const { return unit(who.host, who.fn); }
  [[nodiscard]] bool wanted(SignalId id) const { return (wanted_ & row_bit(row_of(id))) != 0; }
  [[nodiscard]] static bool over(const Value& value, model::Ps now) {
    return value.at == 0 || value.at + kHold <= now;
  }
  void set(model::Ps t, SignalId id, std::uint64_t value);
  void set_text(model::Ps t, SignalId id, std::string_view text);
  void happen(model::Ps t, SignalId id, std::string_view text);
  void replace_text(model::Ps t, SignalId id, std::string_view text);
  void count(model::Ps t, SignalId id, int change);
  void keep_transaction(model::Ps t, std::uint32_t unit, const model::Tlp& tlp);
  void queue_end(SignalId id);
  void tell(const SignalChange& change);
  void sweep();
  void show_command(model::Ps t, std::uint32_t unit);
  [[nodiscard]] std::uint32_t target(const model::CommandView& view) const;
  void begin_work(model::Ps t, std::uint32_t unit, const model::CommandView& view);
  void end_work(model::Ps t, std::uint32_t unit, const model::CommandView& view, bool good);
  void answer(model::Ps t, std::uint32_t unit, const model::CommandView& view, bool good);
  void learn_vhca(const model::CommandView& view);
  void show_run_state(model::Ps t, std::uint32_t unit);

  SignalSpace space_;
  model::Rid base_rid_;
  std::vector<Value> values_;       // by SignalId
  std::vector<bool> seen_;          // by unit
  std::vector<model::Tlp> newest_;  // by function unit
  std::vector<Queue> queues_;       // by function unit
  std::vector<Moving> moving_;      // by function unit
  std::deque<End> ends_;            // by time
  std::string spare_;               // buffer of a text that was replaced
  std::vector<Ear> ears_;
  RowMask wanted_ = 0;    // by any listener
  unsigned telling_ = 0;  // depth of tell()
  std::array<std::map<std::uint32_t, std::uint32_t>, SignalSpace::kHosts>
      vhca_;  // vhca_id -> function number
};

}  // namespace vfsim::waves
