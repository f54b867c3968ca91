// A door as a libFuzzer target. VF_FUZZ_TARGET is its row of libfuzzer_targets.def, VF_FUZZ_MAKER
// the maker of its door.
//   fuzz_<target> --write-corpus FOLDER   real inputs and the first cases of the in-tree generator,
//   to begin with
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <string>
#include <string_view>

#include "testbench/fuzz/door.hpp"

namespace {

using namespace vfsim::bench;

/// The part of the door, or -1.
constexpr int part() {
#define FUZZ_TARGET(name, door, part, doc)         \
  if (std::string_view(#name) == VF_FUZZ_TARGET) { \
    return part;                                   \
  }
#include "testbench/fuzz/libfuzzer_targets.def"
#undef FUZZ_TARGET
  return -1;
}

Door& door() {
  static const std::unique_ptr<Door> made = VF_FUZZ_MAKER(0);
  return *made;
}

/// One file; cases of another part of the door are left out.
void write_case(const std::string& folder, std::size_t number, const CaseBytes& bytes) {
  const std::size_t skip = part() < 0 ? 0 : 1;
  if (bytes.size() < skip || (skip == 1 && bytes[0] != part())) {
    return;
  }
  std::ofstream(fmt::format("{}/seed-{:04}", folder, number), std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data() + skip),
             static_cast<std::streamsize>(bytes.size() - skip));
}

void write_corpus(const std::string& folder) {
  constexpr std::size_t kGenerated = 300;
  std::filesystem::create_directories(folder);
  std::size_t number = 0;
  for (const CaseBytes& bytes : door().seeds()) {
    write_case(folder, number++, bytes);
  }
  CaseRandom random(1);
  for (std::size_t i = 0; i < kGenerated; ++i) {
    write_case(folder, number++, door().make(random));
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  if (*argc == 3 && std::strcmp((*argv)[1], "--write-corpus") == 0) {
    write_corpus((*argv)[2]);
    std::exit(0);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  CaseBytes bytes(data, data + size);
  if (part() >= 0) {
    bytes.insert(bytes.begin(), static_cast<std::uint8_t>(part()));
  }
  const DoorOutcome outcome = door().run(bytes);
  if (!outcome.finding.empty()) {
    fmt::print(stderr, "finding: {} ({})\n", outcome.finding, outcome.answer);
    std::abort();
  }
  return 0;
}

/// libsystemc, which the capture reader's headers pull in, asks for one; libFuzzer's main() runs.
extern "C" int sc_main(int, char**);
int sc_main(int, char**) {
  return 0;
}
