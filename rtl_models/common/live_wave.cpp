#include "rtl_models/common/live_wave.hpp"

#include <sstream>
#include <unordered_map>
#include <utility>
#include <verilated_vcd_c.h>

namespace vfsim::rtl {

/// Takes what the writer believes to be a VCD file, line by line.
class LiveWave::Reader final : public VerilatedVcdFile {
 public:
  bool open(const std::string& name) override {
    (void)name;
    return true;
  }
  void close() override {}
  ssize_t write(const char* bytes, ssize_t count) override {
    text_.append(bytes, static_cast<std::size_t>(count));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = text_.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      line(std::string_view(text_).substr(begin, end - begin));
    }
    text_.erase(0, begin);
    return count;
  }

  std::vector<LiveSignal> signals;
  LiveListener* listener = nullptr;
  std::uint64_t now = 0;
  bool ahead = false;

 private:
  void line(std::string_view text) {
    if (header_) {
      header(std::string(text));
    } else if (listener != nullptr && !text.empty() && (text[0] == '0' || text[0] == '1')) {
      tell(text.substr(1), text.substr(0, 1));
    } else if (listener != nullptr && !text.empty() && text[0] == 'b') {
      const std::size_t space = text.find(' ');
      tell(text.substr(space + 1), text.substr(1, space - 1));
    }
  }

  /// "$scope module A $end", "$var wire 8 ab! name [7:0] $end", "$upscope $end".
  void header(const std::string& text) {
    std::istringstream in(text);
    std::string word, kind, bits, code, name;
    in >> word;
    if (word == "$scope" && in >> kind >> name) {
      scopes_.push_back(name);
    } else if (word == "$upscope" && !scopes_.empty()) {
      scopes_.pop_back();  // a model's name, "A.dma_gate", is one scope
    } else if (word == "$var" && in >> kind >> bits >> code >> name) {
      by_code_[code].push_back(static_cast<std::uint32_t>(signals.size()));
      signals.push_back({split_model(), name, static_cast<std::uint32_t>(std::stoul(bits))});
    } else if (word == "$enddefinitions") {
      header_ = false;
    }
  }

  [[nodiscard]] std::vector<std::string> split_model() const {
    std::vector<std::string> scopes;
    if (!scopes_.empty()) {
      std::istringstream model(scopes_.front());
      for (std::string part; std::getline(model, part, '.');) {
        scopes.push_back(part);
      }
      scopes.insert(scopes.end(), scopes_.begin() + 1, scopes_.end());
    }
    return scopes;
  }

  void tell(std::string_view code, std::string_view bits) {
    const auto found = by_code_.find(std::string(code));
    if (found == by_code_.end()) {
      return;
    }
    for (const std::uint32_t signal : found->second) {
      listener->rtl_changed(now, ahead, signal, bits);
    }
  }

  bool header_ = true;
  std::string text_;  // the beginning of a line
  std::vector<std::string> scopes_;
  std::unordered_map<std::string, std::vector<std::uint32_t>> by_code_;  // only looked up
};

LiveWave::LiveWave(std::function<std::uint64_t()> now)
    : now_(std::move(now)),
      reader_(std::make_unique<Reader>()),
      vcd_(std::make_unique<VerilatedVcdC>(reader_.get())) {}

LiveWave::~LiveWave() = default;

const std::vector<LiveSignal>& LiveWave::signals() {
  if (!open_) {
    open_ = true;
    vcd_->open("live.vcd");  // a name only; writes the header
    vcd_->flush();
  }
  return reader_->signals;
}

void LiveWave::start(LiveListener& listener) {
  (void)signals();
  listener_ = &listener;
  all_ = true;
}

void LiveWave::dump(std::uint64_t ps, bool ahead) {
  if (listener_ == nullptr) {
    return;
  }
  if (all_) {
    all_ = false;
    vcd_->openNext();  // a new part begins with all values
  }
  reader_->listener = listener_;
  reader_->now = ps;
  reader_->ahead = ahead;
  vcd_->dump(++dumps_);  // the writer wants times that rise, and models may be clocked at the same
  vcd_->flush();
  reader_->listener = nullptr;
}

}  // namespace vfsim::rtl
