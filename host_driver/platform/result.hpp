// Errors of the host side: one result type, one error type.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/all_narrow.hpp>
#include <boost/outcome/try.hpp>

namespace vfsim::driver {

/// Why a host-side operation failed. `code` is the errno that the kernel's interface would return.
struct Error {
  int code = EIO;
  std::uint8_t delivery = 0;   // command failed in delivery
  std::uint8_t status = 0;     // outbox status
  std::uint32_t syndrome = 0;  // firmware diagnostic
  std::string text;            // what failed, with values; no line end
};

template <class T>
using Result =
    BOOST_OUTCOME_V2_NAMESPACE::basic_result<T, Error,
                                             BOOST_OUTCOME_V2_NAMESPACE::policy::all_narrow>;

/// Shorthand for the success of a Result<void>: return ok();
inline auto ok() {
  return BOOST_OUTCOME_V2_NAMESPACE::success();
}

/// Shorthand for a failure: return fail(EINVAL, "...");
inline Error fail(int code, std::string text) {
  return Error{code, 0, 0, 0, std::move(text)};
}

}  // namespace vfsim::driver
