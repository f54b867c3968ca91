// Text for HTML and XML.
#pragma once

#include <string>

namespace vfsim::bench {

/// No markup, and no control characters, which XML forbids even as references; what is no UTF-8
/// becomes '?', too.
[[nodiscard]] std::string escaped(const std::string& text);

}  // namespace vfsim::bench
