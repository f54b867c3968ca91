#include "waves/wave_window.hpp"

#include <algorithm>

namespace vfsim::waves {

void WaveWindow::set(FstFile::Signal signal, std::uint64_t value) {
  if (signal != 0 && whole()) {
    file_.time(now_);
    file_.set(signal, value);
  } else if (signal != 0) {
    change({signal, false, value, {}});
  }
}

void WaveWindow::set_text(FstFile::Signal signal, std::string_view text) {
  if (signal != 0 && whole()) {
    file_.time(now_);
    file_.set_text(signal, text);
  } else if (signal != 0) {
    change({signal, true, 0, std::string(text)});
  }
}

void WaveWindow::change(Value value) {
  if (now_ > span_.to) {
    return;
  }
  if (span_.last != 0) {
    forget(now_ > span_.last ? now_ - span_.last : 0);
    kept_.push_back({now_, std::move(value)});
  } else if (now_ < span_.from) {
    at_begin_.resize(std::max<std::size_t>(at_begin_.size(), value.signal + 1));
    at_begin_[value.signal] = std::move(value);
  } else {
    begin(span_.from);
    file_.time(now_);
    write(value);
  }
}

/// What is older becomes part of the values at the beginning.
void WaveWindow::forget(model::Ps before) {
  while (!kept_.empty() && kept_.front().t < before) {
    Value& value = kept_.front().value;
    at_begin_.resize(std::max<std::size_t>(at_begin_.size(), value.signal + 1));
    at_begin_[value.signal] = std::move(value);
    kept_.pop_front();
  }
}

void WaveWindow::mark(model::Ps t) {
  if (span_.last != 0 && span_.to == model::kNever) {
    span_.to = t + kBehindMark;
  }
}

void WaveWindow::write(const Value& value) {
  if (value.is_text) {
    file_.set_text(value.signal, value.text);
  } else {
    file_.set(value.signal, value.number);
  }
}

void WaveWindow::begin(model::Ps t) {
  if (begun_) {
    return;
  }
  begun_ = true;
  file_.time(t);
  for (const Value& value : at_begin_) {
    if (value.signal != 0) {
      write(value);
    }
  }
}

bool WaveWindow::close(model::Ps end) {
  const model::Ps until = std::min(end, span_.to);
  if (span_.last != 0) {
    const model::Ps from = until > span_.last ? until - span_.last : 0;
    forget(from);
    begin(from);
    for (const Change& kept : kept_) {
      file_.time(kept.t);
      write(kept.value);
    }
  } else {
    begin(std::min(span_.from, until));
  }
  file_.time(until);
  return file_.close();
}

}  // namespace vfsim::waves
