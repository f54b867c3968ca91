#include "host_driver/resources/page_manager.hpp"

#include <algorithm>
#include <string>

namespace vfsim::driver {
namespace {

constexpr std::uint32_t kMostReturned = 50'000;  // of one event
constexpr Nanoseconds kNoProgress{5'000'000'000};
constexpr Nanoseconds kLook{50'000'000};

}  // namespace

PageManager::PageManager(Platform& platform, CommandChannel& channel)
    : platform_(platform),
      channel_(channel),
      wake_(platform.os().make_event()),
      ended_(platform.os().make_event()) {}

PageManager::~PageManager() {
  stop_worker();
}

Result<void> PageManager::satisfy(std::uint32_t kind) {
  BOOST_OUTCOME_TRY(wanted, query_pages(channel_, kind, 0));
  return wanted > 0 ? give(0, static_cast<std::uint32_t>(wanted)) : Result<void>(ok());
}

Result<void> PageManager::give(std::uint16_t function_id, std::uint32_t count) {
  std::vector<std::uint64_t> pages;
  while (pages.size() < count) {
    const auto page = platform_.dma_alloc(VF_PAGE_BYTES);
    if (!page) {
      break;
    }
    pages.push_back(*page);
  }
  const bool enough = pages.size() == count;
  Result<void> given =
      enough ? give_pages(channel_, function_id, pages) : decline_pages(channel_, function_id);
  if (!enough || !given) {
    for (const std::uint64_t page : pages) {
      platform_.dma_free(page, VF_PAGE_BYTES);
    }
    return enough ? given
                  : Result<void>(
                        fail(ENOMEM, "no memory for " + std::to_string(count) + " firmware pages"));
  }
  pages_[function_id].insert(pages.begin(), pages.end());
  return ok();
}

void PageManager::release(std::uint16_t function_id, const std::vector<std::uint64_t>& pages) {
  auto& held = pages_[function_id];
  for (const std::uint64_t page : pages) {
    if (held.erase(page) == 0) {
      platform_.os().log(LogLevel::error, "firmware returned a page that it was never given");
      continue;
    }
    platform_.dma_free(page, VF_PAGE_BYTES);
  }
}

Result<std::uint32_t> PageManager::take(std::uint16_t function_id, std::uint32_t count) {
  BOOST_OUTCOME_TRY(pages, take_pages(channel_, function_id, count));
  release(function_id, pages);
  return static_cast<std::uint32_t>(pages.size());
}

void PageManager::on_request(const std::uint8_t* data) {
  requests_.push_back({static_cast<std::uint16_t>(VF_GET(eqe_page_request, data, function_id)),
                       static_cast<std::int32_t>(VF_GET(eqe_page_request, data, num_pages)),
                       VF_GET(eqe_page_request, data, release_all) != 0});
  wake_->notify();
}

/// A failure of a command that the firmware itself asked for is its own affair: told, not acted
/// upon.
void PageManager::serve(const Request& request) {
  if (request.release_all) {
    const auto held = pages_[request.function_id];
    release(request.function_id, {held.begin(), held.end()});
    return;
  }
  if (request.count > 0) {
    if (auto given = give(request.function_id, static_cast<std::uint32_t>(request.count)); !given) {
      platform_.os().log(LogLevel::warning, given.error().text);
    }
    return;
  }
  std::uint32_t left = std::min(
      kMostReturned, static_cast<std::uint32_t>(-static_cast<std::int64_t>(request.count)));
  while (left > 0) {
    auto taken = take(request.function_id, left);
    if (!taken || taken.value() == 0) {
      return;
    }
    left -= taken.value();
  }
}

void PageManager::work() {
  while (!stop_) {
    if (requests_.empty()) {
      wake_->wait(kForever);
      continue;
    }
    const Request request = requests_.front();
    requests_.pop_front();
    serve(request);
  }
  running_ = false;
  ended_->notify();
}

void PageManager::start_worker() {
  stop_ = false;
  running_ = true;
  platform_.os().spawn("pages", [this] { work(); });
}

void PageManager::stop_worker() {
  stop_ = true;
  while (running_) {
    wake_->notify();
    ended_->wait(kForever);
  }
  requests_.clear();
}

Result<void> PageManager::take_all_back() {
  Os& os = platform_.os();
  Nanoseconds deadline = os.now() + kNoProgress;
  while (held() > 0) {
    for (const auto& [function_id, held_pages] : pages_) {
      if (held_pages.empty()) {
        continue;
      }
      auto result = take(function_id, static_cast<std::uint32_t>(held_pages.size()));
      if (!result && result.error().code == ENXIO) {  // dead device: nobody uses them any more
        release(function_id, {held_pages.begin(), held_pages.end()});
        continue;
      }
      BOOST_OUTCOME_TRY(taken, std::move(result));
      if (taken > 0) {
        deadline = os.now() + kNoProgress;
      } else if (os.now() >= deadline) {
        return fail(ETIMEDOUT, "firmware keeps " + std::to_string(held()) + " pages");
      } else {
        os.sleep(kLook);
      }
    }
  }
  return ok();
}

Result<void> PageManager::wait_for_vf_pages(Nanoseconds limit) {
  const Nanoseconds deadline = platform_.os().now() + limit;
  while (held() > held(0)) {
    if (platform_.os().now() >= deadline) {
      return fail(ETIMEDOUT, "firmware keeps " + std::to_string(held() - held(0)) +
                                 " pages of virtual functions");
    }
    platform_.os().sleep(kLook);
  }
  return ok();
}

std::size_t PageManager::held(std::uint16_t function_id) const {
  const auto it = pages_.find(function_id);
  return it != pages_.end() ? it->second.size() : 0;
}

std::size_t PageManager::held() const {
  std::size_t sum = 0;
  for (const auto& [function_id, pages] : pages_) {
    sum += pages.size();
  }
  return sum;
}

}  // namespace vfsim::driver
