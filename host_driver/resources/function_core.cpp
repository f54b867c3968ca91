#include "host_driver/resources/function_core.hpp"

#include <algorithm>

namespace vfsim::driver {
namespace {

/// Event types of the asynchronous queue that every device may post: path and queue errors, port
/// changes.
constexpr std::uint64_t kAsyncMask = 0x1f02be;
constexpr std::uint64_t bit(unsigned event) {
  return std::uint64_t{1} << event;
}
constexpr std::uint64_t kMaxLogQp = 18;
constexpr std::size_t kHostEndiannessBytes = 16;

}  // namespace

FunctionCore::FunctionCore(Platform& platform, CoreOptions options)
    : platform_(platform),
      options_(std::move(options)),
      channel_(platform, options_.command),
      pages_(platform, channel_),
      health_(platform, options_.health_period, [this] { channel_.detach(ENXIO); }) {}

FunctionCore::~FunctionCore() {
  if (!undo_.empty()) {
    (void)!stop();
  }
}

Result<void> FunctionCore::start() {
  static constexpr Step kSteps[] = {
      &FunctionCore::start_queue,    &FunctionCore::enable,
      &FunctionCore::select_issi,    &FunctionCore::boot_pages,
      &FunctionCore::set_registers,  &FunctionCore::set_capabilities,
      &FunctionCore::init,           &FunctionCore::read_capabilities,
      &FunctionCore::make_uar,       &FunctionCore::make_command_eq,
      &FunctionCore::make_async_eqs, &FunctionCore::make_completion_eqs,
  };
  for (const Step step : kSteps) {
    if (auto done = (this->*step)(); !done) {
      (void)!undo_.unwind();
      return done;
    }
  }
  started_ = true;
  return ok();
}

Result<void> FunctionCore::stop() {
  started_ = false;
  return undo_.unwind();
}

Result<void> FunctionCore::start_queue() {
  channel_.attach();
  channel_.set_checksums(false);  // a device starts without, see set_capabilities()
  BOOST_OUTCOME_TRYV(channel_.start());
  undo_.push([this]() -> Result<void> {
    channel_.stop();
    return ok();
  });
  return ok();
}

Result<void> FunctionCore::enable() {
  BOOST_OUTCOME_TRYV(enable_hca(channel_, 0));
  undo_.push([this] { return disable_hca(channel_, 0); });
  if (options_.health_poll) {
    health_.start();
    undo_.push([this]() -> Result<void> {
      health_.stop();
      return ok();
    });
  }
  return ok();
}

Result<void> FunctionCore::select_issi() {
  const auto supported = query_issi(channel_);
  if (!supported) {
    // A device that does not know the query has step 0 only.
    return supported.error().status != 0 ? Result<void>(ok()) : Result<void>(supported.error());
  }
  return (supported.value() & 2U) != 0 ? set_issi(channel_, 1) : Result<void>(ok());
}

Result<void> FunctionCore::boot_pages() {
  undo_.push([this] { return pages_.take_all_back(); });
  return pages_.satisfy(VF_PAGES_BOOT);
}

Result<void> FunctionCore::set_registers() {
  if (platform_.read32(VF_BAR_CMDQ_INIT_TO) != 0) {
    BOOST_OUTCOME_TRYV(read_register(channel_, VF_REG_DTOR, Bytes(VF_BYTES(dtor_reg))));
  }
  if (options_.physical) {
    BOOST_OUTCOME_TRYV(write_register(channel_, VF_REG_HOST_ENDIANNESS,
                                      Bytes(kHostEndiannessBytes)));  // 0: little
  }
  return ok();
}

Result<void> FunctionCore::set_capabilities() {
  BOOST_OUTCOME_TRY(general, query_hca_cap(channel_, VF_CAP_GENERAL, CapMode::current));
  BOOST_OUTCOME_TRY(maximum, query_hca_cap(channel_, VF_CAP_GENERAL, CapMode::maximum));
  std::uint8_t* const cap = general.data();
  VF_SET(cmd_hca_cap, cap, pkey_table_size, 0);  // code of 128 entries
  VF_SET(cmd_hca_cap, cap, log_max_qp,
         std::min(kMaxLogQp, VF_GET(cmd_hca_cap, maximum.data(), log_max_qp)));
  VF_SET(cmd_hca_cap, cap, cmdif_checksum,
         options_.command.checksums ? VF_GET(cmd_hca_cap, maximum.data(), cmdif_checksum) : 0);
  VF_SET(cmd_hca_cap, cap, log_uar_page_sz, 0);  // 4096 bytes
  if (VF_GET(cmd_hca_cap, maximum.data(), release_all_pages) != 0) {
    VF_SET(cmd_hca_cap, cap, release_all_pages, 1);
  }
  BOOST_OUTCOME_TRYV(set_hca_cap(channel_, VF_CAP_GENERAL, general));
  channel_.set_checksums(VF_GET(cmd_hca_cap, cap, cmdif_checksum) != 0);
  if (VF_GET(cmd_hca_cap, cap, hca_cap_2) != 0) {
    BOOST_OUTCOME_TRYV(query_hca_cap(channel_, VF_CAP_GENERAL_2, CapMode::current));
    BOOST_OUTCOME_TRYV(query_hca_cap(channel_, VF_CAP_GENERAL_2, CapMode::maximum));
  }
  return ok();
}

Result<void> FunctionCore::init() {
  BOOST_OUTCOME_TRYV(pages_.satisfy(VF_PAGES_INIT));
  BOOST_OUTCOME_TRYV(init_hca(channel_));
  undo_.push([this] { return teardown_hca(channel_); });
  return ok();
}

Result<void> FunctionCore::read_capabilities() {
  capabilities_.clear();
  BOOST_OUTCOME_TRY(general, query_hca_cap(channel_, VF_CAP_GENERAL, CapMode::current));
  const std::uint8_t* const cap = general.data();
  if (VF_GET(cmd_hca_cap, cap, driver_version) != 0) {
    (void)!set_driver_version(channel_, options_.driver_version);  // for the firmware's logs only
  }
  const auto read = [this](std::uint32_t type, bool offered) -> Result<void> {
    if (offered) {
      BOOST_OUTCOME_TRY(area, query_hca_cap(channel_, type, CapMode::current));
      capabilities_[type] = std::move(area);
    }
    return ok();
  };
  BOOST_OUTCOME_TRYV(read(VF_CAP_ETHERNET, VF_GET(cmd_hca_cap, cap, eth_net_offloads) != 0));
  BOOST_OUTCOME_TRYV(read(VF_CAP_FLOW_TABLE, VF_GET(cmd_hca_cap, cap, nic_flow_table) != 0));
  BOOST_OUTCOME_TRYV(read(VF_CAP_GENERAL_2, VF_GET(cmd_hca_cap, cap, hca_cap_2) != 0));
  BOOST_OUTCOME_TRYV(
      read(VF_CAP_ADV_VIRTUALIZATION, VF_GET(cmd_hca_cap, cap, adv_virtualization) != 0));
  capabilities_[VF_CAP_GENERAL] = std::move(general);
  BOOST_OUTCOME_TRY(board, query_adapter(channel_));
  platform_.os().log(
      LogLevel::info,
      "board " + std::string(board.begin(), std::find(board.begin(), board.end(), 0)));
  return ok();
}

Result<void> FunctionCore::make_uar() {
  BOOST_OUTCOME_TRY(uar, alloc_uar(channel_));
  uar_ = uar;
  undo_.push([this] { return dealloc_uar(channel_, uar_); });
  return ok();
}

Result<std::shared_ptr<EventQueue>> FunctionCore::add_eq(std::uint8_t log_size,
                                                         std::uint32_t vector, std::uint64_t mask) {
  const std::uint32_t usable = vector < platform_.vectors() ? vector : 0;
  BOOST_OUTCOME_TRY(eq,
                    EventQueue::create(platform_, channel_,
                                       {log_size, uar_, static_cast<std::uint16_t>(usable), mask}));
  auto& sharing = vectors_[usable];
  sharing.push_back(eq);
  if (sharing.size() == 1) {
    platform_.bind_vector(usable, [this, usable] { interrupt(usable); });
  }
  eq->arm();
  return eq;
}

Result<void> FunctionCore::remove_eq(const std::shared_ptr<EventQueue>& eq) {
  // Off the interrupt first: the completion of DESTROY_EQ may come by the same vector, and would
  // arm a dead queue.
  auto& sharing = vectors_[eq->vector()];
  sharing.erase(std::find(sharing.begin(), sharing.end(), eq));
  if (sharing.empty()) {
    platform_.unbind_vector(eq->vector());
  }
  return eq->destroy();
}

Result<void> FunctionCore::make_command_eq() {
  channel_.allow_only(VF_OP_CREATE_EQ);
  auto created = add_eq(options_.log_command_eq, 0, bit(VF_EVENT_CMD));
  channel_.allow_only(0);
  BOOST_OUTCOME_TRY(eq, std::move(created));
  channel_.set_eq_poll([this, eq] { drain(*eq); });
  channel_.use_events();
  undo_.push([this, eq]() -> Result<void> {
    channel_.use_polling();
    channel_.allow_only(VF_OP_DESTROY_EQ);
    auto removed = remove_eq(eq);
    channel_.allow_only(0);
    channel_.set_eq_poll({});
    return removed;
  });
  return ok();
}

Result<void> FunctionCore::make_async_eqs() {
  const Bytes& general = capability(VF_CAP_GENERAL);
  std::uint64_t mask = kAsyncMask;
  if (VF_GET(cmd_hca_cap, general.data(), nic_vport_change_event) != 0) {
    mask |= bit(VF_EVENT_NIC_VPORT_CHANGE);
  }
  if (VF_GET(cmd_hca_cap, general.data(), adv_virtualization) != 0) {
    mask |= bit(VF_EVENT_OBJECT_CHANGE);
  }
  BOOST_OUTCOME_TRY(async, add_eq(options_.log_async_eq, 0, mask));
  undo_.push([this, eq = async] { return remove_eq(eq); });
  if (VF_GET(cmd_hca_cap, general.data(), page_request_disable) == 0) {
    BOOST_OUTCOME_TRY(pages, add_eq(options_.log_command_eq, 0, bit(VF_EVENT_PAGE_REQUEST)));
    pages_.start_worker();
    undo_.push([this, eq = pages] {
      auto removed = remove_eq(eq);
      pages_.stop_worker();
      return removed;
    });
  }
  return ok();
}

Result<void> FunctionCore::make_completion_eqs() {
  for (std::uint32_t i = 0; i < std::max(1U, options_.completion_vectors); ++i) {
    BOOST_OUTCOME_TRY(eq, add_eq(options_.log_completion_eq, i + 1, 0));
    completion_eqs_.push_back(eq);
    undo_.push([this, eq] {
      completion_eqs_.pop_back();
      return remove_eq(eq);
    });
  }
  return ok();
}

const Bytes& FunctionCore::capability(std::uint32_t type) const {
  static const Bytes none(VF_WID(query_hca_cap_out, capability) / 8);
  const auto it = capabilities_.find(type);
  return it != capabilities_.end() ? it->second : none;
}

std::uint32_t FunctionCore::on_async(AsyncHandler handler) {
  asyncs_[next_async_] = std::move(handler);
  return next_async_++;
}

std::vector<const EventQueue*> FunctionCore::event_queues() const {
  std::vector<const EventQueue*> list;
  for (const auto& [vector, sharing] : vectors_) {
    for (const auto& eq : sharing) {
      list.push_back(eq.get());
    }
  }
  return list;
}

void FunctionCore::drain(EventQueue& eq) {
  EqEvent event;
  while (eq.next(event)) {
    dispatch(event);
  }
}

void FunctionCore::interrupt(std::uint32_t vector) {
  const auto sharing = vectors_[vector];  // a copy: a queue may go while a handler blocks
  for (const auto& eq : sharing) {
    drain(*eq);
    eq->arm();
  }
}

void FunctionCore::dispatch(const EqEvent& event) {
  switch (event.type) {
    case VF_EVENT_CMD:
      channel_.on_event(static_cast<std::uint32_t>(VF_GET(eqe_cmd, event.data.data(), vector)));
      return;
    case VF_EVENT_COMPLETION: {
      const auto it = completions_.find(
          static_cast<std::uint32_t>(VF_GET(eqe_completion, event.data.data(), cqn)));
      if (it != completions_.end()) {
        const auto handler = it->second;
        handler();
      }
      return;
    }
    case VF_EVENT_PAGE_REQUEST:
      pages_.on_request(event.data.data());
      return;
    default: {
      const auto handlers = asyncs_;
      for (const auto& [id, handler] : handlers) {
        handler(event.type, event.sub_type, event.data.data());
      }
    }
  }
}

}  // namespace vfsim::driver
