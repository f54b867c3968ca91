#include "waves/views/gtkw_view.hpp"

#include <cstdio>
#include <filesystem>

namespace vfsim::waves {
namespace {

// Row formats of GTKWave: a heading, an enum by its names, text, a decimal number, a bit.
constexpr const char* kHeading = "@200";
constexpr const char* kEnum = "@100000028";
constexpr const char* kText = "@20";
constexpr const char* kDecimal = "@24";
constexpr const char* kBit = "@28";

const char* format_of(const SignalInfo& info) {
  switch (info.kind) {
    case SignalKind::TEXT:
    case SignalKind::MOMENT:
      return kText;
    case SignalKind::BITS:
    case SignalKind::COUNT:
      return info.bits == 1 ? kBit : kDecimal;
    default:
      return kEnum;
  }
}

std::string name_of(const ViewGroup& group, const SignalInfo& info) {
  const std::string range = info.bits > 1 ? "[" + std::to_string(info.bits - 1) + ":0]" : "";
  return group.prefix + "." + info.name + range;
}

}  // namespace

std::string view_text(const std::string& dump, const std::vector<ViewGroup>& groups,
                      GroupMask shown) {
  std::string text =
      "[dumpfile] \"" + dump + "\"\n[size] 1400 800\n[sst_expanded] 0\n[signals_width] 260\n";
  for (const ViewGroup& group : groups) {
    text += std::string(kHeading) + "\n-" + group.title + "\n";
    for (const SignalInfo& info : kSignals) {
      if (info.scope == group.scope && (shown & mask_of(info.group)) != 0) {
        text += std::string(format_of(info)) + "\n" + name_of(group, info) + "\n";
      }
    }
  }
  return text;
}

bool write_view(const std::string& fst_path, const std::vector<ViewGroup>& groups, GroupMask shown) {
  const std::filesystem::path fst(fst_path);
  const std::string path = std::filesystem::path(fst).replace_extension(".gtkw").string();
  const std::string text = view_text(fst.filename().string(), groups, shown);
  std::FILE* file = std::fopen((path + ".part").c_str(), "w");
  if (file == nullptr) {
    return false;
  }
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = std::fclose(file) == 0;
  return written && closed && std::rename((path + ".part").c_str(), path.c_str()) == 0;
}

}  // namespace vfsim::waves
