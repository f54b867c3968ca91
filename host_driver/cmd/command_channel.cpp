#include "host_driver/cmd/command_channel.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "firmware/interface/layout.h"
#include "firmware/interface/signature.h"
#include "host_driver/cmd/commands.hpp"
#include "host_driver/cmd/mailbox.hpp"
#include "host_driver/cmd/status.hpp"

namespace vfsim::driver {
namespace {

constexpr Nanoseconds kInitPoll{2'000'000};
constexpr std::uint32_t kMaxSlots = 32;
constexpr std::uint32_t kOwnershipByte = VF_FIELD_OFF_cmd_queue_entry__ownership / 8;

bool is_general_object(std::uint16_t opcode) {
  return opcode >= VF_OP_CREATE_GENERAL_OBJECT && opcode <= VF_OP_DESTROY_GENERAL_OBJECT;
}

}  // namespace

class CommandChannel::Impl {
 public:
  /// How a command ended: output, or an error with a code.
  struct Answer {
    Bytes out;
    Error error{0, 0, 0, 0, {}};
  };

  Impl(Platform& platform, CommandOptions options)
      : platform_(platform),
        os_(platform.os()),
        options_(options),
        pool_(platform),
        lock_(os_.make_mutex()),
        idle_(os_.make_event()) {}
  ~Impl();

  Result<void> start();
  void stop();
  Result<Bytes> execute(const Bytes& in, std::size_t out_bytes);
  Result<void> execute_async(const Bytes& in, std::size_t out_bytes,
                             std::function<void(Result<Bytes>)> done);
  void switch_mode(bool events);
  void on_event(std::uint32_t vector);
  void detach(int code);
  void attach() { down_ = 0; }
  void allow_only(std::uint16_t opcode) { only_ = opcode; }
  void set_eq_poll(std::function<void()> poll) { eq_poll_ = std::move(poll); }
  [[nodiscard]] std::uint32_t stalled() const;
  void set_checksums(bool on) { options_.checksums = on; }

 private:
  enum class State : std::uint8_t { free, busy, stalled };
  struct Slot {
    State state = State::free;
    std::uint16_t opcode = 0;
    std::size_t out_bytes = 0;
    MailboxChain in, out;
    std::unique_ptr<Event> event;
    std::optional<Answer> result;
  };
  struct Waiter {
    std::uint16_t opcode = 0;
    std::unique_ptr<Event> event;
    int slot = -1;
  };

  static Result<Bytes> to_result(Answer answer);
  Result<void> wait_initialized(Nanoseconds limit, const char* phase);
  [[nodiscard]] std::optional<Answer> refuse(std::uint16_t opcode, std::size_t out_bytes) const;
  Result<std::uint32_t> acquire(std::uint16_t opcode, bool may_wait);
  int take_free(std::uint16_t opcode);
  void serve_waiters();
  [[nodiscard]] bool all_stalled(std::uint16_t opcode) const;
  void reclaim_stalled();
  Result<void> post(std::uint32_t k, const Bytes& in, std::size_t out_bytes);
  Answer finish(std::uint32_t k);
  void wait_polling(Slot& slot, std::uint32_t k);
  void wait_event(Slot& slot);
  bool wait_result(Slot& slot, Nanoseconds limit);
  [[nodiscard]] bool hardware_owns(std::uint32_t k) const;
  void complete(std::uint32_t k);
  Answer decode(std::uint32_t k);
  void free_slot(std::uint32_t k);
  [[nodiscard]] std::uint64_t entry_address(std::uint32_t k) const {
    return queue_ + (static_cast<std::uint64_t>(k) << log_stride_);
  }
  [[nodiscard]] std::uint32_t pages_slot() const {
    return static_cast<std::uint32_t>(slots_.size()) - 1;
  }

