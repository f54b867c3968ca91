// Queues without allocation in steady state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "systemc/common/calendar.hpp"

namespace vfsim::model {

/// First in, first out, in a power-of-two array that doubles when it is full (so: only while it warms up).
template <class T>
class Ring {
 public:
  explicit Ring(std::size_t slots = 16) : slots_(slots) {}
  [[nodiscard]] bool empty() const { return head_ == tail_; }
  [[nodiscard]] std::size_t size() const { return tail_ - head_; }
  [[nodiscard]] T& front() { return slots_[head_ & (slots_.size() - 1)]; }
  [[nodiscard]] const T& front() const { return slots_[head_ & (slots_.size() - 1)]; }
  /// i-th from the front.
  [[nodiscard]] T& at(std::size_t i) { return slots_[(head_ + i) & (slots_.size() - 1)]; }
  void pop() { ++head_; }
  void push(const T& item) {
    if (size() == slots_.size()) {
      grow();
    }
    slots_[tail_++ & (slots_.size() - 1)] = item;
  }
  T take() {
    T item = front();
    pop();
    return item;
  }

 private:
  void grow() {
    std::vector<T> bigger(slots_.size() * 2);
    const std::size_t count = size();
    for (std::size_t i = 0; i < count; ++i) {
      bigger[i] = at(i);
    }
    slots_ = std::move(bigger);
    head_ = 0;
    tail_ = count;
  }

  std::vector<T> slots_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

/// Hands each item to its owner a fixed time after it was put in; keeps the order.
/// Time: one calendar entry for the whole line.
template <class Owner, class Item, void (Owner::*Deliver)(Item&)>
class DelayLine final : private Timer {
 public:
  DelayLine(Calendar& calendar, Owner& owner, Ps delay) : calendar_(calendar), owner_(owner), delay_(delay) {}
  void push(const Item& item) {
    items_.push({calendar_.now() + delay_, item});
    if (!armed() && !firing_) {
      calendar_.arm(*this, items_.front().at);
    }
  }
  [[nodiscard]] bool empty() const { return items_.empty(); }

 private:
  struct Entry {
    Ps at;
    Item item;
  };
  void fire() override {
    firing_ = true;
    do {
      Item item = items_.take().item;
      (owner_.*Deliver)(item);
    } while (!items_.empty() && (items_.front().at <= calendar_.now() || calendar_.step_to(items_.front().at)));
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
