#include "testbench/workload/schedule.hpp"

#include <pcap/pcap.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <sstream>

#include <boost/endian/conversion.hpp>
#include <fmt/format.h>

namespace vfsim::bench {
namespace {

constexpr std::size_t kEthernetHeader = 14;
constexpr std::uint16_t kTypeIpv4 = 0x0800;
constexpr std::uint8_t kProtocolTcp = 6;
constexpr std::size_t kMaxFrame = 9018;
constexpr double kMaxSeconds = 1e6;            // of replay; no run is that long, and picoseconds hold it

/// TCP source port of an IPv4 frame, or -1.
int tcp_source_port(const Frame& frame) {
  if (frame.size() < kEthernetHeader + 20 || boost::endian::load_big_u16(&frame[12]) != kTypeIpv4 ||
      frame[kEthernetHeader + 9] != kProtocolTcp) {
    return -1;
  }
  const std::size_t tcp = kEthernetHeader + (frame[kEthernetHeader] & 0x0fU) * 4U;
  return frame.size() < tcp + 4 ? -1 : boost::endian::load_big_u16(&frame[tcp]);
}

std::string find_file(const std::string& name, const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    const auto path = std::filesystem::path(folder) / name;
    if (std::filesystem::exists(path)) {
      return path.string();
    }
  }
  return name;
}

struct Source {
  std::string path;
  int server_port;
};

driver::Result<void> read_capture(const Source& source, double scale, std::uint32_t guest, Schedule& out) {
  char text[PCAP_ERRBUF_SIZE] = "";
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> file(
      pcap_open_offline_with_tstamp_precision(source.path.c_str(), PCAP_TSTAMP_PRECISION_NANO, text), &pcap_close);
  if (!file) {
    return driver::fail(EINVAL, fmt::format("{}: {}", source.path, text));
  }
  if (pcap_datalink(file.get()) != DLT_EN10MB) {
    return driver::fail(EINVAL, fmt::format("{}: link type {}, allowed: Ethernet", source.path, pcap_datalink(file.get())));
  }
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  const std::size_t served = out.from_guest.size();
  std::int64_t first = -1;
  int got = 0;
  for (std::size_t number = 1; (got = pcap_next_ex(file.get(), &header, &bytes)) == 1; ++number) {
    if (header->caplen < header->len || header->len < kEthernetHeader || header->len > kMaxFrame) {
      return driver::fail(EINVAL, fmt::format("{}: frame {}: {} of {} bytes captured, allowed: whole frames of {} to {} bytes",
                                              source.path, number, header->caplen, header->len, kEthernetHeader, kMaxFrame));
    }
    const std::int64_t at = header->ts.tv_sec * 1'000'000'000LL + header->ts.tv_usec;  // nanosecond precision asked for
    first = first < 0 ? at : first;
    if (at < first) {
      return driver::fail(EINVAL, fmt::format("{}: frame {}: time runs backwards before the first frame", source.path, number));
    }
    const double after_ns = static_cast<double>(at - first) * scale;
    if (after_ns > kMaxSeconds * 1e9) {
      return driver::fail(EINVAL, fmt::format("{}: frame {}: replayed {:.0f} s after the first; allowed is at most {:.0f} s "
                                              "(workload.time_scale)", source.path, number, after_ns / 1e9, kMaxSeconds));
    }
    TimedFrame frame{static_cast<model::Ps>(after_ns * model::kNs), {bytes, bytes + header->len}};
    const bool server = tcp_source_port(frame.bytes) == source.server_port;
    set_macs(frame.bytes, server ? client_mac(guest) : guest_mac(guest), server ? guest_mac(guest) : client_mac(guest));
    (server ? out.from_guest : out.to_guest).push_back(std::move(frame));
  }
  if (got == PCAP_ERROR) {
    return driver::fail(EINVAL, fmt::format("{}: {}", source.path, pcap_geterr(file.get())));
  }
  if (out.from_guest.size() == served) {
    return driver::fail(EINVAL, fmt::format("{}: no frame comes from TCP port {} (workload.server_ports); allowed: the port "
                                            "of the capture's server", source.path, source.server_port));
  }
  return BOOST_OUTCOME_V2_NAMESPACE::success();
}

void sort_by_time(std::vector<TimedFrame>& frames) {
  std::stable_sort(frames.begin(), frames.end(), [](const TimedFrame& a, const TimedFrame& b) { return a.at < b.at; });
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), std::istream_iterator<std::string>()};
}

std::vector<TimedFrame> generate_direction(const WorkloadParams& p, const Mac& to, const Mac& from, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<TimedFrame> frames;
  frames.reserve(p.packets);
  model::Ps at = 0;
  for (std::uint64_t n = 0; n < p.packets; ++n) {
    const std::uint64_t gap_ps = p.gap_ns * model::kNs;
    at += gap_ps / 2 + random() % (gap_ps + 1);
    frames.push_back({at, numbered_frame(to, from, n, p.packet_bytes)});
  }
  return frames;
}

}  // namespace

driver::Result<Schedule> replay(const WorkloadParams& params, const std::vector<std::string>& folders, std::uint32_t guest) {
  const auto files = words(params.captures);
  const auto ports = words(params.server_ports);
  if (files.empty() || files.size() != ports.size()) {
    return driver::fail(EINVAL, fmt::format("workload.captures names {} files and workload.server_ports {} ports; allowed: "
                                            "at least one, as many ports as files", files.size(), ports.size()));
  }
  Schedule schedule;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const int port = std::atoi(ports[i].c_str());
    if (port < 1 || port > 65535) {
      return driver::fail(EINVAL, fmt::format("workload.server_ports: '{}' is no TCP port; allowed: 1 to 65535", ports[i]));
    }
    BOOST_OUTCOME_TRYV(read_capture({find_file(files[i], folders), port}, params.time_scale, guest, schedule));
  }
  sort_by_time(schedule.from_guest);
  sort_by_time(schedule.to_guest);
  return schedule;
}

Schedule generate(const WorkloadParams& params, std::uint32_t guest, std::uint64_t seed) {
  return {generate_direction(params, client_mac(guest), guest_mac(guest), seed * 1024 + guest * 2),
          generate_direction(params, guest_mac(guest), client_mac(guest), seed * 1024 + guest * 2 + 1)};
}

Schedule generate_p2p(const WorkloadParams& params, std::uint32_t guest, std::uint64_t seed) {
  WorkloadParams p = params;
  p.packets = params.p2p_sends;
  Schedule schedule = generate(p, guest, seed);
  schedule.from_guest.clear();
  return schedule;
}

}  // namespace vfsim::bench
