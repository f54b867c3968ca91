#include "waves/wave_window.hpp"

#include <algorithm>

namespace vfsim::waves {

void WaveWindow::set(FstFile::Signal signal, std::uint64_t value) {
  if (signal != 0 && whole()) {
    file_.time(now_);
    file_.set(signal, value);
  } else if (signal != 0) {
    change({signal, Value::Kind::number, value, {}});
  }
}

void WaveWindow::set_bits(FstFile::Signal signal, std::string_view bits) {
  if (signal != 0 && whole()) {
    file_.time(now_);
    file_.set_bits(signal, bits);
  } else if (signal != 0) {
    change({signal, Value::Kind::bits, 0, std::string(bits)});
  }
}

void WaveWindow::set_text(FstFile::Signal signal, std::string_view text) {
  if (signal != 0 && whole()) {
    file_.time(now_);
    file_.set_text(signal, text);
  } else if (signal != 0) {
    change({signal, Value::Kind::text, 0, std::string(text)});
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
  switch (value.kind) {
    case Value::Kind::number:
      file_.set(value.signal, value.number);
      break;
    case Value::Kind::bits:
      file_.set_bits(value.signal, value.text);
      break;
    case Value::Kind::text:
      file_.set_text(value.signal, value.text);
      break;
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

model::Ps WaveWindow::first(model::Ps end) const {
  const model::Ps until = last(end);
  return span_.last != 0 ? until - std::min(until, span_.last) : std::min(span_.from, until);
}

bool WaveWindow::close(model::Ps end) {
  const model::Ps until = last(end);
  if (span_.last != 0) {
    forget(first(end));
    begin(first(end));
    for (const Change& kept : kept_) {
      file_.time(kept.t);
      write(kept.value);
    }
  } else {
    begin(first(end));
  }
  file_.time(until);
  return file_.close();
}

}  // namespace vfsim::waves
