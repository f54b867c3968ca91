// Verilated blocks of a run: their session, and their assertions as observations.
#pragma once

#include "rtl_models/common/rtl_session.hpp"
#include "systemc/common/probe.hpp"

namespace vfsim::bench {

class RtlWatch final : private rtl::AssertionListener {
 public:
  /// @param assertions  false: none is evaluated
  RtlWatch(const model::Calendar& calendar, const model::ProbeBus& probes, bool assertions)
      : calendar_(calendar), probes_(probes), session_(*this, assertions) {
    session_.allow_live_wave([this] { return calendar_.now(); });
  }

  [[nodiscard]] rtl::RtlSession& session() { return session_; }
  void finish() {
    probes_.emit<model::Probe::rtl>(&model::Observer::rtl_clocked, calendar_.now(), session_.cycles());
  }

 private:
  void assertion_failed(const char* assertion) override {
    probes_.emit<model::Probe::rtl>(&model::Observer::rtl_assertion, calendar_.now(), assertion);
  }

  const model::Calendar& calendar_;
  const model::ProbeBus& probes_;
  rtl::RtlSession session_;
};

}  // namespace vfsim::bench
