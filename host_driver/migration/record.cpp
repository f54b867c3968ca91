#include "host_driver/migration/record.hpp"

namespace vfsim::driver {

std::array<std::uint8_t, RecordHeader::kBytes> RecordHeader::encode() const {
  std::array<std::uint8_t, kBytes> out{};
  le_store(out.data(), bytes);
  le_store(out.data() + 8, flags);
  le_store(out.data() + 12, tag);
  return out;
}

RecordHeader RecordHeader::decode(const std::uint8_t* from) {
  RecordHeader header;
  header.bytes = le_load<std::uint64_t>(from);
  header.flags = le_load<std::uint32_t>(from + 8);
  header.tag = le_load<std::uint32_t>(from + 12);
  return header;
}

std::vector<std::uint8_t> stop_copy_size_record(std::uint64_t expected_bytes) {
  const auto header =
      RecordHeader{kStopCopySizePayload, RecordHeader::kOptional, RecordHeader::kStopCopySize}
          .encode();
  std::vector<std::uint8_t> out(header.begin(), header.end());
  le_append(out, expected_bytes);
  return out;
}

}  // namespace vfsim::driver
