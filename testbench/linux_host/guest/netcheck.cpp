// netcheck: is the network of a guest well, while its function migrates? See usage().
#include <charconv>
#include <cstdio>
#include <fmt/format.h>
#include <string>

#include "testbench/linux_host/guest/control.hpp"
#include "testbench/linux_host/guest/ping.hpp"
#include "testbench/linux_host/guest/stream.hpp"

namespace vfsim::guest {
namespace {

constexpr const char* kProgram = "netcheck";

int usage() {
  std::printf(
      "usage: netcheck ping ADDRESS COUNT INTERVAL_US   echo requests; how many were answered, how "
      "fast\n"
      "       netcheck send ADDRESS PORT BYTES [PIECE US]\n"
      "                                                 a TCP stream of known bytes, as fast as it\n"
      "                                                 goes, or PIECE bytes every US\n"
      "       netcheck receive PORT                     takes one such stream and checks every "
      "byte\n"
      "Exit status 1: something came back wrong, or nothing did; 2: wrong use.\n");
  return kDone;
}

/// False: no number from 1 to `most`.
template <class Number>
bool parse(const std::string& text, Number most, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 1 && value <= most;
}

double in_ms(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1e6;
}

Answer run_ping(const Words& words) {
  PingOptions options;
  std::uint32_t interval_us = 0;
  options.address = words[1];
  if (!parse(words[2], 65535U, options.count) || !parse(words[3], 10'000'000U, interval_us)) {
    return {kWrongUse, "allowed are 1 to 65535 requests, 1 to 10000000 us between two", {}};
  }
  options.interval = std::chrono::microseconds(interval_us);
  const auto done = ping(options);
  if (!done) {
    return {kRefused, done.error().text, {}};
  }
  const PingReport& r = done.value();
  const bool well = r.answered > 0 && r.duplicated == 0 && r.damaged == 0;
  const double mean = r.answered == 0 ? 0 : in_ms(r.sum) / r.answered;
  return {
      well ? kDone : kRefused,
      fmt::format("ping: {} of {} answered, longest outage {} requests ({:.3f} ms), duplicated {}, "
                  "damaged {}, round "
                  "trip {:.3f} / {:.3f} / {:.3f} ms",
                  r.answered, r.sent, r.longest_outage, r.longest_outage * in_ms(options.interval),
                  r.duplicated, r.damaged, in_ms(r.shortest), mean, in_ms(r.longest)),
      {}};
}

Answer stream_answer(const char* what, const driver::Result<StreamReport>& done) {
  if (!done) {
    return {kRefused, done.error().text, {}};
  }
  const StreamReport& r = done.value();
  const double mbit = r.took.count() == 0 ? 0
                                          : static_cast<double>(r.bytes) * 8e3 /
                                                static_cast<double>(r.took.count());
  return {kDone,
          fmt::format("stream {}: {} bytes, digest {:016x}, {:.3f} ms, {:.1f} Mbit/s, longest gap "
                      "{:.3f} ms, retransmitted {}",
                      what, r.bytes, r.digest, in_ms(r.took), mbit, in_ms(r.longest_gap),
                      r.retransmitted),
          {}};
}

Answer run_send(const Words& words) {
  std::uint16_t port = 0;
  std::uint64_t bytes = 0;
  StreamPace pace;
  std::uint32_t interval_us = 0;
  const bool paced = words.size() > 4;
  if (!parse<std::uint16_t>(words[2], 65535, port) ||
      !parse<std::uint64_t>(words[3], std::uint64_t{1} << 40, bytes) ||
      (paced && (!parse<std::size_t>(words[4], 1U << 20, pace.piece) ||
                 !parse(words[5], 10'000'000U, interval_us)))) {
    return {kWrongUse,
            "allowed are ports 1 to 65535, 1 to 2^40 bytes, pieces of 1 to 1048576 bytes every 1 "
            "to 10000000 us",
            {}};
  }
  pace.interval = std::chrono::microseconds(interval_us);
  return stream_answer("sent", send_stream(words[1], port, bytes, pace));
}

Answer run_receive(const Words& words) {
  std::uint16_t port = 0;
  if (!parse<std::uint16_t>(words[1], 65535, port)) {
    return {kWrongUse, "allowed are ports 1 to 65535", {}};
  }
  return stream_answer("received", receive_stream(port));
}

int run(const Words& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    return usage();
  }
  const std::string key = words[0] + " " + std::to_string(words.size() - 1);
  const Answer answer =
      key == "ping 3"   ? run_ping(words)
      : key == "send 3" || key == "send 5" ? run_send(words)
      : key == "receive 1"
          ? run_receive(words)
          : Answer{kWrongUse, "wrong words; netcheck --help shows the right ones", {}};
  return print(kProgram, answer.status, answer.text);
}

}  // namespace
}  // namespace vfsim::guest

int main(int argc, char** argv) {
  return vfsim::guest::run(vfsim::guest::Words(argv + 1, argv + argc));
}
