// Observation points: what a logic analyser would see. Rules, oracle, event log and waves are fed
// from here only.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "systemc/common/calendar.hpp"
#include "systemc/pcie/tlp.hpp"
#include "systemc/wire/port.hpp"

namespace vfsim::model {

/// Which function: host 0 = A (source at start), 1 = B; fn 0 = PF, k + 1 = VF k.
struct FnRef {
  std::uint8_t host = 0;
  std::uint8_t fn = 0;
};

enum class MsiAction : std::uint8_t {
  delivered,  // reached the CPU
  refused,    // remapping has no entry for (requester, vector): dropped and recorded
};

/// One command of a function's command queue, seen from host memory and BAR writes.
struct CommandView {
  FnRef who;
  std::uint8_t slot = 0;
  std::uint8_t token = 0;
  std::uint16_t opcode = 0;
  std::uint16_t op_mod = 0;
  std::uint8_t delivery = 0;   // completed only
  std::uint8_t status = 0;     // completed only
  std::uint32_t syndrome = 0;  // completed only
  const std::uint8_t* in =
      nullptr;  // input bytes, gathered over the mailbox chain (valid during the call)
  std::uint32_t in_bytes = 0;
  const std::uint8_t* out = nullptr;  // output bytes (completed only)
  std::uint32_t out_bytes = 0;
};

/// A MMIO or configuration access of a CPU.
struct AccessView {
  FnRef who;
  bool write = false;
  bool config = false;
  std::uint8_t bytes = 0;
  CplStatus status = CplStatus::successful;
  std::uint64_t offset = 0;  // in BAR0 or in configuration space
  std::uint64_t value = 0;   // as little-endian bytes read or written
};

/// What user space did with a migration data descriptor.
enum class StreamOp : std::uint8_t { opened, read, write, poll };

/// A call on a migration data descriptor, as it returned to user space.
struct StreamView {
  FnRef who;
  std::uint32_t descriptor = 0;  // number of the descriptor, from 1, one count per device and host
  bool saving = false;           // the device filled it; false: user space writes it
  StreamOp op = StreamOp::opened;
  int error = 0;            // errno of the uapi, 0 when it succeeded (a read of 0 bytes is the end)
  std::uint64_t asked = 0;  // bytes: read, write
  const std::uint8_t* bytes = nullptr;  // read: what came; write: what was taken
  std::size_t count = 0;
  std::uint32_t events = 0;  // poll
};

/// VFIO_MIG_GET_PRECOPY_INFO as it returned to user space.
struct PrecopyView {
  FnRef who;
  std::uint32_t descriptor = 0;
  int error = 0;
  bool reinit = false;
  std::uint64_t initial_bytes = 0;
  std::uint64_t dirty_bytes = 0;
};

/// A migration of a guest begins, or ended with an outcome (host_driver/vmm/report.hpp).
struct MigrationView {
  std::uint32_t guest = 0;
  std::uint8_t from = 0;  // hosts
  std::uint8_t to = 0;
  bool begin = false;
  const char* outcome = "";  // end only
};

/// Callbacks; every one has an empty default. `t` is the simulated time of the observation.
class Observer {
 public:
  virtual ~Observer() = default;
  /// A TLP was put on a device's upstream link (by the device). `payload` for mem_write and
  /// completion.
  virtual void tlp_sent(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload) {
    (void)t, (void)host, (void)tlp, (void)payload;
  }
  /// A device's request reached its target: bytes are in memory (mem_write), memory was read
  /// (mem_read), or a peer device received it. ok = false: refused. tlp.phys is valid.
  virtual void tlp_landed(Ps t, std::uint8_t host, const Tlp& tlp, const std::uint8_t* payload,
                          bool ok) {
    (void)t, (void)host, (void)tlp, (void)payload, (void)ok;
  }
  /// A completion (or an inbound request) reached a device from the fabric.
  virtual void tlp_received(Ps t, std::uint8_t host, const Tlp& tlp) {
    (void)t, (void)host, (void)tlp;
  }
  virtual void iommu_fault(Ps t, std::uint8_t host, Rid requester, std::uint64_t iova, bool write) {
    (void)t, (void)host, (void)requester, (void)iova, (void)write;
  }
  /// An MSI-X message arrived at the interrupt controller.
  virtual void msi(Ps t, FnRef who, std::uint32_t vector, MsiAction action) {
    (void)t, (void)who, (void)vector, (void)action;
  }
  /// A CPU access was issued (writes) or answered (reads).
  virtual void access(Ps t, const AccessView& view) { (void)t, (void)view; }
  virtual void command_submitted(Ps t, const CommandView& view) { (void)t, (void)view; }
  virtual void command_completed(Ps t, const CommandView& view) { (void)t, (void)view; }
  /// A function's frame left the NIC for the wire.
  virtual void frame_sent(Ps t, FnRef who, const std::uint8_t* bytes, std::uint32_t length) {
    (void)t, (void)who, (void)bytes, (void)length;
  }
  /// A function's frame was its turn while the cable was pulled: the port discarded it.
  virtual void frame_discarded(Ps t, FnRef who, const std::uint8_t* bytes, std::uint32_t length) {
    (void)t, (void)who, (void)bytes, (void)length;
  }
  /// A frame reached a NIC; drop == none: the NIC accepted it for `who`.
  virtual void frame_received(Ps t, FnRef who, const std::uint8_t* bytes, std::uint32_t length,
                              FrameDrop drop) {
    (void)t, (void)who, (void)bytes, (void)length, (void)drop;
  }
  /// A function-level reset was requested (configuration write) or VF Enable was cleared.
  virtual void function_reset(Ps t, FnRef who) { (void)t, (void)who; }
  /// Host side, told by the driver stack: see host_driver/platform/observer.hpp for the meaning.
  virtual void vfio_state(Ps t, FnRef who, std::uint32_t from, std::uint32_t to, int error) {
    (void)t, (void)who, (void)from, (void)to, (void)error;
  }
  /// SET_STATE returned: `now` is the state that GET reports behind it.
  virtual void set_state_done(Ps t, FnRef who, std::uint32_t requested, std::uint32_t now,
                              int error) {
    (void)t, (void)who, (void)requested, (void)now, (void)error;
  }
  /// VFIO_DEVICE_RESET returned; `now` as above.
  virtual void device_reset(Ps t, FnRef who, std::uint32_t now, int error) {
    (void)t, (void)who, (void)now, (void)error;
  }
  virtual void stream(Ps t, const StreamView& view) { (void)t, (void)view; }
  virtual void precopy_info(Ps t, const PrecopyView& view) { (void)t, (void)view; }
  /// The device is one of the guest's on that host. A device that is no function of the NIC has
  /// fn = VF_MAX_FUNCTIONS.
  virtual void assigned(Ps t, std::uint32_t guest, FnRef who) { (void)t, (void)guest, (void)who; }
  virtual void migration(Ps t, const MigrationView& view) { (void)t, (void)view; }
  virtual void dirty_report(Ps t, FnRef who, const std::uint64_t* pages, std::size_t count) {
    (void)t, (void)who, (void)pages, (void)count;
  }
  virtual void dirty_tracking(Ps t, FnRef who, bool on) { (void)t, (void)who, (void)on; }
  virtual void vcpu(Ps t, std::uint32_t guest, bool running, std::uint8_t host) {
    (void)t, (void)guest, (void)running, (void)host;
  }
  /// An assertion of an RTL block failed: "A.tx_arbiter.rr_arbiter.a_grant_was_requested".
  virtual void rtl_assertion(Ps t, const char* assertion) { (void)t, (void)assertion; }
  /// End of the run: clock cycles in which assertions of RTL blocks were evaluated.
  virtual void rtl_clocked(Ps t, std::uint64_t cycles) { (void)t, (void)cycles; }
  /// VMM phases ("precopy", "downtime", ...): begin and end.
  virtual void phase(Ps t, std::uint32_t guest, const char* name, bool begin) {
    (void)t, (void)guest, (void)name, (void)begin;
  }
};

/// Kinds of observation, for subscribing.
enum class Probe : std::uint8_t {
  tlp_sent,
  tlp_landed,
  tlp_received,
  iommu_fault,
  msi,
  access,
  command,
  frame,
  function_reset,
  driver,
  rtl,
  count_
};

/// Hands observations to subscribers, in the order of subscription.
class ProbeBus {
 public:
  void subscribe(Observer& observer, std::initializer_list<Probe> kinds) {
    for (const Probe kind : kinds) {
      lists_[static_cast<std::size_t>(kind)].push_back(&observer);
    }
  }
  [[nodiscard]] const std::vector<Observer*>& of(Probe kind) const {
    return lists_[static_cast<std::size_t>(kind)];
  }
  /// bus.emit<Probe::msi>(&Observer::msi, t, who, vector, action)
  template <Probe kKind, class... Formal, class... Actual>
  void emit(void (Observer::*method)(Formal...), Actual&&... args) const {
    for (Observer* o : lists_[static_cast<std::size_t>(kKind)]) {
      (o->*method)(args...);
    }
  }

 private:
  std::array<std::vector<Observer*>, static_cast<std::size_t>(Probe::count_)> lists_;
};

}  // namespace vfsim::model
