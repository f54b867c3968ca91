#include "rtl_models/common/recent_wave.hpp"

#include <array>
#include <fstream>
#include <verilated_vcd_c.h>

namespace vfsim::rtl {

/// What the writer takes for a sequence of files: the header, then parts that each begin with all
/// values. Keeps the header and the last two parts.
class RecentWave::Memory final : public VerilatedVcdFile {
 public:
  bool open(const std::string& name) override {
    (void)name;
    if (opened_++ > 1) {
      parts_[0] = std::move(parts_[1]);
      parts_[1].clear();
    }
    return true;
  }
  void close() override {}
  ssize_t write(const char* bytes, ssize_t count) override {
    (opened_ <= 1 ? header_ : parts_[1]).append(bytes, static_cast<std::size_t>(count));
    return count;
  }
  bool save(const std::string& path) const {
    std::ofstream file(path, std::ios::binary);
    return static_cast<bool>(file << header_ << parts_[0] << parts_[1] << std::flush);
  }

 private:
  int opened_ = 0;
  std::string header_;
  std::array<std::string, 2> parts_;
};

RecentWave::RecentWave(std::uint64_t window)
    : window_(window),
      memory_(std::make_unique<Memory>()),
      vcd_(std::make_unique<VerilatedVcdC>(memory_.get())) {}

RecentWave::~RecentWave() = default;

void RecentWave::dump(std::uint64_t ps, bool ahead) {
  (void)ahead;
  if (!open_) {
    vcd_->open("recent.vcd");  // a name only
    open_ = true;
    next_part_ = ps;
  }
  if (ps >= next_part_) {
    vcd_->openNext();
    next_part_ = ps + window_;
  }
  vcd_->dump(ps);
}

bool RecentWave::write(const std::string& path) {
  vcd_->flush();
  return memory_->save(path);
}

}  // namespace vfsim::rtl
