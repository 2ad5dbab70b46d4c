/// Collects what reading a file finds: the first error, which ends the attempt, and all warnings.
/// Readers report and carry on with a default, so that they need no error paths of their own.
/// Not thread-safe; one object per load.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace landseer::pipeline {

class Diagnostics {
 public:
  /// `where` is `file:line:column`; `hint` says how to mend it. Only the first error is kept.
  void error(std::string message, std::string where, std::string hint,
             ErrorCode code = ErrorCode::kInvalid);
  void error(Error error);

  /// Kept as `where: text`; beyond 200 only counted, because a broken generator can write millions.
  void warn(const std::string& where, const std::string& text);

  bool failed() const { return first_.has_value(); }
  /// Requires failed().
  tl::unexpected<Error> failure() const { return tl::make_unexpected(*first_); }
  std::vector<std::string> take_warnings();

 private:
  std::optional<Error> first_;
  std::vector<std::string> warnings_;
  std::size_t dropped_ = 0;
};

}  // namespace landseer::pipeline
