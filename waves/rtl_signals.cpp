#include "waves/rtl_signals.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

namespace vfsim::waves {
namespace {

struct RtlEnum {
  std::string_view block;
  std::string_view variable;
  std::uint32_t bits;
  std::string_view names;  // of the values 0, 1, ..., with spaces between
};

constexpr RtlEnum kEnums[] = {
#define RTL_ENUM(block, variable, bits, names) {block, variable, bits, names},
#include "rtl_models/rtl_enums.def"
#undef RTL_ENUM
    {"", "", 0, ""},  // RTL of a user may have none
};

const RtlEnum* enum_of(const rtl::LiveSignal& signal) {
  const auto* found = std::find_if(std::begin(kEnums), std::end(kEnums), [&](const RtlEnum& e) {
    return e.block == signal.scopes[1] && e.variable == signal.name && e.bits == signal.bits;
  });
  return found == std::end(kEnums) ? nullptr : found;
}

std::vector<std::string> words(std::string_view text) {
  std::istringstream in{std::string(text)};
  return {std::istream_iterator<std::string>(in), std::istream_iterator<std::string>()};
}

std::string range_of(const rtl::LiveSignal& signal) {
  return signal.bits > 1 ? "[" + std::to_string(signal.bits - 1) + ":0]" : "";
}

}  // namespace

void RtlSignals::declare(const std::string& host) {
  const std::vector<rtl::LiveSignal>& signals = live_.signals();
  signals_.resize(signals.size());
  std::vector<std::string> open;  // scopes below host.nic.rtl
  file_.enter_scope("nic");
  file_.enter_scope("rtl");
  for (std::size_t i = 0; i < signals.size(); ++i) {
    const std::vector<std::string>& scopes = signals[i].scopes;
    if (scopes.size() < 2 || scopes.front() != host) {
      continue;
    }
    std::size_t same = 0;
    while (same < open.size() && same + 1 < scopes.size() && open[same] == scopes[same + 1]) {
      ++same;
    }
    for (; open.size() > same; open.pop_back()) {
      file_.leave_scope();
    }
    for (std::size_t s = same + 1; s < scopes.size(); ++s) {
      file_.enter_scope(scopes[s]);
      open.push_back(scopes[s]);
    }
    const RtlEnum* named = enum_of(signals[i]);
    signals_[i] = named == nullptr ? file_.add_bits(signals[i].name, signals[i].bits)
                                   : file_.add_enum_signal(signals[i].name, signals[i].bits,
                                                           table(named->names, named->bits));
  }
  for (std::size_t s = 0; s < open.size() + 2; ++s) {
    file_.leave_scope();
  }
}

FstFile::EnumTable RtlSignals::table(std::string_view names, std::uint32_t bits) {
  const auto [at, fresh] = tables_.try_emplace(names, 0);
  if (fresh) {
    at->second = file_.add_enum("rtl_enum" + std::to_string(tables_.size()), words(names), bits);
  }
  return at->second;
}

void RtlSignals::rtl_changed(std::uint64_t ps, bool ahead, std::uint32_t signal,
                             std::string_view bits) {
  if (signals_[signal] == 0) {
    return;
  }
  if (ahead) {
    ahead_.push_back({ps, signals_[signal], std::string(bits)});
    return;
  }
  write_ahead(ps);
  write(ps, signals_[signal], bits);
}

void RtlSignals::write(model::Ps t, FstFile::Signal signal, std::string_view bits) {
  wave_.time(t);
  wave_.set_bits(signal, bits);
}

void RtlSignals::advance(model::Ps t) {
  const bool inside = span_.last != 0 || (t >= span_.from && t <= span_.to);
  if (inside && !listening_) {
    live_.start(*this);
  } else if (!inside && listening_) {
    live_.stop();
  }
  listening_ = inside;
  write_ahead(t);
}

void RtlSignals::write_ahead(model::Ps t) {
  if (ahead_.empty() || ahead_.front().t > t) {
    return;
  }
  const std::vector<Ahead> due = std::move(ahead_);
  ahead_.clear();
  for (const Ahead& change : due) {
    write(change.t, change.signal, change.bits);
  }
}

void RtlSignals::stop(model::Ps end) {
  write_ahead(end);
  live_.stop();
}

void RtlSignals::add_to(View& view) const {
  const std::vector<rtl::LiveSignal>& signals = live_.signals();
  for (std::size_t i = 0; i < signals.size(); ++i) {
    const rtl::LiveSignal& signal = signals[i];
    if (signals_[i] == 0 || signal.scopes.size() != 2) {
      continue;
    }
    const std::string title = signal.scopes[0] + ".nic.rtl." + signal.scopes[1];
    if (view.groups.empty() || view.groups.back().title != title) {
      view.groups.push_back({title, false, {}});
    }
    view.groups.back().rows.push_back({"vfsim." + title + "." + signal.name + range_of(signal),
                                       enum_of(signal) != nullptr ? ViewRow::Format::names
                                       : signal.bits == 1         ? ViewRow::Format::bit
                                                                  : ViewRow::Format::binary,
                                       6});
  }
}

}  // namespace vfsim::waves
