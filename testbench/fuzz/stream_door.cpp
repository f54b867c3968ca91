// The door `stream`: what comes to the host's side of a migration. The first byte of a case chooses
// the part: pieces of a resuming stream, a message, a sequence of messages to a destination, calls
// of the VFIO user API, a saved configuration space.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <utility>

#include "host_driver/migration/bytes.hpp"
#include "host_driver/migration/fake_bench.hpp"
#include "host_driver/migration/vfio_uapi.hpp"
#include "host_driver/vmm/message.hpp"
#include "host_driver/vmm/vmm.hpp"
#include "testbench/fuzz/mutate.hpp"

namespace vfsim::bench {
namespace {

using namespace vfsim::driver;
using BOOST_OUTCOME_V2_NAMESPACE::success;

enum class Part : std::uint8_t { records, message, destination, uapi, config, kinds };

constexpr std::size_t kMemoryLimit = 64U << 20;  // of the host that resumes

/// Errors that the kernel's interface or ours names, and what the judge accepts.
const char* errno_name(int code) {
  switch (code) {
#define NAME(e) \
  case e:       \
    return #e;
    NAME(EPERM)
    NAME(EIO)
    NAME(E2BIG)
    NAME(EBADF)
    NAME(EAGAIN)
    NAME(ENOMEM)
    NAME(EFAULT)
    NAME(EBUSY)
    NAME(ENODEV)
    NAME(EINVAL)
    NAME(ENOTTY)
    NAME(ESPIPE)
    NAME(EPIPE)
    NAME(ENOMSG)
    NAME(EOVERFLOW)
    NAME(EOPNOTSUPP)
    NAME(ENOTCONN)
    NAME(ETIMEDOUT)
    NAME(ECANCELED)
    NAME(ENOSPC)
    NAME(EREMOTEIO)
#undef NAME
    default:
      return nullptr;
  }
}

DoorOutcome refused(const std::string& part, int code) {
  const char* name = errno_name(code);
  return name != nullptr ? DoorOutcome{false, part + " " + name, ""}
                         : DoorOutcome{false, part, fmt::format("errno {} is not defined", code)};
}

// ---- records ----

/// What a resuming stream must do with the bytes: a second reading of the format.
struct RecordModel {
  std::vector<std::vector<std::uint8_t>> images;  // to be loaded
  int error = 0;

  explicit RecordModel(const CaseBytes& bytes) {
    std::size_t at = 0;
    while (error == 0 && bytes.size() - at >= RecordHeader::kBytes) {
      const std::uint8_t* head = bytes.data() + at;
      const auto count = le_load<std::uint64_t>(head);
      const auto flags = le_load<std::uint32_t>(head + 8);
      const auto tag = le_load<std::uint32_t>(head + 12);
      at += RecordHeader::kBytes;
      if (count > 0xffffffffULL) {
        error = ENOMEM;
      } else if (tag == 0 && count == 0) {
        error = EINVAL;
      } else if (tag == 0 && count > kMemoryLimit / 2) {
        error = -1;  // depends on the memory there is
      } else if (tag == 1 && count != 8) {
        error = EINVAL;
      } else if (tag > 1 && (flags & 1) == 0) {
        error = EOPNOTSUPP;
      } else if (count > bytes.size() - at) {
        return;  // the rest has not come
      } else {
        if (tag == 0) {
          images.emplace_back(head + RecordHeader::kBytes, head + RecordHeader::kBytes + count);
        } else if (tag == 1) {
          announced_ = le_load<std::uint64_t>(head + RecordHeader::kBytes);
          if (announced_ > kMemoryLimit / 2) {
            error = -1;
          }
        }
        at += static_cast<std::size_t>(count);
      }
    }
  }

