#include "host_driver/tracking/page_tracker.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "host_driver/tracking/ranges.hpp"

namespace vfsim::driver {
namespace {

using BOOST_OUTCOME_V2_NAMESPACE::success;

std::uint8_t log2_ceil(std::uint64_t value) {
  std::uint8_t log = 0;
  while (log < 63 && (std::uint64_t{1} << log) < value) {
    ++log;
  }
  return log;
}

std::uint8_t cap(std::uint64_t value) {
  return static_cast<std::uint8_t>(value);
}

}  // namespace

PageTracker::PageTracker(PfDriver& pf)
    : pf_(pf),
      lock_(pf.platform().os().make_mutex()),
      wake_(pf.platform().os().make_event()),
      ring_(pf) {}

PageTracker::~PageTracker() = default;

Result<std::shared_ptr<PageTracker>> PageTracker::start(PfDriver& pf, std::uint16_t vhca_id,
                                                        const MigCapabilities& caps,
                                                        std::uint64_t page_size,
                                                        const std::vector<IovaRange>& ranges) {
  auto tracker = std::make_shared<PageTracker>(pf);
  if (auto built = tracker->build(vhca_id, caps, page_size, ranges); !built) {
    tracker->stop();
    return built.error();
  }
  return tracker;
}

Result<void> PageTracker::build(std::uint16_t vhca_id, const MigCapabilities& caps,
                                std::uint64_t page_size, const std::vector<IovaRange>& ranges) {
  if (ranges.empty()) {
    return fail(EINVAL, "no range to track");
  }
  const std::uint8_t* adv = caps.tracker.data();
  PageTrackSpec spec;
  spec.vhca_id = vhca_id;
  spec.log_msg_size = cap(VF_GET(adv_virtualization_cap, adv, pg_track_log_max_msg_size));
  if (auto queues = build_queues(caps, spec.log_msg_size); !queues) {
    return queues;
  }
  spec.reporting_qpn = firmware_qp_;
  spec.log_page_size =
      std::min(std::max(log2_ceil(page_size),
                        cap(VF_GET(adv_virtualization_cap, adv, pg_track_log_min_page_size))),
               cap(VF_GET(adv_virtualization_cap, adv, pg_track_log_max_page_size)));
  page_size_ = std::uint64_t{1} << spec.log_page_size;
  const auto limit =
      static_cast<std::size_t>(VF_GET(adv_virtualization_cap, adv, pg_track_max_num_range));
  const std::vector<IovaRange> merged = combine_ranges(ranges, std::max<std::size_t>(limit, 1));
  spec.log_addr_space_size = log2_total(merged);
  if (spec.log_addr_space_size < VF_GET(adv_virtualization_cap, adv, pg_track_log_min_addr_space) ||
      spec.log_addr_space_size > VF_GET(adv_virtualization_cap, adv, pg_track_log_max_addr_space)) {
    return fail(EOPNOTSUPP, "tracked ranges of 2^" + std::to_string(spec.log_addr_space_size) +
                                " bytes are outside of the device's limits");
  }
  for (const IovaRange& range : merged) {
    spec.ranges.push_back({range.iova, range.length});
  }
  auto object = create_page_track(pf_.commands(), spec);
  if (!object) {
    return object.error();
  }
  Lock lock(*lock_);
  object_ = object.value();
  has_object_ = true;
  return success();
}

Result<void> PageTracker::build_queues(const MigCapabilities& caps, std::uint8_t log_message) {
  CommandChannel& channel = pf_.commands();
  auto pd = alloc_pd(channel);
  if (!pd) {
    return pd.error();
  }
  pd_ = pd.value();
  has_pd_ = true;
  if (auto cq = ring_.create_cq(log_message, [wake = wake_] { wake->notify(); }); !cq) {
    return cq;
  }
  QpSpec spec;
  spec.pd = pd_;
  spec.uar = pf_.uar();
  spec.user_index_valid = caps.user_index;
  const QpSpec firmware_side = spec;
  if (auto described = ring_.describe(spec); !described) {
    return described;
  }
  auto host_qp = create_qp(channel, spec);
  if (!host_qp) {
    return host_qp.error();
  }
  host_qp_ = host_qp.value();
  has_host_qp_ = true;
  if (auto memory = ring_.create_memory(pd_); !memory) {
    return memory;
  }
  auto firmware_qp = create_qp(channel, firmware_side);
  if (!firmware_qp) {
    return firmware_qp.error();
  }
  firmware_qp_ = firmware_qp.value();
  has_firmware_qp_ = true;
  return connect(caps);
}

Result<void> PageTracker::connect(const MigCapabilities& caps) {
  CommandChannel& channel = pf_.commands();
  if (auto done = rst2init_qp(channel, host_qp_); !done) {
    return done;
  }
  ring_.post_all();
  if (auto done = init2rtr_qp(channel, host_qp_, firmware_qp_, caps.log_max_msg); !done) {
    return done;
  }
  if (auto done = rst2init_qp(channel, firmware_qp_); !done) {
    return done;
  }
  if (auto done = init2rtr_qp(channel, firmware_qp_, host_qp_, caps.log_max_msg); !done) {
    return done;
  }
  return rtr2rts_qp(channel, firmware_qp_);
}

Result<std::vector<std::uint64_t>> PageTracker::report(std::uint64_t iova, std::uint64_t length) {
  if (dead()) {
    return fail(EIO, "page tracker is dead");
  }
  if (auto started = report_page_track(pf_.commands(), object_, PageRange{iova, length});
      !started) {
    return started.error();
  }
  std::vector<std::uint64_t> pages;
  for (;;) {
    auto ended = drain(pages);
    if (ended && !ended.value()) {
      ended = wait_for_more(pages);
    }
    if (!ended) {
      mark_error();
      return ended.error();
    }
    if (ended.value()) {
      break;
    }
  }
  std::sort(pages.begin(), pages.end());
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  return pages;
}

Result<bool> PageTracker::drain(std::vector<std::uint64_t>& pages) {
  if (dead()) {
    return fail(EIO, "page tracker died");
  }
  while (auto message = ring_.take()) {
    if (message->opcode != VF_CQE_RESP_SEND_IMM) {
      return fail(EIO, "page tracker got completion opcode " + std::to_string(message->opcode));
    }
    if (message->state == VF_PAGE_TRACK_ERROR) {
      return fail(EIO, "device reports a tracker error");
    }
    for (const std::uint64_t page : message->pages) {
      pages.push_back(page & ~(page_size_ - 1));
    }
    if (message->state == VF_PAGE_TRACK_TRACKING) {
      return true;
    }
  }
  return false;
}

Result<bool> PageTracker::wait_for_more(std::vector<std::uint64_t>& pages) {
  ring_.arm();
  auto ended = drain(pages);  // what came between the last look and the arm raises no event
  if (!ended || ended.value()) {
    return ended;
  }
  const bool woken = wake_->wait(pf_.options().command.timeout);
  bool changed = false;
  {
    Lock lock(*lock_);
    changed = std::exchange(object_changed_, false);
  }
  if (woken && !changed) {
    return false;
  }
  return ask_state(pages);
}

/// The object changed without a message, or nothing came for long: the object itself knows.
Result<bool> PageTracker::ask_state(std::vector<std::uint64_t>& pages) {
  if (dead()) {
    return fail(EIO, "page tracker died");
  }
  auto state = query_page_track(pf_.commands(), object_);
  if (!state) {
    return state.error();
  }
  auto ended = drain(pages);
  if (!ended || ended.value()) {
    return ended;
  }
  if (state.value() == VF_PAGE_TRACK_ERROR) {
    return fail(EIO, "device reports a tracker error");
  }
  return state.value() == VF_PAGE_TRACK_TRACKING;
}

bool PageTracker::dead() {
  Lock lock(*lock_);
  return dead_;
}

void PageTracker::mark_error() {
  {
    Lock lock(*lock_);
    dead_ = true;
  }
  wake_->notify();
}

void PageTracker::on_async(std::uint8_t type, const std::uint8_t* data) {
  switch (type) {
    case VF_EVENT_CQ_ERROR:
      if (VF_GET(eqe_cq_error, data, cqn) == ring_.cqn()) {
        mark_error();
      }
      break;
    case VF_EVENT_WQ_CATAS_ERROR:
    case VF_EVENT_WQ_INVAL_REQ_ERROR:
    case VF_EVENT_WQ_ACCESS_ERROR:
      if (const auto number = VF_GET(eqe_wq_error, data, number);
          VF_GET(eqe_wq_error, data, queue_type) == 0 &&
          (number == host_qp_ || number == firmware_qp_)) {
        mark_error();
      }
      break;
    case VF_EVENT_OBJECT_CHANGE:
      if (VF_GET(eqe_object_change, data, obj_type) == VF_OBJ_TYPE_PAGE_TRACK &&
          VF_GET(eqe_object_change, data, obj_id) == object_) {
        {
          Lock lock(*lock_);
          object_changed_ = true;
        }
        wake_->notify();
      }
      break;
    default:
      break;
  }
}

void PageTracker::stop() {
  CommandChannel& channel = pf_.commands();
  if (std::exchange(has_object_, false)) {
    (void)destroy_page_track(channel, object_);
  }
  if (std::exchange(has_firmware_qp_, false)) {
    (void)destroy_qp(channel, firmware_qp_);
  }
  ring_.destroy_memory_key();
  if (std::exchange(has_host_qp_, false)) {
    (void)destroy_qp(channel, host_qp_);
  }
  ring_.destroy_cq();
  if (std::exchange(has_pd_, false)) {
    (void)dealloc_pd(channel, pd_);
  }
  ring_.free_memory();
}

}  // namespace vfsim::driver
