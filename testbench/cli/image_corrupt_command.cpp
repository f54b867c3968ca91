#include "testbench/cli/image_corrupt_command.hpp"

#include <fmt/format.h>

#include "testbench/cli/image_file.hpp"
#include "testbench/cli/run_command.hpp"
#include "testbench/runner/runner.hpp"
#include "testbench/scenarios/names.hpp"

namespace vfsim::bench {

int image_corrupt(const ImageCorruptCommand& command) {
  const CorruptionRow* row = find_corruption(command.kind);
  if (row == nullptr) {
    return bad_input(fmt::format("image corrupt: unknown kind '{}'{}; allowed are {}", command.kind,
                                 did_you_mean(command.kind, corruption_names()),
                                 comma_list(corruption_names())));
  }
  const bool field = row->kind == Corruption::field;
  if (!field && !command.field.empty()) {
    return bad_input("image corrupt: --field goes with --kind field");
  }
  ImageBytes image;
  if (!read_image(command.in, image)) {
    return kBadInput;
  }
  const std::size_t before = image.size();
  std::string error;
  if (!field) {
    image = corrupt(image, row->kind, command.seed);
  } else if (!set_image_field(image, command.field, command.seed, error)) {
    return bad_input(command.in + ": " + error);
  }
  if (!write_bytes(command.out, image, error)) {
    return bad_input(error);
  }
  fmt::print(
      "{}: {} ({}); {} bytes, were {}; LOAD may answer {}\n", command.out, row->name, row->doc,
      image.size(), before,
      row->syndromes == "ANY" ? std::string("anything, OK too") : comma_list(row->syndromes));
  return kHeld;
}

}  // namespace vfsim::bench
