#include "host_driver/guest/eth_driver.hpp"

#include "host_driver/guest/eth_channel.hpp"

namespace vfsim::driver {
namespace {

constexpr Mac kBroadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr std::uint8_t kFlowLevel = 0;
constexpr std::uint8_t kLogFlowEntries = 1;  // own address and broadcast
// wqe_inline_mode of the Ethernet capabilities: who says how much header a request must carry
// itself.
constexpr std::uint64_t kInlineByVport = 1;
constexpr std::uint64_t kInlineNotNeeded = 2;
constexpr std::uint8_t kInlineL2 = 1;
// Ports and addresses of IPv4 TCP and UDP: the bytes that tell flows apart.
constexpr std::uint32_t kFlowBytesFrom = 26;
constexpr std::uint32_t kFlowBytesTo = 38;

CoreOptions core_options(const EthOptions& options) {
  CoreOptions core;
  core.command = options.command;
  core.completion_vectors = options.channels;
  core.log_command_eq = options.log_command_eq;
  core.log_async_eq = options.log_async_eq;
  core.log_completion_eq = options.log_completion_eq;
  core.health_poll = options.health_poll;
  return core;
}

}  // namespace

class EthDriver::Impl {
 public:
  Impl(Platform& platform, EthOptions options)
      : options_(options), core_(platform, core_options(options_)), shared_{core_, options_} {}
  ~Impl() {
    if (!undo_.empty()) {
      (void)!remove();
    }
  }

  Result<void> probe();
  Result<void> remove();
  void give_up();
  EthChannel& channel_of(const std::uint8_t* frame, std::uint32_t length);
  std::vector<std::string> self_check() const;

  EthOptions options_;
  FunctionCore core_;
  EthShared shared_;
  std::vector<std::unique_ptr<EthChannel>> channels_;
  Mac mac_{};
  bool link_up_ = false;

 private:
  Result<void> check_options() const;
  Result<void> make_basics();
  Result<void> make_channels();
  Result<void> make_steering();
  Result<void> announce();
  void on_async(std::uint8_t type, std::uint8_t sub_type, const std::uint8_t* data);
  /// Runs `made` into `number` and remembers how to undo it.
  template <class Number>
  Result<void> keep(Result<Number> made, Number& number,
                    Result<void> (*undo)(CommandChannel&, Number)) {
    BOOST_OUTCOME_TRY(value, std::move(made));
    number = value;
    undo_.push([this, value, undo] { return undo(core_.commands(), value); });
    return ok();
  }