 private:
  std::uint64_t announced_ = 0;
};

/// A driver on a scripted device, started once; every case begins in STOP.
class Resumer {
 public:
  Resumer() {
    bench_.device.on(VF_OP_CREATE_MKEY, [this](const FakeCommand& c) {
      address_ = vf_be64_load(c.in.data() + VF_BYTES(create_mkey_in));  // pages follow each other
      return bench_.device.standard(c);
    });
    bench_.device.on(VF_OP_LOAD_VHCA_STATE, [this](const FakeCommand& c) {
      std::vector<std::uint8_t> image(VF_GET(load_vhca_state_in, c.in.data(), size));
      bench_.platform.mem_read(address_, image.data(), image.size());
      loaded_.push_back(std::move(image));
      return fake_status(VF_STATUS_OK, 0);
    });
    good_ = bench_.start_up() && bench_.go(MigState::stop) && warm_up();
    bench_.platform.set_memory_limit(bench_.platform.allocated() + kMemoryLimit);
  }

  /// `pieces`: how the bytes are cut into writes.
  DoorOutcome run(const CaseBytes& bytes, std::uint8_t pieces) {
    if (!good_) {
      return {false, "", "the rig does not come up"};
    }
    const int objects = bench_.device.live_objects();
    const std::size_t memory = bench_.platform.allocated();
    loaded_.clear();
    auto stream = bench_.go(MigState::resuming);
    if (!stream) {
      return {false, "", "RESUMING fails: " + stream.error().text};
    }
    const int error = write(*stream.value(), bytes, pieces);
    DoorOutcome out = error == 0 ? DoorOutcome{true, "OK", ""} : refused("records", error);
    judge(RecordModel(bytes), error, out);
    const auto dead = stream.value()->write(bytes.data(), bytes.empty() ? 0 : 1);
    if (error != 0 && !bytes.empty() && (dead || dead.error().code != ENODEV)) {
      out.finding = "a stream that failed takes more bytes";
    }
    if (!bench_.go(MigState::stop)) {
      out.finding = "RESUMING does not end";
    }
    if (bench_.device.live_objects() != objects || bench_.platform.allocated() != memory) {
      out.finding =
          fmt::format("{} objects and {} bytes are kept after the session",
                      bench_.device.live_objects() - objects, bench_.platform.allocated() - memory);
    }
    bench_.device.forget_commands();
    return out;
  }

 private:
  /// The PF's queue keeps its longest mailbox chain: that of the largest buffer there will be.
  bool warm_up() {
    RecordHeader header;
    header.bytes = kMemoryLimit - VF_PAGE_BYTES;
    const auto head = header.encode();
    auto stream = bench_.go(MigState::resuming);
    return stream && stream.value()->write(head.data(), head.size()) && bench_.go(MigState::stop);
  }

  static int write(MigStream& stream, const CaseBytes& bytes, std::uint8_t pieces) {
    const std::size_t step = pieces == 0 ? bytes.size() + 1 : pieces;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      const auto put = stream.write(bytes.data() + at, std::min(step, bytes.size() - at));
      if (!put) {
        return put.error().code;
      }
    }
    return 0;
  }

  void judge(const RecordModel& model, int error, DoorOutcome& out) const {
    // What depends on the memory there is may go on behind the place where the model stops.
    const bool open = model.error < 0;
    const bool same =
        open ? loaded_.size() >= model.images.size() &&
                   std::equal(model.images.begin(), model.images.end(), loaded_.begin())
             : loaded_ == model.images;
    if (!open && model.error != error) {
      out.finding = fmt::format("write ends with errno {}, expected is {}", error, model.error);
    } else if (!same) {
      out.finding =
          fmt::format("{} images are loaded, expected are {}", loaded_.size(), model.images.size());
    }
  }

  FakeBench bench_;
  bool good_ = false;
  std::uint64_t address_ = 0;
  std::vector<std::vector<std::uint8_t>> loaded_;
};

// ---- messages ----

DoorOutcome run_message(const CaseBytes& frame) {
  const std::uint32_t sequence = 3;
  const auto message = decode_message(frame, sequence);
  if (!message) {
    return refused("message", message.error().code);
  }
  DoorOutcome out{true, "OK", ""};
  if (encode_message(message.value(), sequence) != frame) {
    out.finding = "a message is taken that encodes otherwise";
  }
  return out;
}

// ---- destination ----

/// Frames that a source sent, then a closed line.
class ScriptedChannel final : public Channel {
 public:
  explicit ScriptedChannel(std::vector<std::vector<std::uint8_t>> frames)
      : frames_(std::move(frames)) {}
  Result<void> send(const std::vector<std::uint8_t>&) override { return success(); }
  Result<std::vector<std::uint8_t>> receive(Nanoseconds) override {
    if (next_ == frames_.size()) {
      return fail(EPIPE, "peer is gone");
    }
    return frames_[next_++];
  }
  void close() override {}

