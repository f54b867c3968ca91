// An FST wave file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vfsim::waves {

/// Writes to `<path>.part` and gives it its name in close(): a process that is killed leaves no
/// half file under the final name. Declare all signals before the first time(). Time is in
/// picoseconds and never goes back: an earlier time is taken as the latest one. Nothing of the
/// machine (date, host) goes into the file. Source: format and writer: fstapi of the Verilator
/// distribution.
class FstFile {
 public:
  using Signal = std::uint32_t;
  using EnumTable = std::uint32_t;

  explicit FstFile(std::string path);
  ~FstFile();  // without close(): the partial file is removed
  FstFile(const FstFile&) = delete;
  FstFile& operator=(const FstFile&) = delete;

  /// False: the file could not be made, or the name is that of a device or folder; all other calls then do nothing.
  [[nodiscard]] bool ok() const { return writer_ != nullptr; }
  [[nodiscard]] const std::string& path() const { return path_; }

  void enter_scope(const std::string& name);
  void leave_scope();
  /// Literal i names value i; `bits` wide.
  EnumTable add_enum(const std::string& name, const std::vector<std::string>& literals,
                     std::uint32_t bits);
  Signal add_bits(const std::string& name, std::uint32_t bits);
  Signal add_enum_signal(const std::string& name, std::uint32_t bits, EnumTable table);
  Signal add_text(const std::string& name);

  void time(std::uint64_t ps);
  void set(Signal signal, std::uint64_t value);
  /// Any width: '0' and '1', the most significant first, as many as the signal has.
  void set_bits(Signal signal, std::string_view bits);
  void set_text(Signal signal, std::string_view text);

  /// Finishes the file. False: it could not be written completely, or not renamed.
  [[nodiscard]] bool close();

 private:
  std::string path_;
  void* writer_ = nullptr;
  std::vector<std::uint32_t> widths_;  // by signal handle
  std::uint64_t time_ = 0;
  bool started_ = false;
};

}  // namespace vfsim::waves
