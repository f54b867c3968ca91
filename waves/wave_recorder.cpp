#include "waves/wave_recorder.hpp"

#include <algorithm>
#include <filesystem>

namespace vfsim::waves {

using model::Ps;

namespace {

constexpr Ps kSampleEvery = 200 * model::kNs;  // counters inside a burst

constexpr Ps kMargin = 20;  // a view of a migration: a 20th of it on either side
constexpr RowMask kViewRows = row_bit(GUEST_phase) | row_bit(RULES_violation);

std::string last_part(const std::string& name) {
  return name.substr(name.rfind('.') + 1);
}

}  // namespace

WaveRecorder::WaveRecorder(SignalBoard& board, const std::string& fst_path, const WaveScope& scope,
                           Ps now, rtl::LiveWave* rtl)
    : board_(board),
      scope_(scope),
      begin_(now),
      file_(fst_path),
      wave_(file_, scope.span),
      signals_(board.space().units() * kSignalCount),
      samples_(signals_.size()),
      moved_(signals_.size()),
      moved_in_phase_(signals_.size()) {
  if (!file_.ok()) {
    return;
  }
  if (rtl != nullptr && (scope.groups & mask_of(SignalGroup::rtl)) != 0) {
    rtl_ = std::make_unique<RtlSignals>(*rtl, file_, wave_, scope.span);
  }
  declare();
  board_.add(*this, rows_of(scope.groups) | kViewRows, now);
  initial_values(now);
  if (rtl_) {
    rtl_->advance(now);
  }
}

void WaveRecorder::declare() {
  const SignalSpace& space = board_.space();
  file_.enter_scope("vfsim");
  tables_.resize(static_cast<std::size_t>(SignalKind::count_));
  for (std::size_t k = 0; k < tables_.size(); ++k) {
    const auto kind = static_cast<SignalKind>(k);
    if (!value_names(kind).empty()) {
      tables_[k] = file_.add_enum(table_name(kind), value_names(kind), value_bits(kind));
    }
  }
  for (std::uint32_t unit = 0; unit < space.units(); ++unit) {
    const bool function = space.scope(unit) == SignalScope::FUNCTION;
    const std::string name = space.unit_name(unit);
    if (function && unit % space.functions == 0) {
      file_.enter_scope(name.substr(0, name.find('.')));
    }
    file_.enter_scope(last_part(name));
    declare_unit(unit);
    file_.leave_scope();
    if (function && (unit + 1) % space.functions == 0) {
      if (rtl_) {
        rtl_->declare(name.substr(0, name.find('.')));
      }
      file_.leave_scope();
    }
  }
  file_.leave_scope();
}

void WaveRecorder::declare_unit(std::uint32_t unit) {
  for (std::uint32_t row = 0; row < kSignalCount; ++row) {
    const SignalId id = unit * kSignalCount + row;
    const SignalInfo& info = kSignals[row];
    if (!board_.space().holds(id) || (scope_.groups & mask_of(info.group)) == 0) {
      continue;
    }
    if (is_text(info.kind)) {
      signals_[id] = file_.add_text(info.name);
    } else if (value_names(info.kind).empty()) {
      signals_[id] = file_.add_bits(info.name, info.bits);
    } else {
      signals_[id] =
          file_.add_enum_signal(info.name, info.bits, tables_[static_cast<std::size_t>(info.kind)]);
    }
  }
}

void WaveRecorder::initial_values(Ps now) {
  wave_.time(now);
  for (SignalId id = 0; id < signals_.size(); ++id) {
    if (signals_[id] == 0) {
      continue;
    }
    if (is_text(info_of(id).kind)) {
      wave_.set_text(signals_[id], board_.text(id, now));
    } else {
      wave_.set(signals_[id], board_.number(id));
      samples_[id].shown = board_.number(id);
    }
  }
}

void WaveRecorder::changed(const SignalChange& change) {
  const SignalKind kind = info_of(change.id).kind;
  keep_for_view(change);
  if (rtl_) {
    rtl_->advance(change.t);
  }
  if (kind == SignalKind::COUNT) {
    Sample& sample = samples_[change.id];
    if (change.to == sample.shown ||
        (change.to != 0 && sample.shown != 0 && change.t < sample.next)) {
      return;
    }
    sample = {change.to, change.t + kSampleEvery};
  }
  wave_.time(change.t);
  if (is_text(kind)) {
    wave_.set_text(signals_[change.id], change.text);
  } else {
    wave_.set(signals_[change.id], change.to);
  }
}

// ---- the view

void WaveRecorder::keep_for_view(const SignalChange& change) {
  if (row_of(change.id) == GUEST_phase) {
    migrating_ += change.from_text.empty() ? 1 : 0;
    migrating_ -= change.text.empty() ? 1 : 0;
    if (!change.text.empty()) {
      const std::uint32_t unit = unit_of(change.id);
      const bool first = unit == board_.space().guest_unit(0);
      phases_.push_back({change.t, (first ? "" : board_.space().unit_name(unit) + " ") +
                                       std::string(change.text)});
    }
  } else if (row_of(change.id) == RULES_violation && violation_ == 0) {
    violation_ = change.t;
  }
  moved_[change.id] = true;
  moved_in_phase_[change.id] = moved_in_phase_[change.id] || migrating_ != 0;
}

/// The signals of a unit that changed, where guests migrate: meanwhile. What did not happen needs
/// no row.
ViewGroup WaveRecorder::group_of(std::uint32_t unit) const {
  const std::string name = board_.space().unit_name(unit);
  const std::vector<bool>& moved = phases_.empty() ? moved_ : moved_in_phase_;
  ViewGroup group{name, true, {}};
  for (std::uint32_t row = 0; row < kSignalCount; ++row) {
    const SignalId id = unit * kSignalCount + row;
    if (signals_[id] != 0 && moved[id]) {
      group.rows.push_back(view_row("vfsim." + name, kSignals[row]));
    }
  }
  return group;
}

/// Rules and guests, the functions that migrated, then PFs and siblings folded; RTL last.
View WaveRecorder::view(Ps end) const {
  const SignalSpace& space = board_.space();
  View view;
  view.dump = std::filesystem::path(file_.path()).filename().string();
  view.look_at = violation_;
  std::vector<std::uint32_t> order = {space.rules_unit()};
  for (std::uint32_t guest = 0; guest < space.guests; ++guest) {
    order.push_back(space.guest_unit(guest));
  }
  const auto migrated = [&](std::uint32_t unit) {
    return moved_[id_of(unit, FUNCTION_migration_state)] || moved_[id_of(unit, FUNCTION_run_state)];
  };
  for (const bool first : {true, false}) {
    for (std::uint32_t unit = 0; unit < space.guest_unit(0); ++unit) {
      if (migrated(unit) == first) {
        order.push_back(unit);
      }
    }
  }
  const bool none = std::none_of(order.begin(), order.end(), [&](std::uint32_t unit) {
    return space.scope(unit) == SignalScope::FUNCTION && migrated(unit);
  });
  for (const std::uint32_t unit : order) {
    ViewGroup group = group_of(unit);
    group.open = space.scope(unit) != SignalScope::FUNCTION || migrated(unit) || none;
    if (!group.rows.empty()) {
      view.groups.push_back(std::move(group));
    }
  }
  if (rtl_) {
    rtl_->add_to(view);
  }
  const Ps first = std::max(begin_, wave_.first(end));
  const Ps last = wave_.last(end);
  for (const ViewMarker& phase : phases_) {
    const bool same = !view.markers.empty() && view.markers.back().ps == phase.ps;
    if (phase.ps >= first && phase.ps <= last && !same && view.markers.size() < View::kMarkers) {
      view.markers.push_back(phase);
    }
  }
  view.from = first;
  view.to = last;
  const bool whole_run = first == begin_ && last == end;
  if (whole_run && view.markers.size() > 1) {  // the migrations, not the idle time around them
    const Ps margin = (view.markers.back().ps - view.markers.front().ps) / kMargin;
    view.from =
        std::max(first, view.markers.front().ps - std::min(view.markers.front().ps, margin));
    view.to = std::min(last, view.markers.back().ps + margin);
  }
  return view;
}

bool WaveRecorder::finish(Ps end) {
  if (!file_.ok()) {
    return false;
  }
  board_.settle(end);
  board_.remove(*this);
  if (rtl_) {
    rtl_->stop(end);
  }
  wave_.time(end);
  const std::string path = std::filesystem::path(file_.path()).replace_extension(".gtkw").string();
  return wave_.close(end) && write_view(path, view(end));
}

}  // namespace vfsim::waves
