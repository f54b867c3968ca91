// Interrupt remapping and delivery to the CPU.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "systemc/common/calendar.hpp"
#include "systemc/common/ring.hpp"
#include "systemc/pcie/tlp.hpp"

namespace vfsim::model {

/// A message (requester, data) that has a route calls its handler one latency after arrival, in
/// order of arrival. Handlers run in calendar time: they must not block.
class InterruptRouter {
 public:
  InterruptRouter(Calendar& calendar, Ps latency) : calendar_(calendar), latency_(latency) {}

  /// Replaces an older route of the same message.
  void add(Rid rid, std::uint32_t data, std::function<void()> handler);
  /// Messages of `rid` under way to their handler are dropped with the routes.
  void remove_all(Rid rid);
  /// False: no such route, the message is refused.
  bool deliver(Rid rid, std::uint32_t data);

 private:
  struct Route {
    std::uint32_t data = 0;
    std::shared_ptr<const std::function<void()>>
        handler;  // shared: a handler may remove its own route
  };
  struct Message {
    Ps due = 0;
    Rid rid = 0;
    std::uint32_t data = 0;
  };

  [[nodiscard]] Route* find(Rid rid, std::uint32_t data);
  void call_handlers();

  Calendar& calendar_;
  const Ps latency_;
  std::vector<std::vector<Route>> routes_;  // by requester id
  Ring<Message> messages_{64};
  MethodTimer<InterruptRouter, &InterruptRouter::call_handlers> timer_{*this};
};

}  // namespace vfsim::model
