#include "systemc/rtl_bridge/mkey_walker_dut.hpp"

#include <array>

#include "firmware/interface/hw_records.h"
#include "rtl_models/common/rtl_model.hpp"
#include "Vmkey_walker_checked.h"

namespace vfsim::model {

using Block = Vmkey_walker_checked;

class MkeyWalkerDut::Impl {
 public:
  Impl(rtl::RtlSession& session, const std::string& name, const vf_context_ram& ram)
      : block_(session, name), ram_(ram) {
    block_->mem_ready_i = 1;
  }

  Seen cycle(std::uint64_t ps, const WalkRequest* request, const Change* change) {
    ask(request);
    announce(change);
    block_->mem_rvalid_i = reading_;
    block_.eval();
    Seen seen;
    seen.taken = request != nullptr && block_->req_ready_o != 0;
    seen.answered = block_->ans_valid_o != 0;
    if (seen.answered) {
      seen.answer = answer();
    }
    const bool read = block_->mem_valid_o != 0;
    const bool mtt = block_->mem_mtt_o != 0;
    const std::uint32_t fn = block_->mem_fn_o;
    const std::uint32_t index = block_->mem_index_o;
    block_.cycle_at(ps);
    reading_ = read;
    if (read && mtt) {
      block_->mem_mtt_i = index < VF_MTT_COUNT ? ram_.mtt[index] : 0;
    } else if (read) {
      put_key(ram_.fn[fn].mkey[index % VF_MKEY_COUNT]);
    }
    return seen;
  }
  [[nodiscard]] bool busy() { return block_->busy_o != 0; }

 private:
  void ask(const WalkRequest* request) {
    block_->req_valid_i = request != nullptr;
    if (request != nullptr) {
      block_->req_fn_i = request->fn;
      block_->req_mkey_i = request->mkey;
      block_->req_pd_i = request->pd;
      block_->req_any_pd_i = request->pd == kAnyPd;
      block_->req_addr_i = request->addr;
      block_->req_bytes_i = request->bytes;
      block_->req_write_i = request->write;
      block_->req_resume_i = request->resume;
      block_->req_gen_i = request->gen;
    }
  }

  void announce(const Change* change) {
    block_->inv_valid_i = change != nullptr;
    if (change != nullptr) {
      block_->inv_mtt_i = change->entries;
      block_->inv_fn_i = change->fn;
      block_->inv_first_i = change->first;
      block_->inv_count_i = change->count;
    }
  }

  [[nodiscard]] WalkAnswer answer() {
    WalkAnswer answer;
    answer.result = block_->ans_result_o;
    answer.addr = block_->ans_addr_o;
    answer.run = block_->ans_whole_o != 0 ? kWholeRun : block_->ans_run_o;
    answer.gen = block_->ans_gen_o;
    answer.relaxed = block_->ans_relaxed_o != 0;
    return answer;
  }

  // Byte 0 of a record is the most significant one of the port.
  void put_key(const vf_mkey& key) {
    constexpr std::size_t kWords = VF_BYTES(hw_mkey) / 4;
    std::array<std::uint8_t, kWords * 4> record;
    vf_mkey_record(&key, record.data());
    for (std::size_t word = 0; word < kWords; ++word) {
      block_->mem_key_i[kWords - 1 - word] = vf_be32_load(&record[word * 4]);
    }
  }

  rtl::RtlModel<Block> block_;
  const vf_context_ram& ram_;
  bool reading_ = false;
};

MkeyWalkerDut::MkeyWalkerDut(rtl::RtlSession& session, const std::string& name,
                             const vf_context_ram& ram)
    : impl_(std::make_unique<Impl>(session, name, ram)) {}
MkeyWalkerDut::~MkeyWalkerDut() = default;

MkeyWalkerDut::Seen MkeyWalkerDut::cycle(std::uint64_t ps, const WalkRequest* request,
                                         const Change* change) {
  return impl_->cycle(ps, request, change);
}
bool MkeyWalkerDut::busy() const {
  return impl_->busy();
}

}  // namespace vfsim::model
