// The state images that SAVE has yielded.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "testbench/checkers/rule.hpp"

namespace vfsim::bench {

struct KeptImage {
  std::uint64_t number = 0;  // from 1, of all images of the run
  model::Ps t = 0;
  model::FnRef who;
  bool incremental = false;
  std::vector<std::uint8_t> bytes;  // as they are behind the PF's key when the command ends
};

/// Keeps the newest ones.
class ImageKeeper final : public FunctionEvents {
 public:
  static constexpr std::size_t kKept = 32;

  void image_saved(model::Ps t, model::FnRef who, const ImageView& image) override {
    if (images_.size() == kKept) {
      images_.pop_front();
    }
    images_.push_back(
        {++count_, t, who, image.incremental, {image.bytes, image.bytes + image.count}});
  }
  [[nodiscard]] const std::deque<KeptImage>& images() const { return images_; }

 private:
  std::deque<KeptImage> images_;
  std::uint64_t count_ = 0;
};

}  // namespace vfsim::bench
