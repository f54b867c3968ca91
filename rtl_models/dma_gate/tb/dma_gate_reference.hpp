// What dma_gate does, written as plainly as its README says it: all functions and tags are looked
// at in every cycle.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vfsim::rtl {

struct DmaGateSize {
  int functions;
  int tags;
  int age_bits;
  int posted_bits;
};

/// Inputs of one cycle, named as the ports.
struct DmaGateIn {
  explicit DmaGateIn(const DmaGateSize& size)
      : quiesce_req(static_cast<std::size_t>(size.functions)),
        busy(quiesce_req),
        req_rd(quiesce_req),
        req_wr(quiesce_req),
        req_msi(quiesce_req) {}

  std::vector<bool> quiesce_req, busy, req_rd, req_wr, req_msi;
  int own = 0, tags = 0;
  bool tick = false, rd_ready = true, wr_ready = true;
  int cpl_tag = -1, wr_done_fn = -1, flr_fn = -1;  // -1: none
};

/// Outputs of one cycle; -1: none.
struct DmaGateOut {
  int rd_fn = -1, rd_tag = -1;
  int wr_fn = -1;
  bool wr_msi = false;
  bool unexpected = false;
  int expired_tag = -1;
  bool operator==(const DmaGateOut& o) const {
    return rd_fn == o.rd_fn && rd_tag == o.rd_tag && wr_fn == o.wr_fn && wr_msi == o.wr_msi &&
           unexpected == o.unexpected && expired_tag == o.expired_tag;
  }
};

class DmaGateReference {
 public:
  enum class Gate { run, drain, quiet };
  enum class Use { free, live, quarantine };
  struct Tag {
    Use use = Use::free;
    bool dead = false;  // its time-out is over
    int fn = 0;
    int age = 0;
  };
  struct Function {
    Gate gate = Gate::run;
    int outstanding = 0, posted = 0;
    bool timeout = false;
  };

  DmaGateReference(const DmaGateSize& size, int own, int tags)
      : size_(size),
        functions_(static_cast<std::size_t>(size.functions)),
        tags_(static_cast<std::size_t>(size.tags)),
        own_(own),
        pool_size_(tags - own),
        rd_last_(size.functions - 1),
        wr_last_(size.functions - 1) {}

  [[nodiscard]] const Function& function(int fn) const {
    return functions_[static_cast<std::size_t>(fn)];
  }
  [[nodiscard]] const Tag& tag(int number) const { return tags_[static_cast<std::size_t>(number)]; }
  [[nodiscard]] bool drained(const DmaGateIn& in, int fn) const {
    const auto f = static_cast<std::size_t>(fn);
    return functions_[f].outstanding == 0 && functions_[f].posted == 0 && !in.busy[f] &&
           !in.req_rd[f] && !in.req_wr[f] && !in.req_msi[f];
  }
  [[nodiscard]] bool sweeping() const { return sweep_ >= 0; }

  /// Outputs of the cycle; then the clock edge.
  DmaGateOut cycle(const DmaGateIn& in) {
    DmaGateOut out;
    grant_read(in, out);
    grant_posted(in, out);
    std::vector<bool> drained_now;
    for (int fn = 0; fn < size_.functions; ++fn) {
      drained_now.push_back(drained(in, fn));
    }
    move_gates(in, drained_now);
    complete(in, out);
    age_tag(in, out);
    if (out.rd_fn >= 0) {
      take(out);
    }
    if (out.wr_fn >= 0) {
      ++at(out.wr_fn).posted;
    }
    if (in.wr_done_fn >= 0) {
      --at(in.wr_done_fn).posted;
    }
    if (in.flr_fn >= 0) {
      reset(in.flr_fn);
    }
    slot_ = (slot_ + 1) % size_.functions;
    return out;
  }

 private:
  Function& at(int fn) { return functions_[static_cast<std::size_t>(fn)]; }
  Tag& tag_at(int number) { return tags_[static_cast<std::size_t>(number)]; }

  [[nodiscard]] bool closed(const DmaGateIn& in, int fn) const {
    return function(fn).gate == Gate::quiet && in.quiesce_req[static_cast<std::size_t>(fn)];
  }
  [[nodiscard]] bool may_read(const DmaGateIn& in, int fn) const {
    return in.req_rd[static_cast<std::size_t>(fn)] && !closed(in, fn) && fn != in.flr_fn;
  }
  [[nodiscard]] bool may_post(const DmaGateIn& in, int fn) const {
    const auto f = static_cast<std::size_t>(fn);
    const bool asks = in.req_msi[f] || (in.req_wr[f] && !closed(in, fn));
    return asks && functions_[f].posted < (1 << size_.posted_bits) - 1 && fn != in.flr_fn;
  }

