#include "testbench/shell/memory_tools.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "testbench/scenarios/names.hpp"
#include "testbench/shell/look_tools.hpp"

namespace vfsim::bench {
namespace {

constexpr std::uint64_t kPage = 4096;

/// One piece, inside a page. False: `error`.
bool place(const Machine& machine, const MemorySpace& space, std::uint64_t address,
           std::size_t bytes, std::uint64_t& phys, std::string& error) {
  model::Host& host = machine.sim.hosts[space.host]->host;
  phys = address;
  if (space.translated) {
    const model::Rid rid = rid_of(space.who);
    const auto count = static_cast<std::uint32_t>(bytes);
    const auto readable = host.iommu().translate(rid, address, count, false);
    const auto found = readable ? readable : host.iommu().translate(rid, address, count, true);
    if (!found) {
      error =
          fmt::format("{:#x} is not in the IOMMU domain of {}", address, function_name(space.who));
      return false;
    }
    phys = *found;
  }
  if (phys >= model::Host::kMmioBase) {
    error = fmt::format("{:#x} is no memory: it is in a device's window, at {:#x}", address, phys);
    return false;
  }
  if (host.memory().view(phys, bytes) == nullptr) {
    error = fmt::format("{:#x} is behind the memory of host {}, which has {} MiB (host.memory_mib)",
                        phys, host_name(space.host), machine.sim.scenario().host.memory_mib);
    return false;
  }
  return true;
}

/// The guest that runs on this host and whose memory this is; null: none.
Guest* owner(const Machine& machine, std::uint8_t host, std::uint64_t phys) {
  for (const auto& guest : machine.sim.guests) {
    const std::uint64_t begin = guest->on(host).phys();
    if (guest->core().host == host && phys >= begin &&
        phys - begin < guest->core().memory.bytes()) {
      return guest.get();
    }
  }
  return nullptr;
}

}  // namespace

bool find_space(const Machine& machine, std::string_view word, MemorySpace& space,
                std::string& error) {
  if (word == "A" || word == "B") {
    space = {static_cast<std::uint8_t>(word[0] - 'A'), false, {}};
    return true;
  }
  space.translated = find_function(machine, word, space.who, error);
  space.host = space.who.host;
  if (!space.translated) {
    error += ", and A, B for physical addresses";
  }
  return space.translated;
}

bool locate(const Machine& machine, const MemorySpace& space, std::uint64_t address,
            std::size_t bytes, std::vector<MemoryPiece>& pieces, std::string& error) {
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t n = std::min<std::size_t>(bytes - done, kPage - (address + done) % kPage);
    std::uint64_t phys = 0;
    if (!place(machine, space, address + done, n, phys, error)) {
      return false;
    }
    pieces.push_back({phys, n});
    done += n;
  }
  return true;
}

bool read_memory(const Machine& machine, const MemorySpace& space, std::uint64_t address,
                 std::vector<std::uint8_t>& bytes, std::string& error) {
  std::vector<MemoryPiece> pieces;
  if (!locate(machine, space, address, bytes.size(), pieces, error)) {
    return false;
  }
  std::size_t at = 0;
  for (const MemoryPiece& piece : pieces) {
    machine.sim.hosts[space.host]->host.memory().read(piece.phys, &bytes[at], piece.bytes);
    at += piece.bytes;
  }
  return true;
}

bool write_memory(const Machine& machine, const MemorySpace& space, std::uint64_t address,
                  const std::vector<std::uint8_t>& bytes, std::string& error) {
  std::vector<MemoryPiece> pieces;
  if (!locate(machine, space, address, bytes.size(), pieces, error)) {
    return false;
  }
  std::size_t at = 0;
  for (const MemoryPiece& piece : pieces) {
    if (Guest* guest = owner(machine, space.host, piece.phys)) {
      guest->core().memory.write(piece.phys - guest->on(space.host).phys(), &bytes[at],
                                 piece.bytes);
    } else {
      machine.sim.hosts[space.host]->host.memory().write(piece.phys, &bytes[at], piece.bytes);
    }
    at += piece.bytes;
  }
  return true;
}

}  // namespace vfsim::bench