  Platform& platform_;
  Os& os_;
  CommandOptions options_;
  MailboxPool pool_;
  std::unique_ptr<Mutex> lock_;
  std::unique_ptr<Event> idle_;  // a slot became free, or an asynchronous command ended
  std::vector<Slot> slots_;
  std::deque<Waiter*> waiters_;
  std::function<void()> eq_poll_;
  std::uint64_t queue_ = 0;
  std::uint32_t log_stride_ = VF_LOG_CMDQ_STRIDE;
  std::uint32_t busy_ = 0;
  std::uint32_t general_ = 0;  // slots that general objects hold
  std::uint32_t async_ = 0;    // asynchronous commands whose thread runs
  std::uint8_t token_ = 0;
  std::uint16_t only_ = 0;
  int down_ = 0;
  bool events_ = false;
  bool switching_ = false;
};

CommandChannel::Impl::~Impl() {
  detach(ENXIO);
  while (async_ != 0) {
    idle_->wait(kForever);
  }
  stop();
}

Result<void> CommandChannel::Impl::wait_initialized(Nanoseconds limit, const char* phase) {
  const Nanoseconds deadline = os_.now() + limit;
  for (;;) {
    const std::uint32_t value = platform_.read32(VF_BAR_INITIALIZING);
    if (value == ~0U) {
      return fail(ENODEV, std::string(phase) + ": the function does not answer (all ones)");
    }
    if ((value >> VF_INITIALIZING_BIT & 1U) == 0) {
      return ok();
    }
    if (os_.now() >= deadline) {
      return fail(ETIMEDOUT, std::string(phase) + ": firmware is still initializing");
    }
    os_.sleep(kInitPoll);
  }
}

Result<void> CommandChannel::Impl::start() {
  BOOST_OUTCOME_TRYV(wait_initialized(options_.init_timeout, "pre-init"));
  const std::uint32_t revision = platform_.read32(VF_BAR_CMDIF_REV) >> 16;
  if (revision != VF_CMDIF_REV) {
    return fail(EINVAL, "command interface revision " + std::to_string(revision) + ", needed is " +
                            std::to_string(VF_CMDIF_REV));
  }
  const std::uint32_t geometry = platform_.read32(VF_BAR_CMDQ_LO);
  const std::uint32_t log_size = geometry >> 4 & 0xf;
  log_stride_ = geometry & 0xf;
  if (1U << log_size > kMaxSlots || log_size == 0 || log_size + log_stride_ > VF_PAGE_SHIFT ||
      log_stride_ < VF_LOG_CMDQ_STRIDE) {
    return fail(EINVAL, "command queue geometry: log size " + std::to_string(log_size) +
                            ", log stride " + std::to_string(log_stride_));
  }
  const auto page = platform_.dma_alloc(VF_PAGE_BYTES);
  if (!page) {
    return fail(ENOMEM, "no memory for the command queue");
  }
  queue_ = *page;
  slots_.resize(std::size_t{1} << log_size);
  for (Slot& slot : slots_) {
    slot.event = os_.make_event();
  }
  platform_.write32(VF_BAR_CMDQ_HI, static_cast<std::uint32_t>(queue_ >> 32));
  platform_.write32(VF_BAR_CMDQ_LO, static_cast<std::uint32_t>(queue_));
  if (platform_.read32(VF_BAR_CMDQ_INIT_TO) != 0) {
    // Multiplier in bits 31:29, of which two count: milliseconds, seconds, 2 minutes, 3 hours.
    constexpr std::array<std::int64_t, 4> kUnitMs{1, 1'000, 120'000, 10'800'000};
    const std::uint32_t value = platform_.read32(VF_BAR_CMD_EXEC_TO);
    if ((value & 0xfffff) != 0) {
      options_.timeout =
          std::chrono::milliseconds((value & 0xfffff) * kUnitMs.at(value >> 29 & 3U));
    }
  }
  events_ = false;
  down_ = 0;
  return wait_initialized(options_.queue_timeout, "init");
}

void CommandChannel::Impl::stop() {
  // What a stalled command may still write to stays allocated.
  if (queue_ != 0 && stalled() == 0) {
    pool_.release();
    platform_.dma_free(queue_, VF_PAGE_BYTES);
  }
  queue_ = 0;
  slots_.clear();
}

std::uint32_t CommandChannel::Impl::stalled() const {
  return static_cast<std::uint32_t>(std::count_if(
      slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.state == State::stalled; }));
}

Result<Bytes> CommandChannel::Impl::to_result(Answer answer) {
  if (answer.error.code != 0) {
    return std::move(answer.error);
  }
  return std::move(answer.out);
}

/// The answer of a command that may not go to the device now.
std::optional<CommandChannel::Impl::Answer> CommandChannel::Impl::refuse(
    std::uint16_t opcode, std::size_t out_bytes) const {
  const std::string name = opcode_name(opcode);
  if (down_ == ENXIO && undoes_something(opcode)) {
    return Answer{Bytes(out_bytes), {0, 0, 0, 0, {}}};
  }
  if (down_ == ENXIO) {
    return Answer{{}, Error{ENXIO, 0, 0, kDeadSyndrome, name + ": the device is dead"}};
  }
  if (down_ != 0) {
    return Answer{{}, fail(down_, name + ": the function is detached")};
  }
  if (queue_ == 0) {
    return Answer{{}, fail(ENODEV, name + ": the command queue is not started")};
  }
  if (only_ != 0 && only_ != opcode) {
    return Answer{{}, fail(ENXIO, name + ": only " + opcode_name(only_) + " may be issued now")};
  }
  return std::nullopt;
}