 private:
  std::vector<std::vector<std::uint8_t>> frames_;
  std::size_t next_ = 0;
};

/// A device that loads anything and notes what it was asked for.
class PlainDevice final : public VfioDevice {
 public:
  class Stream final : public MigStream {
   public:
    Result<std::vector<std::uint8_t>> read(std::size_t, bool) override { return fail(EBADF, ""); }
    Result<std::size_t> write(const std::uint8_t*, std::size_t bytes) override { return bytes; }
    Result<std::size_t> seek(std::uint64_t) override { return fail(ESPIPE, ""); }
    std::uint32_t poll() override { return 4; }
    Result<PrecopyInfo> precopy_info() override { return fail(ENOTTY, ""); }
  };
  std::uint64_t migration_flags() const override { return VF_MIG_FLAG_STOP_COPY | VF_MIG_FLAG_P2P; }
  Result<MigState> state() override { return now; }
  Result<std::shared_ptr<MigStream>> set_state(MigState target) override {
    now = target;
    return target == MigState::resuming ? std::make_shared<Stream>() : std::shared_ptr<MigStream>();
  }
  Result<void> reset() override {
    now = MigState::running;
    was_reset = true;
    return success();
  }
  Result<std::uint64_t> data_size() override { return std::uint64_t{0}; }
  Result<std::uint64_t> logging_start(std::uint64_t, const std::vector<IovaRange>&) override {
    return fail(ENOTTY, "");
  }
  Result<void> logging_stop() override { return fail(ENOTTY, ""); }
  Result<std::vector<std::uint64_t>> logging_report(std::uint64_t, std::uint64_t) override {
    return fail(ENOTTY, "");
  }
  Result<std::vector<std::uint8_t>> save_config() override { return std::vector<std::uint8_t>(); }
  Result<void> restore_config(const std::vector<std::uint8_t>&) override { return success(); }

  MigState now = MigState::running;
  bool was_reset = false;
};

class PlainGuest final : public GuestVm {
 public:
  std::uint32_t id() const override { return 0; }
  std::uint8_t host() const override { return 1; }
  std::uint64_t memory_bytes() const override { return 1U << 20; }
  std::vector<std::uint64_t> used_pages() const override { return {}; }
  void read_page(std::uint64_t, std::uint8_t* to) const override { std::fill_n(to, kGuestPage, 0); }
  void write_page(std::uint64_t gpa, const std::uint8_t* from) override {
    outside = outside || gpa % kGuestPage != 0 || gpa >= memory_bytes();
    std::memcpy(page, from, kGuestPage);  // the sanitizer sees whether it is there
  }
  void cpu_log(bool) override {}
  std::vector<std::uint64_t> cpu_report() override { return {}; }
  void stop_vcpus() override {}
  void start_vcpus() override { running = true; }
  void take_over() override {}
  std::vector<VfioDevice*> devices() override { return {&device}; }

