// Command doorbells of all functions: what is rung, what the firmware works on, what it is offered.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "firmware/interface/layout.h"
#include "systemc/nic/in_turn.hpp"

namespace vfsim::model {

/// Told that a command is offered now. There may be none any more when the listener looks.
class OfferListener {
 public:
  virtual ~OfferListener() = default;
  virtual void command_offered() = 0;
};

/// A slot is pending from its ring to the take, owned from the take to done(). A ring of an owned
/// slot is kept and offered behind done(). Offers go round robin over the functions, and over the
/// slots of a function, behind the one that was taken last. One stays until it is taken, or not
/// allowed any more: hold, room, clear or reset; that costs no turn. So the calls alone decide what
/// is offered, and in which order, not the times between them.
/// Time: of the implementation. offer(), pending() and owned() reckon with every call before them.
/// Rules: rtl_models/cmd_doorbell/rtl/cmd_doorbell_chk.sv.
class CmdDoorbell {
 public:
  static constexpr std::uint32_t kSlots = 1U << VF_LOG_CMDQ_SIZE;
  struct Offer {
    std::uint8_t fn = 0;
    std::uint8_t slot = 0;
  };

  virtual ~CmdDoorbell() = default;

  /// The driver rings: bit s = slot s.
  virtual void ring(std::uint32_t fn, std::uint32_t slots) = 0;
  /// Nothing of the function is offered while it is held. Power-on: not held.
  virtual void set_hold(std::uint32_t fn, bool hold) = 0;
  /// Nothing pending, nothing owned.
  virtual void reset(std::uint32_t fn) = 0;

  // The firmware's.
  /// Takes the offer; ignored if it is not the one offered.
  virtual void take(std::uint32_t fn, std::uint32_t slot) = 0;
  /// The command has ended.
  virtual void done(std::uint32_t fn, std::uint32_t slot) = 0;
  /// Doorbells of a loaded image; the function is held.
  virtual void set(std::uint32_t fn, std::uint32_t slots) = 0;
  virtual void clear(std::uint32_t fn, std::uint32_t slots) = 0;
  /// Slots that may be offered: any, the last one, none (power-on). `any` implies `last`.
  virtual void set_room(bool any, bool last) = 0;

  /// The interrupt: something is offered, as far as the implementation has got.
  [[nodiscard]] virtual bool offered() const = 0;
  [[nodiscard]] virtual std::optional<Offer> offer() = 0;
  [[nodiscard]] virtual std::uint32_t pending(std::uint32_t fn) = 0;
  [[nodiscard]] virtual std::uint32_t owned(std::uint32_t fn) = 0;
  /// The two as far as the implementation has got: looking there changes nothing.
  [[nodiscard]] virtual std::uint32_t pending_by_now(std::uint32_t fn) = 0;
  [[nodiscard]] virtual std::uint32_t owned_by_now(std::uint32_t fn) = 0;
};

/// The SystemC model: takes no time.
class CmdDoorbellTlm final : public CmdDoorbell {
 public:
  explicit CmdDoorbellTlm(OfferListener& listener) : listener_(listener) {}

  void ring(std::uint32_t fn, std::uint32_t slots) override;
  void set_hold(std::uint32_t fn, bool hold) override;
  void reset(std::uint32_t fn) override;
  void take(std::uint32_t fn, std::uint32_t slot) override;
  void done(std::uint32_t fn, std::uint32_t slot) override;
  void set(std::uint32_t fn, std::uint32_t slots) override { ring(fn, slots); }
  void clear(std::uint32_t fn, std::uint32_t slots) override;
  void set_room(bool any, bool last) override;
  [[nodiscard]] bool offered() const override { return offer_.has_value(); }
  [[nodiscard]] std::optional<Offer> offer() override { return offer_; }
  [[nodiscard]] std::uint32_t pending(std::uint32_t fn) override { return fns_[fn].pending; }
  [[nodiscard]] std::uint32_t owned(std::uint32_t fn) override { return fns_[fn].owned; }
  [[nodiscard]] std::uint32_t pending_by_now(std::uint32_t fn) override { return pending(fn); }
  [[nodiscard]] std::uint32_t owned_by_now(std::uint32_t fn) override { return owned(fn); }

 private:
  using Functions = std::array<std::uint64_t, kFunctionWords>;
  struct Function {
    std::uint32_t pending = 0;
    std::uint32_t owned = 0;
    std::uint8_t next_slot = 0;  // the search for a slot starts here
    bool hold = false;
  };
  /// Slots of the function that may be offered where there is room for them.
  [[nodiscard]] std::uint32_t open(std::uint32_t fn) const;
  /// The function has changed: withdraws its offer if that is not allowed any more, or `always`,
  /// and finds another.
  void look_again(std::uint32_t fn, bool always = false);
  void find();

  OfferListener& listener_;
  std::array<Function, VF_MAX_FUNCTIONS> fns_{};
  Functions any_open_{}, last_open_{};  // with an open slot; where the last one is
  std::uint32_t allowed_ = 0;           // slots that there is room for
  std::uint32_t next_fn_ = 0;           // the search for a function starts here
  std::optional<Offer> offer_;
};

}  // namespace vfsim::model
