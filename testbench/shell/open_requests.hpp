// Requests of devices that are under way: reads without their last completion, writes that have not landed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "systemc/common/probe.hpp"

namespace vfsim::bench {

struct OpenRequest {
  model::Ps sent = 0;
  model::Tlp tlp;
};

/// As seen on the link and in memory.
class OpenRequests {
 public:
  void sent(model::Ps t, std::uint8_t host, const model::Tlp& tlp) {
    if (tlp.kind == model::TlpKind::mem_read || tlp.kind == model::TlpKind::mem_write) {
      of(host, tlp.requester).push_back({t, tlp});
    }
  }
  /// Writes of one requester through one path land in the order in which they were sent, but for relaxed ones.
  void landed(std::uint8_t host, const model::Tlp& tlp) {
    if (tlp.kind == model::TlpKind::mem_write) {
      remove(host, tlp, [&](const OpenRequest& r) {
        return r.tlp.kind == tlp.kind && r.tlp.addr == tlp.addr && r.tlp.bytes == tlp.bytes;
      });
    }
  }
  void received(std::uint8_t host, const model::Tlp& tlp) {
    if (tlp.kind == model::TlpKind::completion && tlp.last) {
      remove(host, tlp, [&](const OpenRequest& r) { return r.tlp.kind == model::TlpKind::mem_read && r.tlp.tag == tlp.tag; });
    }
  }
  /// A reset ends what the function waits for.
  void reset(std::uint8_t host, model::Rid requester) {
    auto& list = of(host, requester);
    list.erase(std::remove_if(list.begin(), list.end(),
                              [](const OpenRequest& r) { return r.tlp.kind == model::TlpKind::mem_read; }),
               list.end());
  }

  /// Of one requester, oldest first.
  [[nodiscard]] const std::vector<OpenRequest>& list(std::uint8_t host, model::Rid requester) const {
    static const std::vector<OpenRequest> kNone;
    const auto found = lists_.find(key(host, requester));
    return found == lists_.end() ? kNone : found->second;
  }

 private:
  static std::uint32_t key(std::uint8_t host, model::Rid requester) {
    return static_cast<std::uint32_t>(host) << 16 | requester;
  }
  std::vector<OpenRequest>& of(std::uint8_t host, model::Rid requester) { return lists_[key(host, requester)]; }
  template <class Match>
  void remove(std::uint8_t host, const model::Tlp& tlp, const Match& match) {
    auto& list = of(host, tlp.requester);
    const auto found = std::find_if(list.begin(), list.end(), match);
    if (found != list.end()) {
      list.erase(found);
    }
  }

  std::map<std::uint32_t, std::vector<OpenRequest>> lists_;
};

}  // namespace vfsim::bench
