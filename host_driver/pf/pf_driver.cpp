#include "host_driver/pf/pf_driver.hpp"

#include <algorithm>
#include <string>

#include "firmware/interface/layout.h"
#include "host_driver/cmd/commands.hpp"
#include "host_driver/pf/sriov.hpp"
#include "host_driver/resources/function_core.hpp"

namespace vfsim::driver {
namespace {

constexpr Nanoseconds kVfDisableWait{
    1'000'000'000};  // after VF Enable was cleared, before anything else

CoreOptions core_options(const PfOptions& options) {
  CoreOptions core;
  core.command = options.command;
  core.physical = true;
  core.completion_vectors = options.completion_vectors;
  core.log_async_eq = options.log_async_eq;
  core.health_poll = options.health_poll;
  core.health_period = options.health_period;
  return core;
}

}  // namespace

class PfDriver::Impl {
 public:
  Impl(Platform& platform, PfOptions options)
      : options_(options), core_(platform, core_options(options)), sriov_(platform) {}
  ~Impl() {
    if (core_.started()) {
      (void)!remove();
    }
  }

  Result<void> probe();
  Result<void> remove();
  Result<void> enable_sriov(std::uint16_t vfs);
  Result<void> disable_sriov();

  PfOptions options_;
  FunctionCore core_;
  SriovCapability sriov_;
  std::vector<VfListener*> listeners_;
  std::uint16_t num_vfs_ = 0;
  std::uint32_t port_events_ = 0;
  bool link_up_ = false;

