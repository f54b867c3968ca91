// `vfsim list`: what there is, from the code's own tables.
#pragma once

#include <string>

namespace vfsim::bench {

/// Things that can be listed, separated by spaces.
[[nodiscard]] std::string list_topics();
/// A topic as text for a terminal or as a Markdown page; "" for an unknown topic.
[[nodiscard]] std::string list(const std::string& topic, bool markdown);

}  // namespace vfsim::bench