int CommandChannel::Impl::take_free(std::uint16_t opcode) {
  if (switching_) {
    return -1;
  }
  const bool pages = opcode == VF_OP_MANAGE_PAGES;
  const std::uint32_t first = pages ? pages_slot() : 0;
  const std::uint32_t end = pages ? pages_slot() + 1 : pages_slot();
  const std::uint32_t half = std::max(1U, pages_slot() / 2);
  if (is_general_object(opcode) && general_ >= half) {
    return -1;
  }
  for (std::uint32_t k = first; k < end; ++k) {
    if (slots_[k].state == State::free) {
      slots_[k].state = State::busy;
      slots_[k].opcode = opcode;
      slots_[k].result.reset();
      ++busy_;
      general_ += is_general_object(opcode) ? 1 : 0;
      return static_cast<int>(k);
    }
  }
  return -1;
}

bool CommandChannel::Impl::all_stalled(std::uint16_t opcode) const {
  if (opcode == VF_OP_MANAGE_PAGES) {
    return slots_.back().state == State::stalled;
  }
  return std::all_of(slots_.begin(), slots_.end() - 1,
                     [](const Slot& slot) { return slot.state == State::stalled; });
}

/// In polling mode nobody tells of a late completion: look.
void CommandChannel::Impl::reclaim_stalled() {
  for (std::uint32_t k = 0; k < slots_.size(); ++k) {
    if (slots_[k].state == State::stalled && !hardware_owns(k)) {
      free_slot(k);
    }
  }
}

Result<std::uint32_t> CommandChannel::Impl::acquire(std::uint16_t opcode, bool may_wait) {
  Waiter self;
  {
    const std::lock_guard guard(*lock_);
    reclaim_stalled();
    const int slot = waiters_.empty() || opcode == VF_OP_MANAGE_PAGES ? take_free(opcode) : -1;
    if (slot >= 0) {
      return static_cast<std::uint32_t>(slot);
    }
    if (all_stalled(opcode)) {
      return fail(EAGAIN, opcode_name(opcode) + ": every command slot is stalled");
    }
    if (!may_wait && is_general_object(opcode)) {
      return fail(EBUSY, opcode_name(opcode) + ": no slot for general objects");
    }
    self.opcode = opcode;
    self.event = os_.make_event();
    waiters_.push_back(&self);
    serve_waiters();
  }
  const Nanoseconds deadline = os_.now() + options_.timeout;
  while (self.slot < 0 && down_ == 0 && os_.now() < deadline) {
    self.event->wait(deadline - os_.now());
  }
  const std::lock_guard guard(*lock_);
  if (self.slot >= 0) {
    return static_cast<std::uint32_t>(self.slot);
  }
  waiters_.erase(std::find(waiters_.begin(), waiters_.end(), &self));
  return fail(EBUSY, opcode_name(opcode) + ": no command slot within the time-out");
}

/// First come, first served, except that a waiter whose kind of slot is short does not hold up the
/// others.
void CommandChannel::Impl::serve_waiters() {
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    (*it)->slot = take_free((*it)->opcode);
    if ((*it)->slot < 0) {
      ++it;
      continue;
    }
    (*it)->event->notify();
    it = waiters_.erase(it);
  }
}

void CommandChannel::Impl::free_slot(std::uint32_t k) {
  Slot& slot = slots_[k];
  pool_.give_back(slot.in);
  pool_.give_back(slot.out);
  busy_ -= slot.state == State::busy ? 1 : 0;
  general_ -= is_general_object(slot.opcode) ? 1 : 0;
  slot.state = State::free;
  slot.result.reset();
  serve_waiters();
  idle_->notify();
}

