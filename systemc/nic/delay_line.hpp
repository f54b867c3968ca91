// A fixed delay between two parts of the NIC.
#pragma once

#include "systemc/common/calendar.hpp"
#include "systemc/common/ring.hpp"

namespace vfsim::model {

template <class T>
T take_front(Ring<T>& ring) {
  T item = ring.front();
  ring.pop();
  return item;
}

/// Hands each item to its owner a fixed time after it was put in; keeps the order.
/// Time: one calendar entry for the whole line.
template <class Owner, class Item, void (Owner::*Deliver)(Item&)>
class DelayLine final : private Timer {
 public:
  DelayLine(Calendar& calendar, Owner& owner, Ps delay)
      : calendar_(calendar), owner_(owner), delay_(delay) {}
  void push(const Item& item) {
    Entry& entry = items_.push();
    entry.at = calendar_.now() + delay_;
    entry.item = item;
    if (!armed() && !firing_) {
      calendar_.arm(*this, items_.front().at);
    }
  }

 private:
  struct Entry {
    Ps at;
    Item item;
  };
  void fire() override {
    firing_ = true;
    do {
      Item item = items_.front().item;
      items_.pop();
      (owner_.*Deliver)(item);
    } while (!items_.empty() &&
             (items_.front().at <= calendar_.now() || calendar_.step_to(items_.front().at)));
    firing_ = false;
    if (!items_.empty()) {
      calendar_.arm(*this, items_.front().at);
    }
  }

  Calendar& calendar_;
  Owner& owner_;
  Ps delay_;
  Ring<Entry> items_;
  bool firing_ = false;
};

}  // namespace vfsim::model