  UndoStack undo_;
  std::uint32_t td_ = 0, rqtn_ = 0, tirn_ = 0, table_ = 0, group_ = 0;
};

Result<void> EthDriver::Impl::check_options() const {
  const std::uint32_t bytes = options_.buffer_bytes;
  if (options_.log_sq_size > 15 || options_.log_rq_size > 15 || options_.channels == 0 ||
      bytes < 64 || (VF_PAGE_BYTES % bytes != 0 && bytes % VF_PAGE_BYTES != 0)) {
    return fail(EINVAL, "Ethernet driver: queue size, channels or buffer size out of range");
  }
  return ok();
}

Result<void> EthDriver::Impl::probe() {
  static constexpr Result<void> (Impl::*kSteps[])() = {&Impl::make_basics, &Impl::make_channels,
                                                       &Impl::make_steering, &Impl::announce};
  BOOST_OUTCOME_TRYV(check_options());
  if (!undo_.empty()) {
    return fail(EBUSY, "the function is probed already");
  }
  BOOST_OUTCOME_TRYV(core_.start());
  undo_.push([this] { return core_.stop(); });
  const std::uint32_t id =
      core_.on_async([this](std::uint8_t type, std::uint8_t sub_type, const std::uint8_t* data) {
        on_async(type, sub_type, data);
      });
  undo_.push([this, id]() -> Result<void> {
    core_.forget_async(id);
    return ok();
  });
  for (const auto step : kSteps) {
    if (auto done = (this->*step)(); !done) {
      (void)!remove();
      return done;
    }
  }
  return ok();
}

Result<void> EthDriver::Impl::remove() {
  link_up_ = false;
  return undo_.unwind();
}

void EthDriver::Impl::give_up() {
  core_.commands().detach(ENXIO);
  (void)!remove();  // what changes something fails, what destroys something need not be asked
  EthCounters& counters = shared_.counters;
  counters.sends_abandoned = counters.sends_posted - counters.sends_completed;
}

Result<void> EthDriver::Impl::make_basics() {
  CommandChannel& channel = core_.commands();
  BOOST_OUTCOME_TRY(context, query_nic_vport_context(channel));
  mac_ = options_.mac.value_or(context.mac);
  const std::uint64_t mode = VF_GET(per_protocol_networking_offload_caps,
                                    core_.capability(VF_CAP_ETHERNET).data(), wqe_inline_mode);
  shared_.min_inline_mode = mode == kInlineNotNeeded ? std::uint8_t{0}
                            : mode == kInlineByVport ? context.min_inline_mode
                                                     : kInlineL2;
  BOOST_OUTCOME_TRYV(keep(alloc_pd(channel), shared_.pd, dealloc_pd));
  BOOST_OUTCOME_TRYV(keep(alloc_transport_domain(channel), td_, dealloc_transport_domain));
  MkeySpec spec;
  spec.pd = shared_.pd;
  spec.access = kLocalRead | kLocalWrite;
  spec.physical = true;
  spec.relaxed_ordering = options_.relaxed_ordering;
  BOOST_OUTCOME_TRYV(keep(create_mkey(channel, spec), shared_.physical_key, destroy_mkey));
  BOOST_OUTCOME_TRYV(keep(create_tis(channel, td_, 0), shared_.tisn, destroy_tis));
  return keep(alloc_q_counter(channel), shared_.counter_set, dealloc_q_counter);
}

Result<void> EthDriver::Impl::make_channels() {
  for (std::uint32_t i = 0; i < options_.channels; ++i) {
    channels_.push_back(std::make_unique<EthChannel>(shared_, i));
    undo_.push([this]() -> Result<void> {
      auto closed = channels_.back()->close();
      channels_.pop_back();
      return closed;
    });
    BOOST_OUTCOME_TRYV(channels_.back()->open());
  }
  return ok();
}

Result<void> EthDriver::Impl::make_steering() {
  CommandChannel& channel = core_.commands();
  std::vector<std::uint32_t> rqns;
  for (const auto& queues : channels_) {
    rqns.push_back(queues->rqn());
  }
  BOOST_OUTCOME_TRYV(keep(create_rqt(channel, rqns), rqtn_, destroy_rqt));
  BOOST_OUTCOME_TRYV(keep(create_indirect_tir(channel, td_, rqtn_), tirn_, destroy_tir));
  BOOST_OUTCOME_TRYV(
      keep(create_flow_table(channel, kFlowLevel, kLogFlowEntries), table_, destroy_flow_table));
  BOOST_OUTCOME_TRY(group, create_dmac_group(channel, table_, 0, (1U << kLogFlowEntries) - 1));
  group_ = group;
  undo_.push([this] { return destroy_flow_group(core_.commands(), table_, group_); });
  std::uint32_t index = 0;
  for (const Mac& mac : {mac_, kBroadcast}) {
    BOOST_OUTCOME_TRYV(set_dmac_entry(channel, table_, group_, index, mac, tirn_));
    undo_.push([this, index] { return delete_flow_entry(core_.commands(), table_, index); });
    ++index;
  }
  if (VF_GET(flow_table_nic_cap, core_.capability(VF_CAP_FLOW_TABLE).data(),
             flow_table_properties_nic_receive_modify_root) != 0) {
    return set_flow_table_root(channel, table_);
  }
  return ok();
}

Result<void> EthDriver::Impl::announce() {
  BOOST_OUTCOME_TRYV(set_unicast_list(core_.commands(), {mac_}));
  undo_.push([this] { return set_unicast_list(core_.commands(), {}); });
  BOOST_OUTCOME_TRY(state, query_vport_state(core_.commands()));
  link_up_ = state.up;
  return ok();
}

void EthDriver::Impl::on_async(std::uint8_t type, std::uint8_t sub_type, const std::uint8_t*) {
  switch (type) {
    case VF_EVENT_PORT_CHANGE:
      link_up_ = sub_type == VF_PORT_CHANGE_ACTIVE || (link_up_ && sub_type != VF_PORT_CHANGE_DOWN);
      break;
    case VF_EVENT_CQ_ERROR:
    case VF_EVENT_WQ_CATAS_ERROR:
    case VF_EVENT_WQ_INVAL_REQ_ERROR:
    case VF_EVENT_WQ_ACCESS_ERROR:
      ++shared_.counters.queue_errors;
      break;
    default:
      break;
  }
}

/// Frames of one flow stay in one queue, so their order is kept.
EthChannel& EthDriver::Impl::channel_of(const std::uint8_t* frame, std::uint32_t length) {
  if (channels_.size() == 1 || length < kFlowBytesTo) {
    return *channels_.front();
  }
  std::uint32_t sum = 0;
  for (std::uint32_t i = kFlowBytesFrom; i < kFlowBytesTo; ++i) {
    sum = sum * 31 + frame[i];
  }
  return *channels_[sum % channels_.size()];
}

std::vector<std::string> EthDriver::Impl::self_check() const {
  std::vector<std::string> findings;
  for (const EventQueue* eq : core_.event_queues()) {
    if (eq->armed() && eq->pending()) {
      findings.push_back("event queue " + std::to_string(eq->number()) +
                         " is armed, but an event waits");
    }
  }
  std::uint64_t outstanding = 0;
  for (const auto& channel : channels_) {
    channel->check(findings);
    outstanding += channel->sq().outstanding();
  }
  const EthCounters& counters = shared_.counters;
  const std::uint64_t open =
      counters.sends_posted - counters.sends_completed - counters.sends_abandoned;
  if (!channels_.empty() && open != outstanding) {
    findings.push_back(std::to_string(counters.sends_posted) + " sends posted, " +
                       std::to_string(counters.sends_completed) + " completed, but " +
                       std::to_string(outstanding) + " outstanding");
  }
  if (counters.unexpected != 0) {
    findings.push_back(std::to_string(counters.unexpected) + " completions named no request");
  }
  return findings;
}

EthDriver::EthDriver(Platform& platform, EthOptions options)
    : impl_(std::make_unique<Impl>(platform, options)) {}
EthDriver::~EthDriver() = default;

Result<void> EthDriver::probe() {
  return impl_->probe();
}
Result<void> EthDriver::remove() {
  return impl_->remove();
}

void EthDriver::give_up() {
  impl_->give_up();
}

Result<void> EthDriver::send(const std::uint8_t* frame, std::uint32_t length) {
  if (impl_->channels_.empty()) {
    return fail(ENODEV, "the function is not probed");
  }
  return impl_->channel_of(frame, length).send(frame, length, true);
}

Result<void> EthDriver::post_only(const std::uint8_t* frame, std::uint32_t length) {
  if (impl_->channels_.empty()) {
    return fail(ENODEV, "the function is not probed");
  }
  return impl_->channels_.front()->send(frame, length, false);
}

Result<void> EthDriver::send_raw(std::uint32_t lkey, std::uint64_t address, std::uint32_t length) {
  if (impl_->channels_.empty()) {
    return fail(ENODEV, "the function is not probed");
  }
  return impl_->channels_.front()->send_raw(lkey, address, length);
}

Result<void> EthDriver::split_tails(const PeerTail& tail) {
  if (impl_->channels_.empty()) {
    return fail(ENODEV, "the function is not probed");
  }
  for (const auto& channel : impl_->channels_) {
    BOOST_OUTCOME_TRYV(channel->split_tails(tail));
  }
  return ok();
}

std::uint32_t EthDriver::physical_key() const {
  return impl_->shared_.physical_key;
}

SendDoorbell EthDriver::doorbell() const {
  return impl_->channels_.empty() ? SendDoorbell{} : impl_->channels_.front()->sq().doorbell();
}

void EthDriver::set_receiver(
    std::function<void(const std::uint8_t* frame, std::uint32_t length)> receiver) {
  impl_->shared_.receiver = std::move(receiver);
}
void EthDriver::set_error_handler(std::function<void(const WorkError&)> handler) {
  impl_->shared_.error_handler = std::move(handler);
}

const EthCounters& EthDriver::counters() const {
  return impl_->shared_.counters;
}
const Mac& EthDriver::mac() const {
  return impl_->mac_;
}
bool EthDriver::link_up() const {
  return impl_->link_up_;
}
std::uint32_t EthDriver::send_room() const {
  if (impl_->channels_.empty()) {
    return 0;
  }
  const SendQueue& sq = impl_->channels_.front()->sq();
  return sq.size() - sq.outstanding();
}
CommandChannel& EthDriver::commands() {
  return impl_->core_.commands();
}
std::size_t EthDriver::firmware_pages() const {
  return impl_->core_.pages().held();
}
std::vector<std::string> EthDriver::self_check() const {
  return impl_->self_check();
}

}  // namespace vfsim::driver