  PlainDevice device;
  std::uint8_t page[kGuestPage] = {};
  bool outside = false, running = false;
};

/// The payload of a hello that fits PlainGuest.
std::vector<std::uint8_t> hello_payload() {
  PlainGuest guest;
  std::vector<std::uint8_t> out;
  le_append<std::uint64_t>(out, guest.memory_bytes());
  le_append<std::uint32_t>(out, 1);
  le_append<std::uint64_t>(out, guest.device.migration_flags());
  return out;
}

/// The case is a sequence of: kind (1: the type, above 15: the frame is spoiled), device (1),
/// payload bytes (2), payload.
std::vector<std::vector<std::uint8_t>> frames_of(const CaseBytes& bytes) {
  std::vector<std::vector<std::uint8_t>> frames;
  for (std::size_t at = 0; bytes.size() - at >= 4 && frames.size() < 64;) {
    Message message;
    message.type = static_cast<MessageType>(bytes[at] & 15);
    message.device = bytes[at + 1];
    const std::size_t count =
        std::min<std::size_t>(le_load<std::uint16_t>(&bytes[at + 2]), bytes.size() - at - 4);
    const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at + 4);
    message.payload.assign(from, from + static_cast<std::ptrdiff_t>(count));
    frames.push_back(encode_message(message, static_cast<std::uint32_t>(frames.size())));
    if (bytes[at] > 15) {
      frames.back()[bytes[at] % frames.back().size()] ^= 0x20;
    }
    at += 4 + count;
  }
  return frames;
}

DoorOutcome run_destination(FakeOs& os, const CaseBytes& bytes) {
  ScriptedChannel channel(frames_of(bytes));
  PlainGuest guest;
  Vmm vmm(os, VmmParams());
  const auto report = vmm.migrate_in(guest, channel);
  if (!report) {
    return {false, "destination", "the destination does not even report: " + report.error().text};
  }
  const bool completed = report.value().outcome == "completed";
  DoorOutcome out =
      completed ? DoorOutcome{true, "OK", ""} : refused("destination", report.value().error.code);
  if (guest.outside) {
    out.finding = "a page outside the guest's memory is written";
  } else if (guest.running != completed) {
    out.finding = "the guest runs after a migration that failed";
  } else if (!completed && (guest.device.now != MigState::running || !guest.device.was_reset)) {
    out.finding = "the device is not reset after a migration that failed";
  }
  return out;
}

// ---- user API ----

/// Calls of the user API; one byte of the case chooses the call, the rest is its structure.
class Uapi {
 public:
  Uapi() {
    FakePlatform& vf = bench_.vf_platform;
    vf.config_write(0x06, 1U << 4, 2);  // capabilities: PCI Express, MSI-X
    vf.config_write(0x34, 0x40, 1);
    vf.config_write(0x40, 0x5010, 2);
    vf.config_write(0x50, 0x0011, 2);
    good_ = bench_.start_up();
    bench_.platform.set_memory_limit(bench_.platform.allocated() + kMemoryLimit);
  }

  /// A saved configuration space, with right check sums if `seal`.
  DoorOutcome restore(CaseBytes bytes, bool seal) {
    if (seal && bytes.size() > 4) {
      le_store<std::uint32_t>(&bytes[bytes.size() - 4], crc32c(bytes.data(), bytes.size() - 4));
    }
    const auto restored = bench_.driver->restore_config(bytes);
    DoorOutcome out =
        restored ? DoorOutcome{true, "OK", ""} : refused("config", restored.error().code);
    const auto again = bench_.driver->save_config();
    if (!again) {
      out.finding = "the configuration space cannot be saved again";
    } else if (restored && again.value().size() != bytes.size()) {
      out.finding = "the configuration space is saved with another length";
    }
    return out;
  }
  [[nodiscard]] CaseBytes saved() {
    auto bytes = bench_.driver->save_config();
    return bytes ? bytes.value() : CaseBytes();
  }