Result<void> CommandChannel::Impl::post(std::uint32_t k, const Bytes& in, std::size_t out_bytes) {
  Slot& slot = slots_[k];
  const std::lock_guard guard(*lock_);
  const auto take = [this](std::size_t bytes, MailboxChain& chain) {
    auto taken = pool_.take(mailbox_blocks(bytes));
    const bool fits = taken.has_value();
    if (fits) {
      chain = std::move(taken).value();
    }
    return fits;
  };
  if (!take(in.size(), slot.in) || !take(out_bytes, slot.out)) {
    const std::string name = opcode_name(slot.opcode);
    free_slot(k);
    return fail(ENOMEM, name + ": no memory for mailboxes");
  }
  slot.out_bytes = out_bytes;
  token_ = static_cast<std::uint8_t>(token_ % 255 + 1);
  write_input_chain(platform_, slot.in, in, token_, options_.checksums);
  prepare_output_chain(platform_, slot.out, token_, options_.checksums);
  const CommandEntry entry = make_entry(in, slot.in, out_bytes, slot.out, token_);
  platform_.mem_write(entry_address(k), entry.data(), entry.size());
  platform_.write32(VF_BAR_CMD_DB, 1U << k);
  return ok();
}

bool CommandChannel::Impl::hardware_owns(std::uint32_t k) const {
  std::uint8_t byte = 0;
  platform_.mem_read(entry_address(k) + kOwnershipByte, &byte, 1);
  return (byte & 1U) != 0;
}

CommandChannel::Impl::Answer CommandChannel::Impl::decode(std::uint32_t k) {
  Slot& slot = slots_[k];
  CommandEntry entry{};
  platform_.mem_read(entry_address(k), entry.data(), entry.size());
  const std::uint8_t* const inline_out =
      VF_PTR(cmd_queue_entry, entry.data(), command_output_inline_data);
  Answer answer;
  answer.out.assign(inline_out,
                    inline_out + std::min<std::size_t>(VF_CMD_INLINE_BYTES, slot.out_bytes));
  if (options_.checksums && vf_entry_signed(entry.data()) == 0) {
    answer.error =
        fail(EHWPOISON, opcode_name(slot.opcode) + ": entry signature of the answer is wrong");
    return answer;
  }
  const auto delivery = static_cast<std::uint8_t>(VF_GET(cmd_queue_entry, entry.data(), status));
  if (delivery != VF_DELIVERY_OK) {
    answer.error = command_error(slot.opcode, delivery, 0, 0);
  } else if (!read_output_chain(platform_, slot.out, slot.out_bytes, options_.checksums,
                                answer.out)) {
    answer.error =
        fail(EHWPOISON, opcode_name(slot.opcode) + ": mailbox signature of the answer is wrong");
  } else if (const std::uint64_t status = VF_GET(cmd_out, answer.out.data(), status);
             status != VF_STATUS_OK) {
    answer.error =
        command_error(slot.opcode, 0, static_cast<std::uint8_t>(status),
                      static_cast<std::uint32_t>(VF_GET(cmd_out, answer.out.data(), syndrome)));
  }
  return answer;
}

/// The slot's completion was announced. Second announcements and those of a slot that hardware owns
/// are void.
void CommandChannel::Impl::complete(std::uint32_t k) {
  const std::lock_guard guard(*lock_);
  if (k >= slots_.size() || slots_[k].state == State::free || hardware_owns(k)) {
    return;
  }
  Slot& slot = slots_[k];
  if (slot.state == State::stalled) {
    free_slot(k);
    return;
  }
  if (!slot.result) {
    slot.result = decode(k);
    slot.event->notify();
  }
}

void CommandChannel::Impl::on_event(std::uint32_t vector) {
  for (std::uint32_t k = 0; k < kMaxSlots; ++k) {
    if ((vector >> k & 1U) != 0) {
      complete(k);
    }
  }
}

bool CommandChannel::Impl::wait_result(Slot& slot, Nanoseconds limit) {
  const Nanoseconds deadline = os_.now() + limit;
  while (!slot.result && os_.now() < deadline) {
    slot.event->wait(deadline - os_.now());
  }
  return slot.result.has_value();
}

void CommandChannel::Impl::wait_event(Slot& slot) {
  if (wait_result(slot, options_.timeout)) {
    return;
  }
  if (eq_poll_) {
    eq_poll_();
  }
  wait_result(slot, options_.late_poll);
}

void CommandChannel::Impl::wait_polling(Slot& slot, std::uint32_t k) {
  const Nanoseconds begin = os_.now();
  const Nanoseconds limit = options_.timeout + options_.poll_extra;
  while (!slot.result && os_.now() - begin < limit) {
    // Long commands are looked at more rarely: the wait costs at most a sixteenth more.
    os_.sleep(std::max(options_.poll_step, (os_.now() - begin) / 16));
    complete(k);
  }
}

