/// How many columns a text takes on a terminal, and cutting it to fit. UTF-8; a byte that is no
/// UTF-8 counts as one column. Relies on the process's LC_CTYPE for wide characters.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace landseer::cli {

/// `text` without control sequences, its line breaks and tabs as blanks.
std::string one_line(std::string text);

std::size_t display_width(std::string_view text);

/// `text` if it takes at most `columns`, else its beginning with `ellipsis` at the end. Never cuts
/// inside a character; may come out a column short before a wide one.
std::string fit(std::string_view text, std::size_t columns, std::string_view ellipsis);

enum class Side { kLeft, kRight };

/// Blanks added until `text` takes `columns`: after it for kLeft, before it for kRight.
std::string pad(std::string text, std::size_t columns, Side side);

}  // namespace landseer::cli
