#include "waves/wave_recorder.hpp"

#include "waves/views/gtkw_view.hpp"

namespace vfsim::waves {

using model::Ps;

namespace {

constexpr Ps kSampleEvery = 200 * model::kNs;  // counters inside a burst

std::string last_part(const std::string& name) {
  return name.substr(name.rfind('.') + 1);
}

}  // namespace

WaveRecorder::WaveRecorder(SignalBoard& board, const std::string& fst_path, const WaveScope& scope,
                           Ps now)
    : board_(board),
      scope_(scope),
      file_(fst_path),
      wave_(file_, scope.span),
      signals_(board.space().units() * kSignalCount),
      samples_(signals_.size()) {
  if (file_.ok()) {
    declare();
    board_.add(*this, rows_of(scope.groups), now);
    initial_values(now);
  }
}

void WaveRecorder::declare() {
  const SignalSpace& space = board_.space();
  file_.enter_scope("vfsim");
  for (const SignalKind kind : {SignalKind::MIG_STATE, SignalKind::VCPU}) {
    names_.resize(static_cast<std::size_t>(kind) + 1);
    names_.back() = file_.add_enum(kind == SignalKind::VCPU ? "vcpu" : "mig_state",
                                   value_names(kind), kind == SignalKind::VCPU ? 2 : 3);
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
          file_.add_enum_signal(info.name, info.bits, names_[static_cast<std::size_t>(info.kind)]);
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

bool WaveRecorder::finish(Ps end) {
  if (!file_.ok()) {
    return false;
  }
  board_.settle(end);
  board_.remove(*this);
  wave_.time(end);
  const SignalSpace& space = board_.space();
  std::vector<ViewGroup> groups;
  for (std::uint32_t guest = 0; guest < space.guests; ++guest) {
    const std::string name = space.unit_name(space.guest_unit(guest));
    groups.push_back({"guest " + std::to_string(guest), "vfsim." + name, SignalScope::GUEST});
  }
  for (std::uint32_t unit = 0; unit < space.guest_unit(0); ++unit) {
    if (board_.seen(unit)) {
      const std::string name = space.unit_name(unit);
      groups.push_back({name, "vfsim." + name, SignalScope::FUNCTION});
    }
  }
  return wave_.close(end) && write_view(file_.path(), groups, scope_.groups);
}

}  // namespace vfsim::waves