  DoorOutcome run(const CaseBytes& bytes) {
    if (!good_) {
      return {false, "", "the rig does not come up"};
    }
    FdTable fds;
    VfioUapi uapi(*bench_.driver, fds);
    DoorOutcome out{true, "OK", ""};
    std::size_t at = 0;
    for (int calls = 0; calls < 8 && bytes.size() - at >= 2 && out.finding.empty(); ++calls) {
      const std::size_t count = std::min<std::size_t>(bytes[at + 1], bytes.size() - at - 2);
      const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at + 2);
      const long result = call(uapi, bytes[at], {from, from + static_cast<std::ptrdiff_t>(count)});
      if (result < 0) {
        out = refused("uapi", static_cast<int>(-result));
      }
      at += 2 + count;
    }
    if (!bench_.driver->reset()) {
      out.finding = "the device cannot be reset";
    } else if (bench_.state() != MigState::running) {
      out.finding = "the device does not run after its reset";
    }
    bench_.device.forget_commands();
    return out;
  }

 private:
  static long call(VfioUapi& uapi, std::uint8_t which, CaseBytes arg) {
    // Memory of the caller that the structures point to.
    std::vector<std::uint8_t> memory(1U << 16);
    int fd = arg.empty() ? 3 : 2 + arg[0] % 4;
    switch (which % 8) {
      case 0:
      case 1:
      case 2:
      case 3:
        point_to(arg, memory);
        return uapi.device_feature(arg.empty() ? nullptr : arg.data(), arg.size());
      case 4:
        return uapi.mig_ioctl(fd, VfioAbi::kIoctlPrecopyInfo, arg.data(), arg.size());
      case 5:
        return uapi.read(fd, memory.data(), memory.size(), true);
      case 6:
        return uapi.write(fd, arg.data(), arg.size());
      default:
        return which % 16 == 7 ? uapi.close(fd) : uapi.pread(fd, memory.data(), 16, 4096);
    }
  }

  /// Pointers are the caller's business: they point to `memory`, or to nothing, and what they point
  /// to is as long as the structure says.
  static void point_to(CaseBytes& arg, std::vector<std::uint8_t>& memory) {
    constexpr std::size_t kHeader = sizeof(VfioAbi::Header);
    if (arg.size() < kHeader) {
      return;
    }
    const std::uint32_t feature = le_load<std::uint32_t>(&arg[4]) & VfioAbi::kFeatureMask;
    const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    std::uint8_t* data = arg.data() + kHeader;
    if (feature == VfioAbi::kLoggingStart && arg.size() >= kHeader + 24) {
      // 256 ranges of 16 bytes fit; the ranges are the structure's own bytes again and again.
      for (std::size_t i = 0; i < memory.size() && arg.size() > kHeader; ++i) {
        memory[i] = arg[kHeader + i % (arg.size() - kHeader)];
      }
      le_store<std::uint64_t>(data + 16, data[16] == 0 ? 0 : address);
    } else if (feature == VfioAbi::kLoggingReport && arg.size() >= kHeader + 32) {
      const auto length = le_load<std::uint64_t>(data + 8);
      const auto page = le_load<std::uint64_t>(data + 16);
      const bool fits = page != 0 && length / page / 8 + 8 <= memory.size();
      le_store<std::uint64_t>(data + 24, fits ? address : 0);
    }
  }

  FakeBench bench_;
  bool good_ = false;
};

class StreamDoor final : public Door {
 public:
  CaseBytes make(CaseRandom& random) override {
    const std::uint64_t what = below(random, 100);
    CaseBytes bytes;
    Part part = Part::message;
    if (what < 25) {
      part = Part::records;
      bytes = make_records(random);
    } else if (what < 60) {
      bytes = make_message(random);
    } else if (what < 80) {
      part = Part::destination;
      bytes = make_migration(random);
    } else if (what < 96) {
      part = Part::uapi;
      bytes = make_calls(random);
    } else {
      part = Part::config;
      bytes = uapi().saved();
      spoil(random, bytes);
      bytes.insert(bytes.begin(), static_cast<std::uint8_t>(random() & 1U));
    }
    bytes.insert(bytes.begin(), static_cast<std::uint8_t>(part));
    return bytes;
  }

  DoorOutcome run(const CaseBytes& bytes) override {
    if (bytes.empty()) {
      return {false, "EMPTY", ""};
    }
    const CaseBytes rest(bytes.begin() + 1, bytes.end());
    switch (static_cast<Part>(bytes[0] % static_cast<std::uint8_t>(Part::kinds))) {
      case Part::records:
        return rest.empty() ? DoorOutcome{false, "EMPTY", ""}
                            : resumer().run({rest.begin() + 1, rest.end()}, rest[0]);
      case Part::message:
        return run_message(rest);
      case Part::destination:
        return run_destination(os(), rest);
      case Part::config:
        return rest.empty() ? DoorOutcome{false, "EMPTY", ""}
                            : uapi().restore({rest.begin() + 1, rest.end()}, rest[0] % 2 != 0);
      default:
        return uapi().run(rest);
    }
  }

