#include "systemc/pcie/cpu_requests.hpp"

#include <algorithm>

namespace vfsim::model {

std::uint16_t CpuRequests::tag_of(std::size_t index) const {
  return static_cast<std::uint16_t>(requests_[index]->generation << kIndexBits | index);
}

std::uint16_t CpuRequests::open() {
  const auto idle =
      std::find_if(requests_.begin(), requests_.end(), [](const auto& r) { return !r->busy; });
  const auto index = static_cast<std::size_t>(idle - requests_.begin());
  if (idle == requests_.end()) {
    requests_.push_back(std::make_unique<Request>());
  }
  Request& request = *requests_[index];
  request.busy = true;
  request.answered = false;
  ++request.generation;
  return tag_of(index);
}

CpuRead CpuRequests::wait(std::uint16_t tag) {
  Request& request = *requests_[tag % (1U << kIndexBits)];
  calendar_.wait(request.done, calendar_.now() + kTimeout);
  request.busy = false;
  return request.answered ? request.result : CpuRead{CplStatus::unsupported_request, ~0ULL};
}

void CpuRequests::complete(const Tlp& tlp, const std::uint8_t* payload) {
  const std::size_t index = tlp.tag % (1U << kIndexBits);
  if (index >= requests_.size() || tag_of(index) != tlp.tag) {
    return;
  }
  Request& request = *requests_[index];
  if (!request.busy || request.answered) {
    return;
  }
  request.answered = true;
  request.result = {tlp.status, ~0ULL};
  if (tlp.status == CplStatus::successful) {
    request.result.value = 0;
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(tlp.bytes, 8); ++i) {
      request.result.value |= static_cast<std::uint64_t>(payload[i]) << (8 * i);
    }
  }
  calendar_.notify(request.done);
}

}  // namespace vfsim::model