 private:
  void tell(std::uint16_t vf, void (VfListener::*what)(std::uint16_t));
  Result<void> disable_functions(std::uint16_t enabled);
};

Result<void> PfDriver::Impl::probe() {
  if (core_.started()) {
    return fail(EBUSY, "the PF is probed already");
  }
  (void)!sriov_.find();  // a device without SR-IOV is still a NIC
  BOOST_OUTCOME_TRYV(core_.start());
  port_events_ =
      core_.on_async([this](std::uint8_t type, std::uint8_t sub_type, const std::uint8_t*) {
        if (type == VF_EVENT_PORT_CHANGE) {
          link_up_ =
              sub_type == VF_PORT_CHANGE_ACTIVE || (link_up_ && sub_type != VF_PORT_CHANGE_DOWN);
        }
      });
  if (const auto state = query_vport_state(core_.commands())) {
    link_up_ = state.value().up;
  }
  return ok();
}

Result<void> PfDriver::Impl::remove() {
  Result<void> first = disable_sriov();
  core_.forget_async(port_events_);
  auto stopped = core_.stop();
  core_.commands().detach(ENOTCONN);
  return first ? std::move(stopped) : std::move(first);
}

void PfDriver::Impl::tell(std::uint16_t vf, void (VfListener::*what)(std::uint16_t)) {
  const auto listeners = listeners_;  // a listener may take itself off
  for (VfListener* listener : listeners) {
    (listener->*what)(vf);
  }
}

Result<void> PfDriver::Impl::enable_sriov(std::uint16_t vfs) {
  if (!core_.started()) {
    return fail(ENODEV, "SR-IOV: the PF is not probed");
  }
  if (num_vfs_ != 0) {
    return fail(EBUSY, "SR-IOV is enabled already with " + std::to_string(num_vfs_) + " VFs");
  }
  if (vfs == 0 || vfs > sriov_.total_vfs()) {
    return fail(vfs == 0 ? EINVAL : ERANGE,
                "SR-IOV: " + std::to_string(vfs) + " VFs asked for, 1 to " +
                    std::to_string(sriov_.total_vfs()) + " are possible");
  }
  for (std::uint16_t vf = 0; vf < vfs; ++vf) {
    tell(vf, &VfListener::vf_enabled);
    if (auto enabled = enable_hca(core_.commands(), vf_function_id(vf)); !enabled) {
      tell(vf, &VfListener::vf_disabled);
      (void)!disable_functions(vf);
      return enabled;
    }
  }
  const VfRouting routing = sriov_.set_num_vfs(vfs);
  if (routing.first_offset == 0 || (vfs > 1 && routing.stride == 0)) {
    (void)!disable_functions(vfs);
    return fail(EIO, "SR-IOV: First VF Offset or VF Stride is 0");
  }
  sriov_.enable(true);
  num_vfs_ = vfs;
  core_.platform().os().sleep(options_.sriov_settle);
  return ok();
}

/// DISABLE_HCA from the last of the first `enabled` VFs down; everything is tried.
Result<void> PfDriver::Impl::disable_functions(std::uint16_t enabled) {
  Result<void> first = ok();
  for (std::uint16_t vf = enabled; vf-- > 0;) {
    tell(vf, &VfListener::vf_disabled);
    auto disabled = disable_hca(core_.commands(), vf_function_id(vf));
    if (!disabled && first) {
      first = std::move(disabled);
    }
  }
  return first;
}

Result<void> PfDriver::Impl::disable_sriov() {
  if (num_vfs_ == 0) {
    return ok();
  }
  const std::uint16_t vfs = num_vfs_;
  // Sessions end while their VFs still answer; only then may the functions vanish from the bus.
  for (std::uint16_t vf = vfs; vf-- > 0;) {
    tell(vf, &VfListener::vf_disabled);
  }
  num_vfs_ = 0;
  sriov_.enable(false);
  core_.platform().os().sleep(kVfDisableWait);
  (void)sriov_.set_num_vfs(0);
  Result<void> first = ok();
  for (std::uint16_t vf = vfs; vf-- > 0;) {
    auto disabled = disable_hca(core_.commands(), vf_function_id(vf));
    if (!disabled && first) {
      first = std::move(disabled);
    }
  }
  auto returned = core_.pages().wait_for_vf_pages(options_.vf_pages_timeout);
  return first ? std::move(returned) : std::move(first);
}

PfDriver::PfDriver(Platform& platform, PfOptions options)
    : impl_(std::make_unique<Impl>(platform, options)) {}
PfDriver::~PfDriver() = default;

Result<void> PfDriver::probe() {
  return impl_->probe();
}
Result<void> PfDriver::remove() {
  return impl_->remove();
}
Result<void> PfDriver::enable_sriov(std::uint16_t vfs) {
  return impl_->enable_sriov(vfs);
}
Result<void> PfDriver::disable_sriov() {
  return impl_->disable_sriov();
}
std::uint16_t PfDriver::num_vfs() const {
  return impl_->num_vfs_;
}
std::uint16_t PfDriver::total_vfs() const {
  return impl_->sriov_.total_vfs();
}
Health PfDriver::health() const {
  return impl_->core_.health();
}
bool PfDriver::link_up() const {
  return impl_->link_up_;
}
const Bytes& PfDriver::capability(std::uint32_t type) const {
  return impl_->core_.capability(type);
}
std::size_t PfDriver::firmware_pages() const {
  return impl_->core_.pages().held();
}

void PfDriver::add_listener(VfListener& listener) {
  impl_->listeners_.push_back(&listener);
}
void PfDriver::remove_listener(VfListener& listener) {
  auto& list = impl_->listeners_;
  list.erase(std::remove(list.begin(), list.end(), &listener), list.end());
}

CommandChannel& PfDriver::commands() {
  return impl_->core_.commands();
}
Platform& PfDriver::platform() {
  return impl_->core_.platform();
}
const PfOptions& PfDriver::options() const {
  return impl_->options_;
}
std::uint32_t PfDriver::uar() const {
  return impl_->core_.uar();
}
std::uint8_t PfDriver::completion_eqn() const {
  return impl_->core_.completion_eqn(0);
}
void PfDriver::on_completion(std::uint32_t cqn, std::function<void()> handler) {
  impl_->core_.on_completion(cqn, std::move(handler));
}
void PfDriver::forget_completion(std::uint32_t cqn) {
  impl_->core_.forget_completion(cqn);
}
std::uint32_t PfDriver::on_async(
    std::function<void(std::uint8_t type, std::uint8_t sub_type, const std::uint8_t* data)>
        handler) {
  return impl_->core_.on_async(std::move(handler));
}
void PfDriver::forget_async(std::uint32_t id) {
  impl_->core_.forget_async(id);
}

}  // namespace vfsim::driver
