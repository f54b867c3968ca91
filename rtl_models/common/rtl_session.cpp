#include "rtl_models/common/rtl_session.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <svdpi.h>
#include <utility>
#include <verilated.h>
#include <verilated_cov.h>
#include <verilated_syms.h>

namespace vfsim::rtl {
namespace {
/// Its address is the key of the session among the user data of a scope.
constexpr char kSessionKey = 0;
void* session_key() {
  return const_cast<char*>(&kSessionKey);
}
}  // namespace

RtlSession::RtlSession(AssertionListener& listener, bool assertions)
    : listener_(listener), context_(std::make_unique<VerilatedContext>()) {
  context_->assertOn(assertions);
}

RtlSession::~RtlSession() = default;

void RtlSession::keep_wave(std::uint64_t window) {
  context_->traceEverOn(true);
  recent_ = std::make_unique<RecentWave>(window);
  wave_ = recent_.get();
}

void RtlSession::allow_live_wave(std::function<std::uint64_t()> now) {
  context_->traceEverOn(true);
  live_ = std::make_unique<LiveWave>(std::move(now));
  wave_ = live_.get();
}

void RtlSession::adopt(const std::string& model) {
  const VerilatedScopeNameMap* scopes = context_->scopeNameMap();
  if (scopes == nullptr) {
    return;  // no assertion in any model
  }
  for (const auto& [name, scope] : *scopes) {
    if (std::string(name).rfind(model + ".", 0) == 0) {
      svPutUserData(const_cast<VerilatedScope*>(scope), session_key(), this);
    }
  }
}

bool RtlSession::write_coverage(const std::string& path) const {
  if (!std::ofstream(path)) {
    return false;  // the run-time library would end the process
  }
  context_->coveragep()->write(path.c_str());
  return true;
}

}  // namespace vfsim::rtl

/// DPI-C import of vf_assert.svh.
extern "C" void vf_rtl_failed(const char* assertion) {
  void* session = svGetUserData(svGetScope(), vfsim::rtl::session_key());
  if (session == nullptr) {
    std::fprintf(stderr, "assertion %s failed in a model of no session\n", assertion);
    std::abort();  // only a test can do that: models are made by RtlModel
  }
  static_cast<vfsim::rtl::RtlSession*>(session)->failed(assertion);
}
