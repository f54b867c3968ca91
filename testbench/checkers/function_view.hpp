// The state of every function as seen from the command side and the bus: shared input of the rules.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <vector>

#include "testbench/checkers/check_context.hpp"
#include "testbench/checkers/command_monitor.hpp"
#include "testbench/checkers/function_objects.hpp"
#include "testbench/checkers/range_set.hpp"
#include "testbench/checkers/rule.hpp"

namespace vfsim::bench {

/// Run state of a function by its acknowledged SUSPENDs and submitted RESUMEs.
struct RunState {
  bool initiator_stopped = false;
  bool responder_stopped = false;
  model::Ps initiator_at = 0;  // of the last change
  model::Ps responder_at = 0;
};

/// One observer for all rules: run states, objects, counters of requests in flight, the links
/// between images.
///
/// Hot path: one call per TLP, indexed by function, no look-up and no allocation. Rules that care
/// only about stopped functions or about the PF subscribe to the narrow buses here instead of the
/// machine's:
///   quiet()   tlp_sent of functions that are stopped or watched
///             and, of their last completions and memory writes, tlp_received and tlp_landed
///   pf()      tlp_landed of the PF's memory writes, tlp_received of its command doorbells
///   peers()   peer-to-peer requests: tlp_sent and tlp_landed of other devices, and of functions
///             into their peer window; tlp_received of completions that a device sent to another
class FunctionView final : public model::Observer {
 public:
  FunctionView(const CheckContext& context, model::ProbeBus& bus, CommandMonitor& monitor);

  void add_listener(FunctionEvents& listener) { listeners_.push_back(&listener); }
  [[nodiscard]] model::ProbeBus& quiet() { return quiet_; }
  [[nodiscard]] model::ProbeBus& pf() { return pf_; }
  [[nodiscard]] model::ProbeBus& peers() { return peers_; }

  [[nodiscard]] const RunState& run(model::FnRef who) const { return runs_[function_index(who)]; }
  [[nodiscard]] const FunctionObjects& objects(model::FnRef who) const {
    return objects_[function_index(who)];
  }
  [[nodiscard]] FunctionObjects& objects(model::FnRef who) { return objects_[function_index(who)]; }
  /// Function that a vhca_id names on a host, learnt from QUERY_HCA_CAP; false: not known.
  bool function_of_vhca(std::uint8_t host, std::uint32_t vhca_id, model::FnRef& who) const;
  /// Reads of a function without their last completion, the ones that timed out excepted.
  [[nodiscard]] std::uint32_t outstanding_reads(model::FnRef who, model::Ps now) const;
  /// Whether a read that the function sent at `since` or later has got no answer within the
  /// completion time-out: the host lost it.
  [[nodiscard]] bool lost_read(model::FnRef who, model::Ps since, model::Ps now) const;
  /// Writes to memory and to other devices (no interrupts) that were sent and have not landed.
  [[nodiscard]] std::uint64_t writes_in_flight(model::FnRef who) const;
  /// Writes of other devices and functions to the function's BAR that were sent and have not
  /// landed.
  [[nodiscard]] std::uint64_t peer_writes_in_flight(model::FnRef who) const {
    return peer_writes_[function_index(who)];
  }
  /// At an MSI observation: writes to memory sent before that message which have not landed. Those
  /// to other devices may be on their way: whoever looks there takes the same way, behind them.
  [[nodiscard]] std::uint64_t writes_behind_interrupt(model::FnRef who) const;
  /// Where the function may write / read through its own queues and keys. Sealed sets; true: any
  /// address of its domain (a PA key exists, or the objects are not known).
  [[nodiscard]] bool anywhere(model::FnRef who);
  [[nodiscard]] const RangeSet& writable(model::FnRef who);
  [[nodiscard]] const RangeSet& readable(model::FnRef who);
  [[nodiscard]] const RangeSet& completion_rings(model::FnRef who);
  [[nodiscard]] const RangeSet& granted(model::FnRef who) const {
    return grants_[function_index(who)].ranges;
  }
  /// MSI-X table index whose message data this is; the data itself if no entry has it.
  [[nodiscard]] std::uint32_t vector_of(model::FnRef who, std::uint32_t data) const;

  void grant(model::FnRef who, std::uint64_t phys, std::uint64_t bytes);
  void revoke(model::FnRef who);
  void map_window(model::FnRef who, std::uint64_t phys, std::uint64_t bytes);
  /// Bus addresses under which a function reaches other devices' windows; one range, which grows to
  /// hold all that it is given.
  void map_peers(model::FnRef who, std::uint64_t iova, std::uint64_t bytes);
  /// When the outstanding read with this tag was sent; at tlp_received on quiet(), too.
  [[nodiscard]] model::Ps read_sent(std::uint8_t host, std::uint16_t tag) const {
    return tags_[host][tag % kTags].sent;
  }
  /// When the oldest read of the function was sent that has no last completion; kNever: none.
  [[nodiscard]] model::Ps oldest_read(model::FnRef who) const;
  /// Reads without their last completion / memory writes on their way, of all functions of a host.
  [[nodiscard]] std::uint64_t reads_of_all(std::uint8_t host) const;
  [[nodiscard]] std::uint64_t writes_of_all(std::uint8_t host) const;
  /// Function and offset behind a physical address in a BAR window; false outside.
  bool window_at(std::uint8_t host, std::uint64_t phys, model::FnRef& who,
                 std::uint64_t& offset) const;
  /// What a rule watches a running function for.
  enum class Watch : std::uint8_t { held_work, reset, command, quiesce, sibling };
  /// While watched for anything, all TLPs of the function appear on quiet().
  void watch(model::FnRef who, Watch what, bool on);
  /// Changes whenever the function does something or is told something: requests that it sent,
  /// interrupts, accesses of a CPU to it.
  [[nodiscard]] std::uint64_t activity(model::FnRef who) const;
  /// Bytes behind [offset, offset + count) of a PF's key, gathered from memory; shorter if not all
  /// can be read.
  void gather(model::FnRef who, const KeyView& key, std::uint64_t offset, std::uint64_t count,
              std::vector<std::uint8_t>& to) const;

