#include "waves/views/gtkw_view.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

namespace vfsim::waves {
namespace {

constexpr std::uint32_t kWidth = 1500;  // of the window, pixels
constexpr std::uint32_t kHeight = 900;
constexpr std::uint32_t kNames = 300;  // of the column of names
constexpr double kWaves = 1150;        // what is left for the waves, about
constexpr double kFrame = 200;         // pixels: GTKWave counts time in frames of these

constexpr std::uint64_t kNamesBesideEachOther = 14;

// Row formats: a heading, the two ends of a group that is open or folded, and kinds of values.
constexpr const char* kOpenGroup = "@800200";
constexpr const char* kFoldedGroup = "@c00200";
constexpr const char* kOpenEnd = "@1000200";
constexpr const char* kFoldedEnd = "@1401200";

const char* code_of(ViewRow::Format format) {
  switch (format) {
    case ViewRow::Format::bit:
      return "@28";
    case ViewRow::Format::decimal:
      return "@24";
    case ViewRow::Format::binary:
      return "@22";
    case ViewRow::Format::names:
      return "@100000028";
    case ViewRow::Format::text:
      return "@20";
  }
  return "";
}

ViewRow::Format format_of(const SignalInfo& info) {
  if (is_text(info.kind)) {
    return ViewRow::Format::text;
  }
  if (!value_names(info.kind).empty()) {
    return ViewRow::Format::names;
  }
  return info.bits == 1 ? ViewRow::Format::bit : ViewRow::Format::decimal;
}

std::uint32_t colour_of(SignalGroup group) {
  switch (group) {
    case SignalGroup::commands:
    case SignalGroup::firmware:
      return 2;
    case SignalGroup::dma:
    case SignalGroup::transactions:
      return 5;
    case SignalGroup::interrupts:
      return 7;
    case SignalGroup::rules:
      return 1;
    default:
      return 6;
  }
}

/// Line of the markers: zoom, primary, A to Z; -1 is none.
std::string markers_line(const View& view) {
  const double span = std::max<double>(1, static_cast<double>(view.to - view.from));
  char zoom[32];
  // 2 to the power of the negative zoom is the time of a frame.
  std::snprintf(zoom, sizeof zoom, "*-%.6f", std::max(0.0, std::log2(span * kFrame / kWaves)));
  std::string line = zoom;
  line += " " + (view.look_at != 0 ? std::to_string(view.look_at) : std::string("-1"));
  for (std::size_t i = 0; i < View::kMarkers; ++i) {
    line +=
        " " + (i < view.markers.size() ? std::to_string(view.markers[i].ps) : std::string("-1"));
  }
  return line + "\n";
}

/// Where names would lie over each other, later markers keep their letters.
std::string marker_names(const View& view) {
  std::string text;
  const std::uint64_t room = (view.to - view.from) / kNamesBesideEachOther;
  std::uint64_t free = 0;
  for (std::size_t i = 0; i < std::min(View::kMarkers, view.markers.size()); ++i) {
    if (view.markers[i].ps >= free) {
      text +=
          std::string("[markername] ") + static_cast<char>('A' + i) + view.markers[i].name + "\n";
      free = view.markers[i].ps + room;
    }
  }
  return text;
}

std::string group_text(const ViewGroup& group) {
  std::string text =
      std::string(group.open ? kOpenGroup : kFoldedGroup) + "\n-" + group.title + "\n";
  for (const ViewRow& row : group.rows) {
    text += row.colour != 0 ? "[color] " + std::to_string(row.colour) + "\n" : "";
    text += std::string(code_of(row.format)) + "\n" + row.name + "\n";
  }
  return text + (group.open ? kOpenEnd : kFoldedEnd) + "\n-" + group.title + "\n";
}

}  // namespace

ViewRow view_row(const std::string& prefix, const SignalInfo& info) {
  const std::string range = info.bits > 1 ? "[" + std::to_string(info.bits - 1) + ":0]" : "";
  return {prefix + "." + info.name + range, format_of(info), colour_of(info.group)};
}

std::string view_text(const View& view) {
  std::string text = "[dumpfile] \"" + view.dump + "\"\n";
  text += "[timestart] " + std::to_string(view.from) + "\n";
  text += "[size] " + std::to_string(kWidth) + " " + std::to_string(kHeight) + "\n";
  text += markers_line(view) + marker_names(view);
  text += "[sst_expanded] 0\n[signals_width] " + std::to_string(kNames) + "\n";
  for (const ViewGroup& group : view.groups) {
    text += group_text(group);
  }
  return text;
}

bool write_view(const std::string& path, const View& view) {
  const std::string text = view_text(view);
  std::FILE* file = std::fopen((path + ".part").c_str(), "w");
  if (file == nullptr) {
    return false;
  }
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = std::fclose(file) == 0;
  return written && closed && std::rename((path + ".part").c_str(), path.c_str()) == 0;
}

}  // namespace vfsim::waves
