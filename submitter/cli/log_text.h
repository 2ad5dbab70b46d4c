/// What a task wrote, made fit for a screen: pieces of bytes in, whole lines out. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace landseer::cli {

/// Joins pieces to lines, so that neither a character nor an escape sequence is split. A carriage
/// return (progress meters) ends a line. Control sequences are taken out, unless `raw`.
class LogText {
 public:
  explicit LogText(bool raw) : raw_(raw) {}

  bool raw() const { return raw_; }
  /// The text to print now: everything up to the last line's end.
  std::string add(std::string_view piece);
  /// What is left of a line without end; cuts no character in two unless `at_end`.
  std::string take_rest(bool at_end);

 private:
  std::string clean(std::string_view text) const;

  bool raw_;
  std::string rest_;
};

/// Where the last `lines` lines of `text` begin. A final line end does not begin another line.
std::size_t tail_begin(std::string_view text, std::size_t lines);
/// Number of lines in `text`; one without end counts.
std::size_t count_lines(std::string_view text);

}  // namespace landseer::cli
