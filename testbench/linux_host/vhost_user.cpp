#include "testbench/linux_host/vhost_user.hpp"

#include <cstring>
#include <fmt/format.h>

namespace vfsim::bench {
namespace {

enum Request : std::uint32_t {
  kGetFeatures = 1,
  kSetFeatures = 2,
  kSetOwner = 3,
  kSetMemTable = 5,
  kSetVringNum = 8,
  kSetVringAddr = 9,
  kSetVringBase = 10,
  kGetVringBase = 11,
  kSetVringKick = 12,
  kSetVringCall = 13,
  kSetVringErr = 14,
  kGetProtocolFeatures = 15,
  kSetProtocolFeatures = 16,
  kGetQueueNum = 17,
  kSetVringEnable = 18,
  kSetSlaveReqFd = 21,
  kVringKick = 35,
};
constexpr std::uint32_t kSlaveVringCall = 4;

constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kReplyFlag = 4;
constexpr std::uint32_t kNeedReply = 8;
// VIRTIO_F_VERSION_1, VHOST_USER_F_PROTOCOL_FEATURES
constexpr std::uint64_t kFeatures = 1ULL << 32 | 1ULL << 30;
// REPLY_ACK, SLAVE_REQ, INBAND_NOTIFICATIONS
constexpr std::uint64_t kProtocolFeatures = 1ULL << 3 | 1ULL << 5 | 1ULL << 14;

struct Region {
  std::uint64_t guest_address;
  std::uint64_t bytes;
  std::uint64_t user_address;
  std::uint64_t file_offset;
};
constexpr std::size_t kRegionsAt = 8;  // of SET_MEM_TABLE, behind their number

}  // namespace

struct VhostUser::Message {
  struct Header {
    std::uint32_t request;
    std::uint32_t flags;
    std::uint32_t bytes;
  };
  Header header{};
  std::array<std::uint8_t, 512> payload{};

  template <class T>
  [[nodiscard]] T at(std::size_t offset) const {
    T value;
    std::memcpy(&value, payload.data() + offset, sizeof(value));
    return value;
  }
  /// Whether so many bytes came; what did not reads 0.
  [[nodiscard]] bool has(std::size_t bytes) const { return header.bytes >= bytes; }
};

VhostUser::VhostUser(const GuestRam& ram, VirtioDevice& device)
    : device_(device), queues_{SplitQueue(ram), SplitQueue(ram)} {}

bool VhostUser::listen(const std::string& path) {
  listener_ = listen_at(path);
  return listener_.open();
}

int VhostUser::descriptor() const {
  return peer_.open() ? peer_.get() : listener_.get();
}

bool VhostUser::fail(const std::string& why) {
  error_ = why;
  peer_.close();
  calls_.close();
  return false;
}

bool VhostUser::serve() {
  if (!peer_.open()) {
    peer_ = accept_from(listener_);
    listener_.close();
    return peer_.open() || fail("a device of the guest could not be connected");
  }
  Message message;
  std::vector<Descriptor> passed;
  if (!read_with_descriptors(peer_, &message.header, sizeof(message.header), passed)) {
    peer_.close();  // the end of a guest, which its clock tells, too
    return true;
  }
  if (message.header.bytes > message.payload.size() ||
      !read_all(peer_, message.payload.data(), message.header.bytes)) {
    return fail(fmt::format("vhost-user request {} of {} bytes", message.header.request,
                            message.header.bytes));
  }
  return handle(message, passed);
}

bool VhostUser::reply(std::uint32_t request, std::uint64_t value) {
  struct {
    Message::Header header;
    std::uint32_t low, high;
  } answer{{request, kVersion | kReplyFlag, sizeof(value)},
           static_cast<std::uint32_t>(value),
           static_cast<std::uint32_t>(value >> 32)};
  if (!write_all(peer_, &answer, sizeof(answer))) {
    peer_.close();
  }
  return true;
}

bool VhostUser::acknowledge(const Message& message, bool accepted) {
  return (message.header.flags & kNeedReply) == 0 ||
         reply(message.header.request, accepted ? 0 : 1);
}

bool VhostUser::handle(const Message& message, std::vector<Descriptor>& passed) {
  switch (message.header.request) {
    case kGetFeatures:
      return reply(kGetFeatures, kFeatures);
    case kGetProtocolFeatures:
      return reply(kGetProtocolFeatures, kProtocolFeatures);
    case kGetQueueNum:
      return reply(kGetQueueNum, kQueues);
    case kSetFeatures:
    case kSetProtocolFeatures:
    case kSetOwner:
      return acknowledge(message, true);
    case kSetSlaveReqFd:
      if (!passed.empty()) {
        calls_ = std::move(passed.front());
      }
      return acknowledge(message, calls_.open());
    case kSetMemTable:
      return acknowledge(message, set_memory(message, passed));
    case kGetVringBase: {
      const auto index = message.at<std::uint32_t>(0);
      return reply(kGetVringBase, index < kQueues ? std::uint64_t{queues_[index].base()} << 32 | index
                                                  : index);
    }
    case kVringKick: {
      const auto index = message.at<std::uint32_t>(0);
      kick_waits_ = (message.header.flags & kNeedReply) != 0;
      if (index < kQueues && !device_.kicked(index)) {
        return true;
      }
      answer_kick();
      return true;
    }
    default:
      return acknowledge(message, change_queue(message));
  }
}

bool VhostUser::change_queue(const Message& message) {
  const auto index = message.at<std::uint32_t>(0) & 0xff;
  const auto number = message.at<std::uint32_t>(4);
  if (index >= kQueues || !message.has(8)) {
    return false;
  }
  SplitQueue& queue = queues_[index];
  switch (message.header.request) {
    case kSetVringNum:
      return queue.set_size(number);
    case kSetVringBase:
      queue.set_base(static_cast<std::uint16_t>(number));
      return true;
    case kSetVringAddr:
      // User addresses of the front end, which are its guest's physical ones.
      queue.set_addresses(message.at<std::uint64_t>(8), message.at<std::uint64_t>(24),
                          message.at<std::uint64_t>(16));
      return message.has(40);
    case kSetVringEnable:
      queue.enable(number != 0);
      return true;
    case kSetVringKick:
    case kSetVringCall:
    case kSetVringErr:
      return true;  // notifications are in band
    default:
      return false;
  }
}

bool VhostUser::set_memory(const Message& message, const std::vector<Descriptor>& passed) {
  const auto region = message.at<Region>(kRegionsAt);
  return message.has(kRegionsAt + sizeof(Region)) && message.at<std::uint32_t>(0) == 1 &&
         passed.size() == 1 && region.user_address == region.guest_address &&
         device_.memory(passed[0].get(), region.file_offset, region.guest_address, region.bytes);
}

void VhostUser::answer_kick() {
  if (std::exchange(kick_waits_, false)) {
    reply(kVringKick, 0);
  }
}

bool VhostUser::call(std::uint32_t queue) {
  const struct {
    Message::Header header;
    std::uint32_t index, number;
  } message{{kSlaveVringCall, kVersion | kNeedReply, 8}, queue, 0};
  return calls_.open() && write_all(calls_, &message, sizeof(message));
}

bool VhostUser::call_answered() {
  struct {
    Message::Header header;
    std::uint32_t low, high;
  } answer{};
  return read_all(calls_, &answer, sizeof(answer)) && answer.header.bytes == 8;
}

}  // namespace vfsim::bench