CommandChannel::Impl::Answer CommandChannel::Impl::finish(std::uint32_t k) {
  Slot& slot = slots_[k];
  if (events_) {
    wait_event(slot);
  } else {
    wait_polling(slot, k);
  }
  const std::lock_guard guard(*lock_);
  Answer answer;
  if (slot.result) {
    answer = std::move(*slot.result);
  } else {
    answer.error = fail(ETIMEDOUT, opcode_name(slot.opcode) + ": no completion");
  }
  if (hardware_owns(k)) {
    // Timed out or detached: hardware may still write; the slot waits for its late completion.
    slot.state = State::stalled;
    --busy_;
    idle_->notify();
  } else {
    free_slot(k);
  }
  return answer;
}

Result<Bytes> CommandChannel::Impl::execute(const Bytes& in, std::size_t out_bytes) {
  const auto opcode = static_cast<std::uint16_t>(VF_GET(cmd_in, in.data(), opcode));
  if (auto answer = refuse(opcode, out_bytes)) {
    return to_result(std::move(*answer));
  }
  auto slot = acquire(opcode, true);
  if (auto answer = refuse(opcode, out_bytes)) {  // while it waited
    if (slot) {
      const std::lock_guard guard(*lock_);
      free_slot(slot.value());
    }
    return to_result(std::move(*answer));
  }
  if (!slot) {
    return std::move(slot).error();
  }
  BOOST_OUTCOME_TRYV(post(slot.value(), in, out_bytes));
  return to_result(finish(slot.value()));
}

Result<void> CommandChannel::Impl::execute_async(const Bytes& in, std::size_t out_bytes,
                                                 std::function<void(Result<Bytes>)> done) {
  const auto opcode = static_cast<std::uint16_t>(VF_GET(cmd_in, in.data(), opcode));
  if (auto answer = refuse(opcode, out_bytes); answer && answer->error.code != 0) {
    return std::move(answer->error);
  }
  if (!events_) {
    return fail(EINVAL, opcode_name(opcode) + ": asynchronous commands need event mode");
  }
  auto slot = acquire(opcode, false);
  if (!slot) {
    return std::move(slot).error();
  }
  BOOST_OUTCOME_TRYV(post(slot.value(), in, out_bytes));
  ++async_;
  os_.spawn("command", [this, k = slot.value(), done = std::move(done)] {
    done(to_result(finish(k)));
    --async_;
    idle_->notify();
  });
  return ok();
}

/// Running commands end in the old mode, new ones wait.
void CommandChannel::Impl::switch_mode(bool events) {
  switching_ = true;
  while (busy_ != 0) {
    idle_->wait(kForever);
  }
  const std::lock_guard guard(*lock_);
  events_ = events;
  switching_ = false;
  serve_waiters();
}

void CommandChannel::Impl::detach(int code) {
  const std::lock_guard guard(*lock_);
  down_ = code;
  for (Slot& slot : slots_) {
    if (slot.state == State::busy && !slot.result) {
      slot.result = *refuse(slot.opcode, slot.out_bytes);
      slot.event->notify();
    }
  }
  for (Waiter* waiter : waiters_) {
    waiter->event->notify();
  }
}

CommandChannel::CommandChannel(Platform& platform, CommandOptions options)
    : impl_(std::make_unique<Impl>(platform, options)) {}
CommandChannel::~CommandChannel() = default;

Result<void> CommandChannel::start() {
  return impl_->start();
}
void CommandChannel::stop() {
  impl_->stop();
}
Result<Bytes> CommandChannel::execute(const Bytes& in, std::size_t out_bytes) {
  return impl_->execute(in, out_bytes);
}
Result<void> CommandChannel::execute_async(const Bytes& in, std::size_t out_bytes,
                                           std::function<void(Result<Bytes>)> done) {
  return impl_->execute_async(in, out_bytes, std::move(done));
}
void CommandChannel::use_events() {
  impl_->switch_mode(true);
}
void CommandChannel::use_polling() {
  impl_->switch_mode(false);
}
void CommandChannel::allow_only(std::uint16_t opcode) {
  impl_->allow_only(opcode);
}
void CommandChannel::on_event(std::uint32_t vector) {
  impl_->on_event(vector);
}
void CommandChannel::set_eq_poll(std::function<void()> poll) {
  impl_->set_eq_poll(std::move(poll));
}
void CommandChannel::detach(int code) {
  impl_->detach(code);
}
void CommandChannel::attach() {
  impl_->attach();
}
void CommandChannel::set_checksums(bool on) {
  impl_->set_checksums(on);
}
std::uint32_t CommandChannel::stalled_slots() const {
  return impl_->stalled();
}

}  // namespace vfsim::driver
