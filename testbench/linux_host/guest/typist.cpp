#include "testbench/linux_host/guest/typist.hpp"

#include <fstream>
#include <iterator>
#include <sys/ioctl.h>
#include <unistd.h>

namespace vfsim::guest {
namespace {

constexpr useconds_t kLookUs = 10'000;
constexpr int kMostWaiting = 1024;  // bytes in a terminal that takes 4096

}  // namespace

std::string Typist::next() {
  std::ifstream file(folder_ + "/" + std::to_string(count_));
  if (!file) {
    return "";
  }
  ++count_;
  return {std::istreambuf_iterator<char>(file), {}};
}

void type_from(const std::string& folder, int console) {
  Typist typist(folder);
  for (int waiting = 0;; ::usleep(kLookUs)) {
    if (::ioctl(console, FIONREAD, &waiting) != 0 || waiting > kMostWaiting) {
      continue;
    }
    for (char c : typist.next()) {
      ::ioctl(console, TIOCSTI, &c);
    }
  }
}

}  // namespace vfsim::guest
