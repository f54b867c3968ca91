#include "waves/fst_file.hpp"

#include <cstdio>
#include <filesystem>
#include <fstapi.h>

namespace vfsim::waves {
namespace {

constexpr int kPicoseconds = -12;
constexpr const char* kNoDate =
    "Thu Jan  1 00:00:00 1970\n";  // the writer would put the date of the run

std::string part(const std::string& path) {
  return path + ".part";
}

std::string binary(std::uint64_t value, std::uint32_t bits) {
  std::string text(bits, '0');
  for (std::uint32_t i = 0; i < bits; ++i) {
    text[bits - 1 - i] = (value >> i & 1) != 0 ? '1' : '0';
  }
  return text;
}

/// A device or pipe would be replaced by the file.
bool can_be_named(const std::string& path) {
  std::error_code ignored;
  const auto there = std::filesystem::status(path, ignored);
  return !std::filesystem::exists(there) || std::filesystem::is_regular_file(there);
}

}  // namespace

FstFile::FstFile(std::string path) : path_(std::move(path)) {
  if (!can_be_named(path_)) {
    return;
  }
  // The writer does not check that its first file was opened, so that is done here.
  std::FILE* probe = std::fopen(part(path_).c_str(), "wb");
  if (probe == nullptr) {
    return;
  }
  std::fclose(probe);
  writer_ = fstWriterCreate(part(path_).c_str(), 1);
  if (writer_ != nullptr) {
    fstWriterSetTimescale(writer_, kPicoseconds);
    fstWriterSetPackType(writer_, FST_WR_PT_LZ4);
    fstWriterSetDate(writer_, kNoDate);
    fstWriterSetVersion(writer_, "vfsim");
  }
}

FstFile::~FstFile() {
  if (writer_ != nullptr) {
    fstWriterClose(writer_);
    std::remove(part(path_).c_str());
  }
}

void FstFile::enter_scope(const std::string& name) {
  if (ok()) {
    fstWriterSetScope(writer_, FST_ST_VCD_MODULE, name.c_str(), nullptr);
  }
}

void FstFile::leave_scope() {
  if (ok()) {
    fstWriterSetUpscope(writer_);
  }
}

FstFile::EnumTable FstFile::add_enum(const std::string& name,
                                     const std::vector<std::string>& literals, std::uint32_t bits) {
  if (!ok()) {
    return 0;
  }
  std::vector<std::string> values;
  std::vector<const char*> names;
  std::vector<const char*> codes;
  for (std::size_t i = 0; i < literals.size(); ++i) {
    values.push_back(binary(i, bits));
  }
  for (std::size_t i = 0; i < literals.size(); ++i) {
    names.push_back(literals[i].c_str());
    codes.push_back(values[i].c_str());
  }
  return fstWriterCreateEnumTable(writer_, name.c_str(),
                                  static_cast<std::uint32_t>(literals.size()), bits, names.data(),
                                  codes.data());
}

FstFile::Signal FstFile::add_bits(const std::string& name, std::uint32_t bits) {
  if (!ok()) {
    return 0;
  }
  const std::string range = bits > 1 ? name + " [" + std::to_string(bits - 1) + ":0]" : name;
  const Signal signal =
      fstWriterCreateVar(writer_, FST_VT_VCD_WIRE, FST_VD_IMPLICIT, bits, range.c_str(), 0);
  widths_.resize(signal + 1);
  widths_[signal] = bits;
  return signal;
}

FstFile::Signal FstFile::add_enum_signal(const std::string& name, std::uint32_t bits,
                                         EnumTable table) {
  if (!ok()) {
    return 0;
  }
  fstWriterEmitEnumTableRef(writer_, table);
  return add_bits(name, bits);
}

FstFile::Signal FstFile::add_text(const std::string& name) {
  return ok() ? fstWriterCreateVar(writer_, FST_VT_GEN_STRING, FST_VD_IMPLICIT, 0, name.c_str(), 0)
              : 0;
}

void FstFile::time(std::uint64_t ps) {
  if (ok() && (!started_ || ps > time_)) {
    started_ = true;
    time_ = ps;
    fstWriterEmitTimeChange(writer_, ps);
  }
}

void FstFile::set(Signal signal, std::uint64_t value) {
  if (ok()) {
    fstWriterEmitValueChange64(writer_, signal, widths_[signal], value);
  }
}

void FstFile::set_bits(Signal signal, std::string_view bits) {
  if (ok() && bits.size() == widths_[signal]) {
    fstWriterEmitValueChange(writer_, signal, bits.data());
  }
}

void FstFile::set_text(Signal signal, std::string_view text) {
  if (ok()) {
    fstWriterEmitVariableLengthValueChange(writer_, signal, text.data(),
                                           static_cast<std::uint32_t>(text.size()));
  }
}

bool FstFile::close() {
  if (!ok()) {
    return false;
  }
  const bool written = fstWriterGetFseekFailed(writer_) == 0;
  fstWriterClose(writer_);
  writer_ = nullptr;
  if (!written || std::rename(part(path_).c_str(), path_.c_str()) != 0) {
    std::remove(part(path_).c_str());
    return false;
  }
  return true;
}

}  // namespace vfsim::waves
