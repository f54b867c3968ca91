// MSI-X vector table and pending bits of one function.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace vfsim::model {

struct MsixMessage {
  std::uint64_t addr = 0;
  std::uint32_t data = 0;
};

/// Table entries are 16 bytes: address low, address high, data, vector control (bit 0: masked; set
/// after reset). A raised vector is sent at once or stays pending until it may leave: MSI-X
/// enabled, function and vector not masked, function not on hold. A pending vector is sent once,
/// however often it was raised meanwhile.
class MsixTable {
 public:
  static constexpr std::uint32_t kVectors = 32;
  static constexpr std::uint32_t kEntryBytes = 16;
  static constexpr std::uint32_t kTableBytes = kVectors * kEntryBytes;
  static constexpr std::uint32_t kPbaBytes = 8;

  MsixTable() { reset(); }

  /// Accesses at byte offsets of the table / PBA, 4 or 8 bytes, aligned; others read 0 and are
  /// ignored.
  [[nodiscard]] std::uint64_t read_table(std::uint32_t offset, std::uint32_t bytes) const;
  void write_table(std::uint32_t offset, std::uint64_t value, std::uint32_t bytes);
  [[nodiscard]] std::uint64_t read_pba(std::uint32_t offset, std::uint32_t bytes) const;

  /// Message control of the capability.
  void set_control(bool enable, bool function_mask);
  /// On hold (responder stopped) no vector leaves; pending bits are kept.
  void set_hold(bool hold) { hold_ = hold; }

  /// The message to send now, or nothing: the vector is pending then.
  [[nodiscard]] std::optional<MsixMessage> raise(std::uint32_t vector);
  /// Vectors (bit mask) that are pending and may leave; clears their pending bits. Ask after
  /// write_table(), set_control(), set_hold() and set_pending(); send message() of each, lowest
  /// first.
  [[nodiscard]] std::uint32_t take_deliverable();
  [[nodiscard]] MsixMessage message(std::uint32_t vector) const;

  [[nodiscard]] std::uint32_t pending() const { return pending_; }
  /// For the device image: pending bits travel with a migration.
  void set_pending(std::uint32_t vectors) { pending_ = vectors; }
  /// Function-level reset: all vectors masked, nothing pending, MSI-X disabled, not on hold.
  void reset();

 private:
  static constexpr std::uint32_t kMasked = 1;
  [[nodiscard]] bool may_leave(std::uint32_t vector) const;

  std::array<std::uint32_t, kTableBytes / 4> words_{};
  std::uint32_t pending_ = 0;
  bool enable_ = false;
  bool function_mask_ = false;
  bool hold_ = false;
};

}  // namespace vfsim::model
