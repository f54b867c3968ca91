// GTKWave views: which signals to show, in groups, with names instead of numbers, and where to
// look.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "waves/signal_table.hpp"

namespace vfsim::waves {

/// A row of a view.
struct ViewRow {
  enum class Format : std::uint8_t { bit, decimal, binary, names, text };
  std::string name;  // "vfsim.A.vf0.migration_state[2:0]"
  Format format = Format::bit;
  std::uint32_t colour =
      0;  // of GTKWave: 1 red, 2 orange, 3 yellow, 4 green, 5 blue, 6 indigo, 7 violet; 0 none
};

/// Rows under a heading that folds.
struct ViewGroup {
  std::string title;
  bool open = true;
  std::vector<ViewRow> rows;
};

/// A moment with a name, shown as a line over all rows.
struct ViewMarker {
  std::uint64_t ps = 0;
  std::string name;
};

/// What a view shows. Source of the file's format: GTKWave 3.3.118, as it saves views itself.
struct View {
  static constexpr std::size_t kMarkers = 26;  // as many as GTKWave has letters

  std::string dump;  // name of the wave file as GTKWave shall open it
  std::vector<ViewGroup> groups;
  std::vector<ViewMarker> markers;  // by time; those beyond kMarkers are left out
  std::uint64_t look_at = 0;        // ps, the primary marker; 0: none
  std::uint64_t from = 0;           // ps, shown first
  std::uint64_t to = 0;
};

/// The row of a signal of signals.def under a hierarchy prefix.
[[nodiscard]] ViewRow view_row(const std::string& prefix, const SignalInfo& info);
/// Text of a .gtkw file.
[[nodiscard]] std::string view_text(const View& view);
/// Writes the text to `path`. False: not written.
[[nodiscard]] bool write_view(const std::string& path, const View& view);

}  // namespace vfsim::waves
