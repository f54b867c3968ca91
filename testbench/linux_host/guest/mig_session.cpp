#include "testbench/linux_host/guest/mig_session.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "firmware/interface/layout.h"
#include "host_driver/migration/bytes.hpp"
#include "host_driver/migration/fsm.hpp"
#include "host_driver/vfio/vfio_function.hpp"

namespace vfsim::guest {
namespace {

using driver::error_text;
using driver::fail;
using driver::MigState;
using driver::Result;

constexpr std::size_t kReadBytes = std::size_t{1} << 20;
constexpr int kUsage = -1;  // code of an error that is the caller's: no errno

std::string in_ms(driver::Nanoseconds time) {
  return fmt::format("{:.3f} ms", static_cast<double>(time.count()) / 1e6);
}

std::optional<MigState> find_state(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  for (std::uint32_t i = 0; i < driver::kMigStates; ++i) {
    if (name == to_string(static_cast<MigState>(i))) {
      return static_cast<MigState>(i);
    }
  }
  return std::nullopt;
}

/// Whether data is read or written in the state.
bool has_stream(MigState state) {
  return state == MigState::stop_copy || state == MigState::resuming ||
         state == MigState::pre_copy || state == MigState::pre_copy_p2p;
}

std::string state_names() {
  std::string names;
  for (std::uint32_t i = 0; i < driver::kMigStates; ++i) {
    names += std::string(i == 0 ? "" : " ") + to_string(static_cast<MigState>(i));
  }
  return names;
}

/// "ADDRESS+LENGTH", numbers as C writes them.
std::optional<driver::IovaRange> parse_range(const std::string& text) {
  const std::size_t plus = text.find('+');
  if (plus == std::string::npos) {
    return std::nullopt;
  }
  try {
    std::size_t a = 0, b = 0;
    const driver::IovaRange range{std::stoull(text.substr(0, plus), &a, 0),
                                  std::stoull(text.substr(plus + 1), &b, 0)};
    return a == plus && b == text.size() - plus - 1 ? std::optional(range) : std::nullopt;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

driver::Error wrong_range(const std::string& text) {
  return fail(kUsage,
              "'" + text + "' is no range; allowed is ADDRESS+LENGTH, for example 0x100000+0x8000");
}

}  // namespace

struct MigSession::Command {
  const char* name;
  std::size_t least, most;  // arguments
  Line (MigSession::*run)(const Words&);
  const char* usage;
  const char* doc;
};

const MigSession::Command MigSession::kCommands[] = {
    {"flags", 0, 0, &MigSession::flags, "flags", "what the driver offers"},
    {"state", 0, 0, &MigSession::state, "state", "the state of the device"},
    {"set", 1, 1, &MigSession::set, "set STATE", "walk to a state, arc by arc"},
    {"size", 0, 0, &MigSession::size, "size", "expected bytes of the device state"},
    {"precopy", 0, 0, &MigSession::precopy, "precopy", "what is left to read in pre-copy"},
    {"save", 1, 1, &MigSession::save, "save FILE",
     "read the device state to its end and append it"},
    {"load", 1, 1, &MigSession::load, "load FILE", "write a file into the device"},
    {"dirty", 1, 258, &MigSession::dirty, "dirty start RANGE... | report FILE RANGE... | stop",
     "log what the device writes, append its pages to FILE"},
    {"reset", 0, 0, &MigSession::reset, "reset", "reset the function"},
};

std::string MigSession::help() {
  std::string text;
  for (const Command& command : kCommands) {
    text += fmt::format("  {:<52} {}\n", command.usage, command.doc);
  }
  return text;
}

MigSession::MigSession(std::string name, driver::VfioDevice& device,
                       std::function<driver::Nanoseconds()> clock)
    : name_(std::move(name)), device_(device), clock_(std::move(clock)) {}

std::string MigSession::state_name() {
  const auto now = device_.state();
  return now ? to_string(now.value()) : "not known (" + driver::errno_name(now.error().code) + ")";
}

Answer MigSession::run(const Words& words) {
  const auto command = find_command(kCommands, words);
  if (command == std::end(kCommands)) {
    return unknown_command(kCommands, words);
  }
  if (words.size() - 1 < command->least || words.size() - 1 > command->most) {
    return {kWrongUse, fmt::format("usage: {}", command->usage), {}};
  }
  const driver::Nanoseconds begin = clock_();
  const Line line = (this->*command->run)(Words(words.begin() + 1, words.end()));
  const std::string took = in_ms(clock_() - begin);
  if (line) {
    return {kDone, fmt::format("{}: {} ({})", name_, line.value(), took), {}};
  }
  if (line.error().code == kUsage) {
    return {kWrongUse, line.error().text, {}};
  }
  return {kRefused,
          fmt::format("{}: {}; the state is {} ({})", name_, line.error().text, state_name(), took),
          {}};
}

MigSession::Line MigSession::flags(const Words&) {
  const std::uint64_t flags = device_.migration_flags();
  std::string names;
  for (const auto& [bit, name] :
       {std::pair{VF_MIG_FLAG_STOP_COPY, "STOP_COPY"}, std::pair{VF_MIG_FLAG_P2P, "P2P"},
        std::pair{VF_MIG_FLAG_PRE_COPY, "PRE_COPY"}}) {
    names += (flags & bit) != 0 ? std::string(" ") + name : "";
  }
  if (flags == 0) {
    return fail(ENOTTY, "no migration");
  }
  return fmt::format("migration flags {:#x}{}, dirty tracking {}", flags, names,
                     device_.logging_supported() ? "yes" : "no");
}

MigSession::Line MigSession::state(const Words&) {
  BOOST_OUTCOME_TRY(now, device_.state());
  return std::string("state ") + to_string(now);
}

MigSession::Line MigSession::set(const Words& arguments) {
  const auto target = find_state(arguments[0]);
  if (!target) {
    return fail(kUsage, "'" + arguments[0] + "' is no state; allowed are " + state_names());
  }
  const std::string before = state_name();
  BOOST_OUTCOME_TRY(stream, device_.set_state(*target));
  if (stream) {
    stream_ = std::move(stream);
  }
  if (!has_stream(*target)) {
    stream_.reset();
  }
  return before + " -> " + to_string(*target);
}

MigSession::Line MigSession::size(const Words&) {
  BOOST_OUTCOME_TRY(bytes, device_.data_size());
  return fmt::format("device state of at most {} bytes", bytes);
}

MigSession::Line MigSession::precopy(const Words&) {
  if (!stream_) {
    return fail(EBADF, "no data stream is open");
  }
  BOOST_OUTCOME_TRY(info, stream_->precopy_info());
  return fmt::format("pre-copy: initial {} bytes, dirty {} bytes{}", info.initial_bytes,
                     info.dirty_bytes, info.reinit ? ", from the start" : "");
}

MigSession::Line MigSession::save(const Words& arguments) {
  if (!stream_) {
    return fail(EBADF, "no data stream is open");
  }
  std::ofstream file(arguments[0], std::ios::binary | std::ios::app);
  std::vector<std::uint8_t> all;
  for (;;) {
    auto piece = stream_->read(kReadBytes, false);
    const bool end_for_now = !piece && piece.error().code == ENOMSG;
    if (!piece && !end_for_now) {
      return std::move(piece).error();
    }
    if (end_for_now || piece.value().empty()) {
      file.write(reinterpret_cast<const char*>(all.data()),
                 static_cast<std::streamsize>(all.size()));
      file.flush();
      if (!file) {
        return fail(EIO, arguments[0] + ": cannot be written");
      }
      return fmt::format("saved {} bytes, {}, crc32c {:08x}", all.size(),
                         end_for_now ? "no more for now" : "complete",
                         driver::crc32c(all.data(), all.size()));
    }
    all.insert(all.end(), piece.value().begin(), piece.value().end());
  }
}

MigSession::Line MigSession::load(const Words& arguments) {
  if (!stream_) {
    return fail(EBADF, "no data stream is open");
  }
  std::ifstream file(arguments[0], std::ios::binary);
  if (!file) {
    return fail(ENOENT, error_text(arguments[0], ENOENT));
  }
  const std::vector<std::uint8_t> all{std::istreambuf_iterator<char>(file), {}};
  for (std::size_t done = 0; done < all.size();) {
    BOOST_OUTCOME_TRY(put,
                      stream_->write(all.data() + done, std::min(kReadBytes, all.size() - done)));
    done += put;
  }
  return fmt::format("loaded {} bytes, crc32c {:08x}", all.size(),
                     driver::crc32c(all.data(), all.size()));
}

MigSession::Line MigSession::dirty(const Words& arguments) {
  const bool start = arguments[0] == "start", report = arguments[0] == "report";
  const std::size_t first = report ? 2 : 1;
  if (arguments[0] == "stop" && arguments.size() == 1) {
    BOOST_OUTCOME_TRYV(device_.logging_stop());
    return std::string("dirty tracking is off");
  }
  if (!(start || report) || arguments.size() <= first) {
    return fail(kUsage,
                "allowed are: dirty start RANGE..., dirty report FILE RANGE..., dirty stop");
  }
  std::vector<driver::IovaRange> ranges;
  for (std::size_t i = first; i < arguments.size(); ++i) {
    const auto range = parse_range(arguments[i]);
    if (!range) {
      return wrong_range(arguments[i]);
    }
    ranges.push_back(*range);
  }
  if (report) {
    return dirty_report(arguments[1], ranges);
  }
  BOOST_OUTCOME_TRY(page, device_.logging_start(VF_PAGE_BYTES, ranges));
  return fmt::format("dirty tracking is on, {} ranges, pages of {} bytes", ranges.size(), page);
}

MigSession::Line MigSession::dirty_report(const std::string& file,
                                          const std::vector<driver::IovaRange>& ranges) {
  std::size_t count = 0;
  std::ofstream out(file, std::ios::app);
  for (const driver::IovaRange& range : ranges) {
    BOOST_OUTCOME_TRY(pages, device_.logging_report(range.iova, range.length));
    for (const std::uint64_t page : pages) {
      out << fmt::format("{:#x}\n", page);
    }
    count += pages.size();
  }
  if (!out.flush()) {
    return fail(EIO, file + ": cannot be written");
  }
  return fmt::format("{} dirty pages", count);
}

MigSession::Line MigSession::reset(const Words&) {
  stream_.reset();
  BOOST_OUTCOME_TRYV(device_.reset());
  return "reset; the state is " + state_name();
}

}  // namespace vfsim::guest
