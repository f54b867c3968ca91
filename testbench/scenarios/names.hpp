// Lists of names as the tables hold them: words separated by '|' or spaces.
#pragma once

#include <string>
#include <string_view>

namespace vfsim::bench {

[[nodiscard]] bool has_name(std::string_view names, std::string_view name);

/// "tlm, rtl": the list as an error line or a page shows it.
[[nodiscard]] std::string comma_list(std::string_view names);

/// A name of the list close to `word`, as " (did you mean 'x'?)"; "" if none is close.
[[nodiscard]] std::string did_you_mean(std::string_view word, std::string_view names);

}  // namespace vfsim::bench
