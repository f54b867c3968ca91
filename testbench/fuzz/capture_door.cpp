// The door `capture`: pcap files for the replay. A case is the file.
#include <cerrno>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>

#include "testbench/fuzz/mutate.hpp"
#include "testbench/fuzz/readers.hpp"
#include "testbench/workload/schedule.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint32_t kHead = 24;    // of a pcap file
constexpr std::uint32_t kPacket = 16;  // head of a packet
constexpr std::size_t kMost = 1 << 20;

/// A file in memory with a name.
class MemoryFile {
 public:
  explicit MemoryFile(const CaseBytes& bytes) : fd_(::memfd_create("case", MFD_CLOEXEC)) {
    if (fd_ < 0 || ::write(fd_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
      throw std::system_error(errno, std::generic_category(), "a file in memory");
    }
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  [[nodiscard]] std::string path() const { return fmt::format("/proc/self/fd/{}", fd_); }

 private:
  int fd_;
};

bool read_capture(const std::string& path, std::string& error) {
  WorkloadParams params;
  params.captures = path;
  params.server_ports = "18080";
  const auto schedule = replay(params, {}, 0);
  if (!schedule) {
    error = schedule.error().text;
  }
  return schedule.has_value();
}

CaseBytes read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::uint32_t le32(const CaseBytes& bytes, std::size_t at) {
  return bytes[at] | static_cast<std::uint32_t>(bytes[at + 1]) << 8 |
         static_cast<std::uint32_t>(bytes[at + 2]) << 16 |
         static_cast<std::uint32_t>(bytes[at + 3]) << 24;
}

void set_le32(CaseBytes& bytes, std::size_t at, std::uint64_t value) {
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
}

/// Offsets of the packets' heads.
std::vector<std::size_t> packets_of(const CaseBytes& file) {
  std::vector<std::size_t> heads;
  for (std::size_t at = kHead; at + kPacket <= file.size();) {
    heads.push_back(at);
    at += kPacket + std::min<std::size_t>(le32(file, at + 8), kMost);
  }
  return heads;
}

class CaptureDoor final : public Door {
 public:
  explicit CaptureDoor(CaptureReader reader) : reader_(std::move(reader)) {
    const CaseBytes whole = read_bytes(VF_SOURCE_DIR "/testbench/data/http_mtu1500.pcap");
    const auto heads = packets_of(whole);
    // Pieces of the shipped capture; all of it would only be slow.
    for (const std::size_t count : {1U, 4U, 12U}) {
      const std::size_t end = count < heads.size() ? heads[count] : whole.size();
      files_.emplace_back(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(end));
    }
  }

  CaseBytes make(CaseRandom& random) override {
    CaseBytes file = files_[below(random, files_.size())];
    for (std::uint64_t more = 1 + below(random, 3); more > 0; --more) {
      if (chance(random, 60) && file.size() >= kHead + kPacket) {
        change_field(random, file);
      } else {
        spoil(random, file);
      }
    }
    return file;
  }

  DoorOutcome run(const CaseBytes& bytes) override {
    const MemoryFile file(bytes.size() > kMost ? CaseBytes(bytes.begin(), bytes.begin() + kMost)
                                               : bytes);
    const std::string path = file.path();
    std::string error;
    if (reader_(path, error)) {
      return {true, "OK", ""};
    }
    DoorOutcome out{false, kind_of(error), ""};
    if (error.compare(0, path.size(), path) != 0) {
      out.finding = "the error does not name the file: " + error.substr(0, 200);
    } else if (error.size() <= path.size() + 2 || error.find('\n') != std::string::npos) {
      out.finding = "the error is not one line that says what";
    }
    return out;
  }

  std::vector<CaseBytes> seeds() override { return files_; }

 private:
  /// The words of letters behind the file's name.
  static std::string kind_of(const std::string& error) {
    std::istringstream words(error.substr(std::min(error.find(": "), error.size())));
    std::string kind;
    std::size_t count = 0;
    for (std::string word; words >> word && count < 5;) {
      if (word.find_first_of("0123456789:") == std::string::npos) {
        kind += (kind.empty() ? "" : " ") + word;
        ++count;
      }
    }
    return kind;
  }

  static void change_field(CaseRandom& random, CaseBytes& file) {
    if (chance(random, 30)) {
      const std::size_t at = below(random, kHead / 4) * 4;
      set_le32(file, at, odd_value(random, le32(file, at), 32));
      return;
    }
    const auto heads = packets_of(file);
    const std::size_t at = heads[below(random, heads.size())] + below(random, kPacket / 4) * 4;
    set_le32(file, at, odd_value(random, le32(file, at), 32));
  }

  CaptureReader reader_;
  std::vector<CaseBytes> files_;
};

}  // namespace

std::unique_ptr<Door> make_capture_door(const CaptureReader& reader) {
  return std::make_unique<CaptureDoor>(reader);
}

std::unique_ptr<Door> make_capture_door(vf_fault_set) {
  return make_capture_door(CaptureReader(read_capture));
}

}  // namespace vfsim::bench
