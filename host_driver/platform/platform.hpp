// What the driver code needs of a machine. Implemented by the simulation (testbench/sim_platform),
// by a fake for unit tests (fake_platform.hpp), and by whoever ports the driver to a kernel, a VMM
// or hardware.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace vfsim::driver {

using Nanoseconds = std::chrono::nanoseconds;

/// A wake-up flag between driver threads. notify() makes one current or the next wait() return
/// true.
class Event {
 public:
  virtual ~Event() = default;
  /// Blocks until notified (true) or until `timeout` has passed (false). Clears the flag.
  virtual bool wait(Nanoseconds timeout) = 0;
  virtual void notify() = 0;
};

/// Mutual exclusion between driver threads. Not recursive.
class Mutex {
 public:
  virtual ~Mutex() = default;
  virtual void lock() = 0;
  virtual bool try_lock() = 0;
  virtual void unlock() = 0;
};

enum class LogLevel : std::uint8_t { error, warning, info, debug, trace };

/// Threads, time and log of a machine; shared by all functions of a host.
class Os {
 public:
  virtual ~Os() = default;
  [[nodiscard]] virtual Nanoseconds now() const = 0;
  virtual void sleep(Nanoseconds duration) = 0;
  [[nodiscard]] virtual std::unique_ptr<Event> make_event() = 0;
  [[nodiscard]] virtual std::unique_ptr<Mutex> make_mutex() = 0;
  /// Runs `body` in a thread of its own; it ends when body returns.
  virtual void spawn(std::string_view name, std::function<void()> body) = 0;
  virtual void log(LogLevel level, std::string_view text) = 0;
};

/// Forever, for Event::wait.
inline constexpr Nanoseconds kForever = Nanoseconds::max();

/// One PCI function as its driver sees it, and the memory that it may reach by DMA.
/// Blocking calls block the calling thread only. Device addresses are what the function must use in
/// its DMA.
class Platform {
 public:
  virtual ~Platform() = default;
  [[nodiscard]] virtual Os& os() = 0;

  // BAR0. Values are in host order; on the bus the registers are big-endian. Writes are posted,
  // reads flush them.
  [[nodiscard]] virtual std::uint32_t read32(std::uint64_t offset) = 0;
  virtual void write32(std::uint64_t offset, std::uint32_t value) = 0;
  virtual void write64(std::uint64_t offset, std::uint64_t value) = 0;

  // Configuration space, little-endian; bytes = 1, 2, 4. An absent function reads as all ones.
  [[nodiscard]] virtual std::uint32_t config_read(std::uint32_t reg, std::uint32_t bytes) = 0;
  virtual void config_write(std::uint32_t reg, std::uint32_t value, std::uint32_t bytes) = 0;

  // DMA memory: page aligned, zeroed, contiguous for the device.
  /// Device address, or nothing when memory is exhausted.
  [[nodiscard]] virtual std::optional<std::uint64_t> dma_alloc(std::size_t bytes) = 0;
  virtual void dma_free(std::uint64_t address, std::size_t bytes) = 0;
  virtual void mem_write(std::uint64_t address, const void* from, std::size_t bytes) = 0;
  virtual void mem_read(std::uint64_t address, void* to, std::size_t bytes) const = 0;

  // Interrupts (MSI-X).
  /// Vectors that may be bound.
  [[nodiscard]] virtual std::uint32_t vectors() const = 0;
  /// Enables the vector; `handler` runs in the function's interrupt thread, once per message or
  /// more rarely when messages come faster than it runs; it may block.
  virtual void bind_vector(std::uint32_t vector, std::function<void()> handler) = 0;
  virtual void unbind_vector(std::uint32_t vector) = 0;
};

}  // namespace vfsim::driver
