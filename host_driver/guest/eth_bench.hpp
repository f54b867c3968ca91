// Unit tests of what drives an EthDriver: a fake device with a data path.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "host_driver/guest/eth_driver.hpp"
#include "host_driver/platform/fake_device.hpp"

namespace vfsim::driver {

/// A data path behind the command device: executes send requests at the doorbell, fills receive
/// buffers on demand.
class EthBench {
 protected:
  using Frame = std::vector<std::uint8_t>;

  EthBench() {
    auto& general = device_.capability(VF_CAP_GENERAL);
    VF_SET(cmd_hca_cap, general.data(), eth_net_offloads, 1);
    VF_SET(cmd_hca_cap, general.data(), nic_flow_table, 1);
    device_.capability(VF_CAP_ETHERNET).resize(4096);
    device_.capability(VF_CAP_FLOW_TABLE).resize(4096);
    options_.log_sq_size = 3;
    options_.log_rq_size = 3;
    for (const std::uint32_t opcode : {VF_OP_CREATE_SQ, VF_OP_CREATE_RQ, VF_OP_CREATE_CQ}) {
      device_.on(opcode, [this, opcode](const FakeCommand& command) {
        created_[opcode].push_back(command.in);
        const FakeReply reply = device_.standard(command);
        numbers_[opcode].push_back(vf_be32_load(reply.out.data() + 8) & 0xffffff);
        return reply;
      });
    }
    device_.on_send_doorbell([this](std::uint64_t value) {
      const auto index = static_cast<std::uint16_t>(value >> 40);
      os_.after(std::chrono::microseconds(5), [this, index] { execute_sends(index); });
    });
  }

  const std::uint8_t* wq_of(std::uint32_t opcode) { return created_.at(opcode).back().data() + 80; }
  std::uint64_t ring_of(std::uint32_t opcode) {
    return vf_be64_load(created_.at(opcode).back().data() + 272);
  }

  std::uint64_t to_bus(std::uint32_t lkey, std::uint64_t address) {
    return lkey == physical_key() ? address : buffers() + address;
  }
  std::uint32_t physical_key() { return mkeys().front().first; }
  std::uint64_t buffers() { return mkeys().at(1).second; }
  /// Keys with the first page of their list, in order of creation; numbers as FakeDevice gives
  /// them.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> mkeys() { return mkeys_; }

  void execute_sends(std::uint16_t last) {
    for (; static_cast<std::uint16_t>(last - sent_index_) < 0x8000; ++sent_index_) {
      std::array<std::uint8_t, 64> wqe{};
      platform_.mem_read(ring_of(VF_OP_CREATE_SQ) + (sent_index_ & 7U) * 64, wqe.data(),
                         wqe.size());
      const auto header =
          static_cast<std::size_t>(VF_GET(wqe_eth, wqe.data() + 16, inline_hdr_size));
      Frame frame(wqe.begin() + 30, wqe.begin() + 30 + static_cast<std::ptrdiff_t>(header));
      const std::uint8_t* const segment = wqe.data() + (VF_GET(wqe_ctrl, wqe.data(), ds) - 1) * 16;
      const auto length = static_cast<std::size_t>(VF_GET(wqe_data, segment, byte_count));
      frame.resize(header + length);
      platform_.mem_read(to_bus(static_cast<std::uint32_t>(VF_GET(wqe_data, segment, lkey)),
                                VF_GET(wqe_data, segment, addr)),
                         frame.data() + header, length);
      wire_.push_back(frame);
      complete(0, send_opcode_, sent_index_, 0);
      if (on_frame_) {
        on_frame_(frame);
      }
    }
  }
  void complete(std::size_t cq, std::uint32_t opcode, std::uint16_t index, std::uint32_t bytes) {
    Cqe entry{};
    VF_SET(cqe, entry.data(), opcode, opcode);
    VF_SET(cqe, entry.data(), wqe_counter, index);
    VF_SET(cqe, entry.data(), byte_cnt, bytes);
    VF_SET(cqe, entry.data(), syndrome, 0x22);
    device_.post_cqe(numbers_.at(VF_OP_CREATE_CQ).at(cq), entry);
  }
  using Cqe = std::array<std::uint8_t, 64>;
  /// Scatters the frame over the segments of the next receive entry; those through the key of a
  /// peer's page go to `peer_`.
  void deliver(const Frame& frame) {
    const std::uint64_t stride = 1ULL << VF_GET(wq, wq_of(VF_OP_CREATE_RQ), log_wq_stride);
    const std::uint64_t entry = ring_of(VF_OP_CREATE_RQ) + (received_index_ & 7U) * stride;
    std::size_t done = 0;
    for (std::uint64_t at = 0; at < stride && done < frame.size(); at += 16) {
      std::array<std::uint8_t, 16> segment{};
      platform_.mem_read(entry + at, segment.data(), segment.size());
      const auto lkey = static_cast<std::uint32_t>(VF_GET(wqe_data, segment.data(), lkey));
      const std::uint64_t address = VF_GET(wqe_data, segment.data(), addr);
      const auto bytes = std::min<std::size_t>(
          static_cast<std::size_t>(VF_GET(wqe_data, segment.data(), byte_count)),
          frame.size() - done);
      const std::uint8_t* const from = frame.data() + done;
      if (mkeys().size() > 2 && lkey == mkeys()[2].first) {
        peer_.emplace_back(mkeys()[2].second + address, Frame(from, from + bytes));
      } else {
        platform_.mem_write(to_bus(lkey, address), from, bytes);
      }
      done += bytes;
    }
    complete(1, VF_CQE_RESP_SEND, received_index_++, static_cast<std::uint32_t>(frame.size()));
  }

  Result<void> probe() {
    device_.on(VF_OP_CREATE_MKEY, [this](const FakeCommand& command) {
      const FakeReply reply = device_.standard(command);
      mkeys_.emplace_back((vf_be32_load(reply.out.data() + 8) & 0xffffff) << 8,
                          command.in.size() > 272 ? vf_be64_load(command.in.data() + 272) : 0);
      return reply;
    });
    driver_ = std::make_unique<EthDriver>(platform_, options_);
    return driver_->probe();
  }

  FakeOs os_;
  FakePlatform platform_{os_};
  FakeDevice device_{platform_};
  EthOptions options_;
  std::map<std::uint32_t, std::vector<std::vector<std::uint8_t>>> created_;
  std::map<std::uint32_t, std::vector<std::uint32_t>> numbers_;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> mkeys_;
  std::vector<Frame> wire_;
  std::function<void(const Frame&)> on_frame_;  // called for each of them
  std::vector<std::pair<std::uint64_t, Frame>> peer_;  // bus address, bytes
  std::uint16_t sent_index_ = 0;
  std::uint16_t received_index_ = 0;
  std::uint32_t send_opcode_ = VF_CQE_REQ;
  std::unique_ptr<EthDriver> driver_;  // last: it goes before the machine
};

}  // namespace vfsim::driver