  std::vector<CaseBytes> seeds() override {
    std::vector<CaseBytes> all;
    CaseRandom random(1);
    for (int i = 0; i < 64; ++i) {
      all.push_back(make(random));
    }
    return all;
  }

 private:
  // Made where they are used: each has threads of its own.
  Resumer& resumer() {
    if (!resumer_) {
      resumer_.emplace();
    }
    return *resumer_;
  }
  Uapi& uapi() {
    if (!uapi_) {
      uapi_.emplace();
    }
    return *uapi_;
  }
  FakeOs& os() {
    if (!os_) {
      os_.emplace();
    }
    return *os_;
  }

  static void add_record(CaseRandom& random, CaseBytes& bytes) {
    RecordHeader header;
    header.tag = static_cast<std::uint32_t>(below(random, 3));
    header.flags = header.tag == 0 ? 0 : 1;
    header.bytes = header.tag == RecordHeader::kStopCopySize ? 8 : 1 + below(random, 300);
    if (chance(random, 15)) {
      header.bytes = odd_value(random, header.bytes, 64);
    }
    if (chance(random, 10)) {
      header.tag = static_cast<std::uint32_t>(odd_value(random, header.tag, 32));
    }
    if (chance(random, 10)) {
      header.flags = static_cast<std::uint32_t>(odd_value(random, header.flags, 32));
    }
    const auto head = header.encode();
    bytes.insert(bytes.end(), head.begin(), head.end());
    const std::uint64_t payload = std::min<std::uint64_t>(header.bytes, 400);
    for (std::uint64_t i = 0; i < payload; ++i) {
      bytes.push_back(
          static_cast<std::uint8_t>(i < 8 && header.tag == 1 ? (i == 1 ? 0x10 : 0) : random()));
    }
  }

  static CaseBytes make_records(CaseRandom& random) {
    CaseBytes bytes;
    for (std::uint64_t more = 1 + below(random, 4); more > 0; --more) {
      add_record(random, bytes);
    }
    if (chance(random, 30)) {
      spoil(random, bytes);
    }
    bytes.insert(bytes.begin(), static_cast<std::uint8_t>(chance(random, 50) ? 0 : random()));
    return bytes;
  }

  static CaseBytes make_message(CaseRandom& random) {
    Message message;
    message.type = static_cast<MessageType>(1 + below(random, 9));
    message.device = static_cast<std::uint16_t>(below(random, 3));
    message.argument = odd_value(random, 1, 64);
    message.payload.resize(below(random, 100));
    CaseBytes frame = encode_message(message, chance(random, 90) ? 3 : 4);
    if (chance(random, 50)) {  // a field, with the right check sums
      const std::size_t at = below(random, 28);
      frame[at] = static_cast<std::uint8_t>(odd_value(random, frame[at], 8));
      le_store<std::uint32_t>(&frame[28], crc32c(frame.data(), 28));
    } else if (chance(random, 80)) {
      spoil(random, frame);
    }
    return frame;
  }

  static void add_message(CaseRandom& random, CaseBytes& bytes, MessageType type,
                          const CaseBytes& payload) {
    auto kind = static_cast<std::uint8_t>(type);
    if (chance(random, 4)) {
      kind = static_cast<std::uint8_t>(below(random, chance(random, 50) ? 16 : 256));
    }
    bytes.push_back(kind);
    bytes.push_back(static_cast<std::uint8_t>(chance(random, 97) ? 0 : random()));
    le_append<std::uint16_t>(bytes, static_cast<std::uint16_t>(payload.size()));
    bytes.insert(bytes.end(), payload.begin(), payload.end());
  }