  /// The next free one behind the last one handed out, or -1.
  [[nodiscard]] int pool_tag() const {
    for (int i = 1; i <= pool_size_; ++i) {
      const int number = own_ + (std::max(last_tag_, own_ - 1) - own_ + i) % pool_size_;
      if (tag(number).use == Use::free) {
        return number;
      }
    }
    return -1;
  }

  void grant_read(const DmaGateIn& in, DmaGateOut& out) {
    if (!in.rd_ready) {
      return;
    }
    if (may_read(in, slot_)) {
      const bool own = slot_ < own_ && tag_at(slot_).use == Use::free;
      if (own || pool_tag() >= 0) {
        out.rd_fn = slot_;
        out.rd_tag = own ? slot_ : pool_tag();
      }
      return;
    }
    for (int i = 1; i <= size_.functions && pool_tag() >= 0; ++i) {
      const int fn = (rd_last_ + i) % size_.functions;
      if (may_read(in, fn)) {
        out.rd_fn = rd_last_ = fn;
        out.rd_tag = pool_tag();
        return;
      }
    }
  }

  void grant_posted(const DmaGateIn& in, DmaGateOut& out) {
    if (!in.wr_ready) {
      return;
    }
    if (may_post(in, slot_)) {
      out.wr_fn = slot_;
    } else {
      for (int i = 1; i <= size_.functions && out.wr_fn < 0; ++i) {
        const int fn = (wr_last_ + i) % size_.functions;
        out.wr_fn = may_post(in, fn) ? fn : -1;
      }
      wr_last_ = out.wr_fn >= 0 ? out.wr_fn : wr_last_;
    }
    out.wr_msi = out.wr_fn >= 0 && in.req_msi[static_cast<std::size_t>(out.wr_fn)];
  }

  void move_gates(const DmaGateIn& in, const std::vector<bool>& drained_now) {
    for (int fn = 0; fn < size_.functions; ++fn) {
      Function& f = at(fn);
      if (!in.quiesce_req[static_cast<std::size_t>(fn)]) {
        f.gate = Gate::run;
      } else if (f.gate == Gate::run) {
        f.gate = Gate::drain;
        f.timeout = false;
      } else if (f.gate == Gate::drain && drained_now[static_cast<std::size_t>(fn)]) {
        f.gate = Gate::quiet;
      }
    }
  }

  void age_tag(const DmaGateIn& in, DmaGateOut& out) {
    if (sweep_ < 0) {
      sweep_ = in.tick ? 0 : -1;
      return;
    }
    Tag& t = tag_at(sweep_);
    if (t.use != Use::free && sweep_ != in.cpl_tag && ++t.age == (1 << size_.age_bits) - 1) {
      t.age = 0;
      if (t.dead) {
        t.use = Use::free;
      } else if (t.use == Use::live && t.fn != in.flr_fn) {
        out.expired_tag = sweep_;
        t.use = Use::quarantine;
        --at(t.fn).outstanding;
        if (in.quiesce_req[static_cast<std::size_t>(t.fn)]) {
          at(t.fn).timeout = true;
        }
      }
      t.dead = true;
    }
    sweep_ = sweep_ + 1 == own_ + pool_size_ ? -1 : sweep_ + 1;
  }

  void complete(const DmaGateIn& in, DmaGateOut& out) {
    if (in.cpl_tag < 0) {
      return;
    }
    Tag& t = tag_at(in.cpl_tag);
    out.unexpected = t.use == Use::free;
    if (t.use == Use::live) {
      --at(t.fn).outstanding;
    }
    t.use = Use::free;
  }

  void take(const DmaGateOut& out) {
    tag_at(out.rd_tag) = Tag{Use::live, false, out.rd_fn, 0};
    ++at(out.rd_fn).outstanding;
    if (out.rd_tag >= own_) {
      last_tag_ = out.rd_tag;
    }
  }

  void reset(int fn) {
    for (Tag& t : tags_) {
      if (t.use == Use::live && t.fn == fn) {
        t.use = Use::quarantine;
      }
    }
    at(fn).gate = Gate::run;
    at(fn).outstanding = 0;
    at(fn).timeout = false;
  }

  DmaGateSize size_;
  std::vector<Function> functions_;
  std::vector<Tag> tags_;
  int own_, pool_size_;
  int last_tag_ = 0;
  int slot_ = 0;
  int rd_last_, wr_last_;
  int sweep_ = -1;
};

}  // namespace vfsim::rtl
