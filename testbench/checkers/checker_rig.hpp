// Feeds observations to the rules as a machine would: for tests of checkers without a simulation.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "testbench/checkers/rule_set.hpp"

namespace vfsim::bench {

/// Two hosts with identity-mapped memory. Time moves only by advance().
class CheckerRig {
 public:
  using Bytes = std::vector<std::uint8_t>;
  static constexpr std::uint64_t kMemory = 64ULL << 20;
  static constexpr model::Rid kPeer = 0x0200;

  /// @param configure  changes what the rules know of the configuration
  explicit CheckerRig(const std::function<void(CheckContext&)>& configure = nullptr);

  [[nodiscard]] const Rule& rule(std::string_view id) const { return *rules_->find(id); }
  [[nodiscard]] std::uint64_t violations(std::string_view id) const {
    return rule(id).violations();
  }
  [[nodiscard]] std::uint64_t evaluations(std::string_view id) const {
    return rule(id).evaluations();
  }
  /// The newest violation of the rule; an empty one if there is none.
  [[nodiscard]] Violation last(std::string_view id) const;
  [[nodiscard]] RuleSet& rules() { return *rules_; }
  /// What the rule's first violation saw; "" without one.
  [[nodiscard]] std::string seen(std::string_view id) const;
  [[nodiscard]] model::ProbeBus& bus() { return bus_; }
  [[nodiscard]] model::HostMemory& memory(std::uint8_t host) { return *memories_[host]; }
  [[nodiscard]] model::Ps now() const { return now_; }
  void advance(model::Ps time) { now_ += time; }
  /// What Nic::state_digest would say.
  std::uint64_t digest = 1;

  // CPU
  void mmio_write(model::FnRef who, std::uint64_t offset, std::uint64_t value, std::uint32_t bytes);
  void mmio_read(model::FnRef who, std::uint64_t offset, std::uint64_t value,
                 model::CplStatus status);
  void doorbell(model::FnRef who, std::uint32_t sqn, std::uint32_t index);
  /// Function without a queue yet: gives it one.
  void start_queue(model::FnRef who);
  /// Hands a command over; returns its slot.
  /// @param spoil  called with the finished, signed entry before it is handed over
  std::uint8_t submit(model::FnRef who, const Bytes& in, std::uint32_t out_bytes = 16,
                      const std::function<void(std::uint8_t* entry)>& spoil = nullptr);
  /// The device completes it: output and entry land.
  /// @param way  time that each of the writes is on the bus
  void complete(model::FnRef who, std::uint8_t slot, const Bytes& out, std::uint32_t delivery = 0,
                model::Ps way = 0);
  /// Both at once, output zero (status OK) but for what `out` gives.
  void command(model::FnRef who, const Bytes& in, const Bytes& out = Bytes(16));

  // commands by meaning
  void learn_vhca(std::uint8_t host, std::uint8_t fn);  // vhca_id = VF_VHCA_ID_BASE + fn
  void suspend(model::FnRef who, Half half);
  void resume(model::FnRef who, Half half);
  std::uint8_t submit_resume(model::FnRef who, Half half);
  void create_mtt_key(model::FnRef who, std::uint32_t index,
                      const std::vector<std::uint64_t>& pages, bool write = true);
  void create_eq(model::FnRef who, std::uint32_t eqn, std::uint32_t vector, std::uint32_t log_size,
                 std::uint64_t ring);
  void create_cq(model::FnRef who, std::uint32_t cqn, std::uint32_t log_size, std::uint64_t ring);
  void create_sq(model::FnRef who, std::uint32_t sqn, std::uint32_t log_size, std::uint64_t ring);
  std::uint8_t submit_save(model::FnRef who, std::uint32_t key, std::uint32_t size,
                           bool incremental = false, bool set_track = false);
  /// `next`: bytes of the chunk that follows.
  void complete_save(model::FnRef who, std::uint8_t slot, std::uint32_t bytes,
                     std::uint32_t next = 0);
  /// Incremental QUERY_VHCA_MIGRATION_STATE and its answer.
  void query_increment(model::FnRef who, std::uint32_t required, std::uint32_t state,
                       std::uint32_t remaining = 0);
  std::uint8_t submit_load(model::FnRef who, std::uint32_t key, std::uint32_t size,
                           std::uint32_t out_bytes = 16);
  /// Of any command of the PF of the function's host.
  void complete_with(model::FnRef who, std::uint8_t slot, std::uint8_t status,
                     std::uint32_t syndrome);
  void load(model::FnRef who, std::uint32_t key, std::uint32_t size);

  // what user space gets of a VFIO device
  void arc(model::FnRef who, std::uint32_t from, std::uint32_t to, int error = 0);
  void set_state_done(model::FnRef who, std::uint32_t requested, std::uint32_t now, int error = 0);
  void device_reset(model::FnRef who, std::uint32_t now, int error = 0);
  void open_stream(model::FnRef who, std::uint32_t descriptor, bool saving = true);
  /// `bytes` as they came; error 0 and no bytes: the end.
  void read(model::FnRef who, std::uint32_t descriptor, const Bytes& bytes, int error = 0);
  void write(model::FnRef who, std::uint32_t descriptor, const Bytes& bytes, int error = 0);
  void poll(model::FnRef who, std::uint32_t descriptor, std::uint32_t events);
  void function_reset(model::FnRef who);

  // device
  model::Tlp tlp(model::TlpKind kind, model::FnRef who, std::uint64_t addr,
                 std::uint32_t bytes) const;
  void sent(std::uint8_t host, const model::Tlp& tlp, const std::uint8_t* payload = nullptr);
  void landed(std::uint8_t host, const model::Tlp& tlp, const std::uint8_t* payload = nullptr,
              bool ok = true);
  void received(std::uint8_t host, const model::Tlp& tlp);
  /// Sent and, after `way`, landed, memory changed.
  void dma_write(model::FnRef who, std::uint64_t addr, const Bytes& bytes, model::Ps way = 0);
  /// An interrupt message leaves and arrives.
  void interrupt(model::FnRef who, std::uint32_t vector);

  static Bytes header(std::uint16_t opcode, std::uint16_t op_mod, std::size_t bytes);

 private:
  struct Queue {
    std::uint64_t page = 0;
    std::uint8_t next = 0;
    std::uint8_t token = 1;
  };
  Queue& queue(model::FnRef who);
  std::uint64_t alloc(std::uint64_t bytes);
  /// A chain of mailbox blocks that holds `bytes` from its 17th byte on; 0 if all fits in the
  /// entry.
  std::uint64_t mailboxes(std::uint8_t host, const Bytes& bytes, std::uint8_t token);

  model::ProbeBus bus_;
  std::array<std::unique_ptr<model::HostMemory>, kHosts> memories_;
  CheckContext context_;
  std::unique_ptr<RuleSet> rules_;
  std::vector<Queue> queues_;
  std::uint64_t free_ = 32ULL << 20;  // addresses below are the test's
  model::Ps now_ = model::kUs;
};

}  // namespace vfsim::bench
