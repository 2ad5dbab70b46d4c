/// Small text tools that several programs need: nearest known word, control sequences, UTF-8.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace landseer {

/// The candidate with the smallest edit distance to `word`, if it is close enough to be a typing
/// error (distance <= 1 + length/3); empty otherwise.
std::string nearest_word(std::string_view word, std::span<const std::string> candidates);

/// `text` without escape sequences and control characters (but newline and tab if `keep_lines`); of
/// bytes that are no UTF-8, U+FFFD is left. What a peer wrote must pass this before a terminal.
std::string strip_control(std::string_view text, bool keep_lines);

/// True for well-formed UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view text);

/// Splits words as a POSIX shell does (quotes and backslashes), without running one. False when a
/// quote is not closed.
bool split_words(std::string_view text, std::vector<std::string>& words);

}  // namespace landseer
