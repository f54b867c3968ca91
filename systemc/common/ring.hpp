// A FIFO in a power-of-two array.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace vfsim::model {

/// Queue of T without allocation until it holds more than it ever held; then the array doubles.
/// Every element has a sequence number, counted from the first push; elements can be reached by it
/// while they are in the queue.
template <class T>
class Ring {
 public:
  explicit Ring(std::size_t capacity = 16) {
    std::size_t size = 1;
    while (size < capacity) {
      size *= 2;
    }
    items_.resize(size);
  }

  [[nodiscard]] bool empty() const { return head_ == tail_; }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(tail_ - head_); }
  /// Sequence number of the first element, and of the next one to be pushed.
  [[nodiscard]] std::uint64_t first() const { return head_; }
  [[nodiscard]] std::uint64_t next() const { return tail_; }

  [[nodiscard]] T& front() { return items_[head_ & (items_.size() - 1)]; }
  [[nodiscard]] const T& front() const { return items_[head_ & (items_.size() - 1)]; }
  [[nodiscard]] T& back() { return items_[(tail_ - 1) & (items_.size() - 1)]; }
  /// first() <= sequence < next().
  [[nodiscard]] T& at(std::uint64_t sequence) { return items_[sequence & (items_.size() - 1)]; }

  /// Makes room for one element at the end and returns it, with an old value in it.
  T& push() {
    if (size() == items_.size()) {
      grow();
    }
    return items_[tail_++ & (items_.size() - 1)];
  }
  void push(const T& item) { push() = item; }
  void pop() { ++head_; }
  void clear() { head_ = tail_; }

 private:
  [[gnu::noinline]] void grow() {  // keeps push() small enough for its callers
    std::vector<T> larger(items_.size() * 2);
    for (std::uint64_t i = head_; i != tail_; ++i) {
      larger[i & (larger.size() - 1)] = std::move(at(i));
    }
    items_ = std::move(larger);
  }

  std::vector<T> items_;
  std::uint64_t head_ = 0;
  std::uint64_t tail_ = 0;
};

}  // namespace vfsim::model
