#include "systemc/pcie/interrupts.hpp"

#include <algorithm>
#include <utility>

namespace vfsim::model {

InterruptRouter::Route* InterruptRouter::find(Rid rid, std::uint32_t data) {
  if (rid >= routes_.size()) {
    return nullptr;
  }
  auto& routes = routes_[rid];
  const auto route =
      std::find_if(routes.begin(), routes.end(), [data](const Route& r) { return r.data == data; });
  return route == routes.end() ? nullptr : &*route;
}

void InterruptRouter::add(Rid rid, std::uint32_t data, std::function<void()> handler) {
  auto shared = std::make_shared<const std::function<void()>>(std::move(handler));
  if (Route* old = find(rid, data)) {
    old->handler = std::move(shared);
    return;
  }
  if (rid >= routes_.size()) {
    routes_.resize(static_cast<std::size_t>(rid) + 1);
  }
  routes_[rid].push_back({data, std::move(shared)});
}

void InterruptRouter::remove_all(Rid rid) {
  if (rid < routes_.size()) {
    routes_[rid].clear();
  }
}

bool InterruptRouter::deliver(Rid rid, std::uint32_t data) {
  if (find(rid, data) == nullptr) {
    return false;
  }
  messages_.push({calendar_.now() + latency_, rid, data});
  if (!timer_.armed()) {
    calendar_.arm(timer_, messages_.front().due);
  }
  return true;
}

void InterruptRouter::call_handlers() {
  while (!messages_.empty() && messages_.front().due <= calendar_.now()) {
    const Message message = messages_.front();
    messages_.pop();
    if (const Route* route = find(message.rid, message.data)) {
      const auto handler = route->handler;
      (*handler)();
    }
  }
  if (!messages_.empty()) {
    calendar_.arm(timer_, messages_.front().due);
  }
}

}  // namespace vfsim::model