  void tlp_sent(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                const std::uint8_t* payload) override;
  void tlp_landed(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                  const std::uint8_t* payload, bool ok) override;
  void tlp_received(model::Ps t, std::uint8_t host, const model::Tlp& tlp) override;
  void msi(model::Ps t, model::FnRef who, std::uint32_t vector, model::MsiAction action) override;
  void access(model::Ps t, const model::AccessView& view) override;
  void command_submitted(model::Ps t, const model::CommandView& view) override;
  void command_completed(model::Ps t, const model::CommandView& view) override;
  void function_reset(model::Ps t, model::FnRef who) override;

 private:
  static constexpr std::uint32_t kTags = 1024;  // 10-bit tags at most
  static constexpr std::uint32_t kMarks = 256;  // interrupts of a function in flight at a time
  static constexpr std::uint8_t kStopped = 1;
  static constexpr std::uint8_t kWatched = 2;  // shifted by Watch
  struct Hot {
    std::uint64_t writes_sent = 0;  // to memory
    std::uint64_t writes_landed = 0;
    std::uint64_t peer_writes_sent = 0;  // to other devices
    std::uint64_t peer_writes_landed = 0;
    std::uint64_t behind = 0;  // at the last MSI
    std::uint64_t reads_sent = 0;
    std::uint64_t peer_from = 0;  // bus addresses of other devices' windows
    std::uint64_t peer_bytes = 0;
    std::uint64_t accesses = 0;
    model::Ps lost_read = 0;  // when the newest read was sent whose tag was used again unanswered
    std::uint32_t reads = 0;  // without their last completion
    std::uint32_t msi_sent = 0;
    std::uint32_t msi_landed = 0;
    std::uint8_t interest = 0;  // kStopped, kWatched
  };
  struct Tag {
    model::Ps sent = 0;
    std::uint8_t fn = 0;
    bool open = false;
  };
  struct Access {
    RangeSet writable, readable, completions;
    bool anywhere = false;
    bool stale = true;
  };
  struct Grants {
    std::vector<std::array<std::uint64_t, 2>> list;
    RangeSet ranges;
  };
  struct Window {
    std::uint64_t phys = 0, bytes = 0;
    model::FnRef who;
  };
  /// A RESUME on its way: what its refusal gives back.
  struct Resume {
    bool open = false;
    std::uint8_t issuer = 0;  // function
    std::uint8_t slot = 0;
    model::Ps stopped_at = 0;
  };
  /// What a saved image stands for, found again by its content when it is loaded.
  struct SavedImage {
    model::FnRef who;
    FunctionObjects objects;
    CommandMonitor::Queue queue;
    std::array<std::uint32_t, VF_MSIX_VECTORS> msi_data{};
  };

  void peer_sent(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                 const std::uint8_t* payload);
  void peer_landed(model::Ps t, std::uint8_t host, const model::Tlp& tlp,
                   const std::uint8_t* payload, bool ok);
  void peer_write(std::uint8_t host, std::uint64_t phys, bool sent);
  void set_stopped(model::Ps t, model::FnRef who, Half half, bool stopped);
  void learn_vhca(const model::CommandView& view);
  void suspend_submitted(model::Ps t, const model::CommandView& view);
  void suspend_completed(model::Ps t, const model::CommandView& view);
  void resume_submitted(model::Ps t, const model::CommandView& view);
  void resume_completed(model::Ps t, const model::CommandView& view);
  void resume_refused(model::Ps t, const model::CommandView& view, model::FnRef who, Half half);
  void save_completed(model::Ps t, const model::CommandView& view);
  void load_submitted(model::Ps t, const model::CommandView& view);
  void load_ended(model::Ps t, const model::CommandView& view);
  void load_completed(model::Ps t, const model::CommandView& view);
  /// The function that a LOAD names, and the bytes behind its key in scratch_; false: no function.
  bool gather_load(const model::CommandView& view, model::FnRef& who) const;
  void track_doorbell(const model::AccessView& view);
  void track_msix(const model::AccessView& view);
  Access& access_of(model::FnRef who);

  const CheckContext& context_;
  CommandMonitor& monitor_;
  std::vector<FunctionEvents*> listeners_;
  model::ProbeBus quiet_;
  model::ProbeBus pf_;
  model::ProbeBus peers_;
  std::vector<Hot> hot_;
  std::vector<std::array<std::uint64_t, kMarks>>
      marks_;  // writes_sent when an interrupt was sent, by function
  std::array<std::array<Tag, kTags>, kHosts> tags_{};
  std::vector<std::uint64_t> peer_writes_;  // by function: peer_writes_in_flight()
  std::vector<RunState> runs_;
  std::vector<std::array<Resume, 2>> resumes_;  // by function and half
  std::vector<FunctionObjects> objects_;
  std::vector<Access> accesses_;
  std::vector<Grants> grants_;
  std::vector<Window> windows_;
  std::vector<std::array<std::uint32_t, VF_MSIX_VECTORS>> msi_data_;
  std::array<std::map<std::uint32_t, std::uint8_t>, kHosts> vhca_;
  std::map<std::uint64_t, SavedImage> images_;  // by content hash
  std::deque<std::uint64_t> image_order_;       // oldest first
  std::vector<std::uint64_t> loading_;          // by function: hash of the image on its way
  mutable std::vector<std::uint8_t> scratch_;
};

}  // namespace vfsim::bench
