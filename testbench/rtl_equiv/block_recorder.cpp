#include "testbench/rtl_equiv/block_recorder.hpp"

#include <array>
#include <fmt/format.h>
#include <iterator>
#include <utility>

#include "firmware/interface/hw_records.h"
#include "systemc/nic/mkey_walker_tlm.hpp"
#include "systemc/nic/nic_core.hpp"
#include "testbench/rtl_equiv/block_stimulus.hpp"

namespace vfsim::bench {
namespace {

using model::CmdDoorbell;
using model::MkeyWalker;
using model::WalkAnswer;
using model::WalkRequest;

/// Where the steps of one block go.
struct Place {
  BlockRecorder& recorder;
  const model::Calendar& calendar;
  std::string block;

  template <class Step>
  void write(Step step) const {
    step.t = calendar.now();
    recorder.write(to_line(block, step));
  }
};

class RecordedDoorbells final : public CmdDoorbell {
 public:
  RecordedDoorbells(std::unique_ptr<CmdDoorbell> real, Place place)
      : real_(std::move(real)), place_(std::move(place)) {}

  void ring(std::uint32_t fn, std::uint32_t slots) override {
    note(Do::ring, fn, slots);
    real_->ring(fn, slots);
  }
  void set_hold(std::uint32_t fn, bool hold) override {
    note(Do::hold, fn, hold ? 1 : 0);
    real_->set_hold(fn, hold);
  }
  void reset(std::uint32_t fn) override {
    note(Do::reset, fn, 0);
    real_->reset(fn);
  }
  void take(std::uint32_t fn, std::uint32_t slot) override {
    note(Do::take, fn, slot);
    real_->take(fn, slot);
  }
  void done(std::uint32_t fn, std::uint32_t slot) override {
    note(Do::done, fn, slot);
    real_->done(fn, slot);
  }
  void set(std::uint32_t fn, std::uint32_t slots) override {
    note(Do::set, fn, slots);
    real_->set(fn, slots);
  }
  void clear(std::uint32_t fn, std::uint32_t slots) override {
    note(Do::clear, fn, slots);
    real_->clear(fn, slots);
  }
  void set_room(bool any, bool last) override {
    note(Do::room, 0, any ? 2 : last ? 1 : 0);
    real_->set_room(any, last);
  }
  [[nodiscard]] bool offered() const override { return real_->offered(); }
  [[nodiscard]] std::optional<Offer> offer() override {
    const std::optional<Offer> offer = real_->offer();
    note(Do::offer, offer ? offer->fn : 0, offer ? offer->slot : DoorbellStep::kNone);
    return offer;
  }
  [[nodiscard]] std::uint32_t pending(std::uint32_t fn) override {
    return note(Do::pending, fn, real_->pending(fn));
  }
  [[nodiscard]] std::uint32_t owned(std::uint32_t fn) override {
    return note(Do::owned, fn, real_->owned(fn));
  }
  // Looks of somebody outside: no stimulus.
  [[nodiscard]] std::uint32_t pending_by_now(std::uint32_t fn) override { return real_->pending_by_now(fn); }
  [[nodiscard]] std::uint32_t owned_by_now(std::uint32_t fn) override { return real_->owned_by_now(fn); }

 private:
  using Do = DoorbellStep::Do;
  std::uint32_t note(Do what, std::uint32_t fn, std::uint32_t value) const {
    place_.write(DoorbellStep{0, what, fn, value});
    return value;
  }

  std::unique_ptr<CmdDoorbell> real_;
  Place place_;
};

std::string key_text(const vf_mkey& key) {
  std::array<std::uint8_t, VF_BYTES(hw_mkey)> record;
  vf_mkey_record(&key, record.data());
  std::string text;
  for (const std::uint8_t byte : record) {
    fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  }
  return text;
}

class RecordedWalker final : public MkeyWalker, private model::WalkClient {
 public:
  RecordedWalker(std::unique_ptr<MkeyWalker> real, Place place, const vf_context_ram& ram)
      : real_(std::move(real)), place_(std::move(place)), ram_(ram) {}

  void set_client(WalkClient& client) override {
    client_ = &client;
    real_->set_client(*this);
  }
  bool walk(const WalkRequest& request, std::uint32_t cookie, WalkAnswer& answer) override {
    WalkerStep step;
    step.request = request;
    place_.write(step);
    const bool at_once = real_->walk(request, cookie, answer);
    if (at_once) {
      note(answer);
    }
    return at_once;
  }
  void keys_changed(std::uint32_t fn, std::uint32_t first, std::uint32_t count) override {
    WalkerStep step = change(WalkerStep::Do::keys, fn, first);
    for (std::uint32_t i = first; i < first + count; ++i) {
      step.keys.push_back(key_text(ram_.fn[fn].mkey[i]));
    }
    place_.write(step);
    real_->keys_changed(fn, first, count);
  }
  void entries_changed(std::uint32_t first, std::uint32_t count) override {
    WalkerStep step = change(WalkerStep::Do::entries, 0, first);
    step.entries.assign(&ram_.mtt[first], &ram_.mtt[first] + count);
    place_.write(step);
    real_->entries_changed(first, count);
  }

 private:
  void walked(std::uint32_t cookie, const WalkAnswer& answer) override {
    note(answer);
    client_->walked(cookie, answer);
  }
  void note(const WalkAnswer& answer) const {
    WalkerStep step;
    step.what = WalkerStep::Do::answer;
    step.answer = answer;
    place_.write(step);
  }
  static WalkerStep change(WalkerStep::Do what, std::uint32_t fn, std::uint32_t first) {
    WalkerStep step;
    step.what = what;
    step.fn = fn;
    step.first = first;
    return step;
  }

  std::unique_ptr<MkeyWalker> real_;
  Place place_;
  const vf_context_ram& ram_;
  WalkClient* client_ = nullptr;
};

}  // namespace

BlockRecorder::~BlockRecorder() {
  (void)close();
}

bool BlockRecorder::open(const std::string& path) {
  file_ = std::fopen(path.c_str(), "w");
  return file_ != nullptr;
}

bool BlockRecorder::close() {
  if (file_ != nullptr) {
    failed_ |= std::fclose(std::exchange(file_, nullptr)) != 0;
  }
  return !failed_;
}

void BlockRecorder::write(const std::string& line) {
  if (file_ != nullptr) {
    failed_ |= std::fputs(line.c_str(), file_) < 0 || std::fputc('\n', file_) == EOF;
  }
}

model::BlockMakers BlockRecorder::in_front_of(model::BlockMakers makers, const std::string& host,
                                              const model::Calendar& calendar) {
  makers.cmd_doorbell = [this, &calendar, host,
                         real = makers.cmd_doorbell](model::OfferListener& listener) {
    return std::make_unique<RecordedDoorbells>(
        model::make_block<model::CmdDoorbellTlm>(real, listener),
        Place{*this, calendar, host + ".cmd_doorbell"});
  };
  makers.mkey_walker = [this, &calendar, host, real = makers.mkey_walker](model::NicCore& core) {
    return std::make_unique<RecordedWalker>(model::make_block<model::MkeyWalkerTlm>(real, core),
                                            Place{*this, calendar, host + ".mkey_walker"},
                                            *core.ram);
  };
  return makers;
}

}  // namespace vfsim::bench
