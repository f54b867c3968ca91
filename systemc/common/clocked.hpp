// A clock that runs only while somebody has work.
#pragma once

#include "systemc/common/calendar.hpp"

namespace vfsim::model {

/// Calls Owner::Edge at multiples of the period, from wake() until Edge returns false (no more
/// work). Skipped edges cost nothing.
template <class Owner, bool (Owner::*Edge)()>
class WorkClock final : private Timer {
 public:
  WorkClock(Calendar& calendar, Owner& owner, Ps period)
      : calendar_(calendar), owner_(owner), period_(period) {}
  /// There is work: an edge comes at the next multiple of the period behind now().
  void wake() {
    if (!armed() && !inside_) {
      calendar_.arm(*this, next());
    }
  }
  void stop() { calendar_.disarm(*this); }
  [[nodiscard]] bool running() const { return armed() || inside_; }
  [[nodiscard]] Ps period() const { return period_; }

 private:
  [[nodiscard]] Ps next() const { return (calendar_.now() / period_ + 1) * period_; }
  void fire() override {
    inside_ = true;
    while ((owner_.*Edge)()) {
      if (!calendar_.step_to(next())) {
        calendar_.arm(*this, next());
        break;
      }
    }
    inside_ = false;
  }

  Calendar& calendar_;
  Owner& owner_;
  Ps period_;
  bool inside_ = false;
};

}  // namespace vfsim::model