  static CaseBytes make_pages(CaseRandom& random) {
    CaseBytes payload;
    for (std::uint64_t more = 1 + below(random, 3); more > 0; --more) {
      std::uint64_t address = below(random, 256) * kGuestPage;
      const bool zero = chance(random, 70);
      if (chance(random, 8)) {
        address = odd_value(random, address, 64);
      }
      le_append<std::uint64_t>(payload, (address & ~1ULL) | (zero ? 1U : 0U));
      payload.resize(payload.size() + (zero ? 0 : kGuestPage), 7);
    }
    if (chance(random, 8)) {
      payload.resize(below(random, payload.size()));
    }
    return payload;
  }

  /// A whole migration with a mistake or none.
  static CaseBytes make_migration(CaseRandom& random) {
    CaseBytes hello = hello_payload();
    if (chance(random, 10)) {
      spoil(random, hello);
    }
    CaseBytes bytes;
    add_message(random, bytes, MessageType::hello, hello);
    for (std::uint64_t more = below(random, 4); more > 0; --more) {
      add_message(random, bytes, MessageType::pages, make_pages(random));
    }
    add_message(random, bytes, MessageType::device_data, CaseBytes(below(random, 64)));
    if (chance(random, 95)) {
      add_message(random, bytes, MessageType::device_end, {});
    }
    if (chance(random, 95)) {
      add_message(random, bytes, MessageType::config, CaseBytes(below(random, 64)));
    }
    add_message(random, bytes, MessageType::finish, {});
    if (chance(random, 15)) {
      spoil(random, bytes);
    }
    return bytes;
  }

  static CaseBytes make_feature(CaseRandom& random) {
    static constexpr std::uint32_t kFeatures[] = {1, 2, 2, 2, 6, 6, 7, 8, 8, 9, 12, 3};
    const std::uint32_t feature = kFeatures[below(random, std::size(kFeatures))];
    CaseBytes arg;
    std::uint32_t size = feature == 6 ? 32 : feature == 8 ? 40 : 16;
    std::uint32_t flags = feature | (chance(random, 60) ? VfioAbi::kSet : VfioAbi::kGet);
    if (feature == 8) {
      flags = feature | VfioAbi::kGet;
    }
    if (chance(random, 15)) {
      flags = static_cast<std::uint32_t>(odd_value(random, flags, 32));
    }
    le_append<std::uint32_t>(
        arg, chance(random, 90) ? size : static_cast<std::uint32_t>(odd_value(random, size, 32)));
    le_append<std::uint32_t>(arg, flags);
    if (feature == 2) {
      le_append<std::uint32_t>(
          arg, static_cast<std::uint32_t>(chance(random, 95) ? below(random, 9) : random()));
      le_append<std::uint32_t>(arg, 0);
    } else {
      le_append<std::uint64_t>(arg, chance(random, 80) ? 4096 : odd_value(random, 4096, 64));
      le_append<std::uint64_t>(
          arg, chance(random, 60) ? 1 + below(random, 3) : odd_value(random, 1, 64));
      le_append<std::uint64_t>(arg, chance(random, 80) ? 4096 : odd_value(random, 4096, 64));
      le_append<std::uint64_t>(arg, 1);
    }
    arg.resize(chance(random, 90) ? size : below(random, 64));
    return arg;
  }

  static CaseBytes make_calls(CaseRandom& random) {
    CaseBytes bytes;
    for (std::uint64_t more = 1 + below(random, 5); more > 0; --more) {
      const bool feature = chance(random, 70);
      const CaseBytes arg = feature ? make_feature(random) : CaseBytes(1 + below(random, 40), 0x18);
      bytes.push_back(static_cast<std::uint8_t>(feature ? 0 : 4 + below(random, 12)));
      bytes.push_back(static_cast<std::uint8_t>(arg.size()));
      bytes.insert(bytes.end(), arg.begin(), arg.end());
    }
    return bytes;
  }

  std::optional<Resumer> resumer_;
  std::optional<Uapi> uapi_;
  std::optional<FakeOs> os_;
};

}  // namespace

std::unique_ptr<Door> make_stream_door(vf_fault_set) {
  return std::make_unique<StreamDoor>();
}

}  // namespace vfsim::bench
