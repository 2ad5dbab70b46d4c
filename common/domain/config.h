/// A task's configuration: a JSON object kept in canonical form, so that equal configurations are
/// equal texts and hash alike on every machine.
#pragma once

#include <compare>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/result.h"

namespace landseer::domain {

/// Appends `text` as a JSON string: quotes, backslashes and control characters escaped, UTF-8 kept.
void append_json_string(std::string& out, std::string_view text);

/// Immutable value. Canonical form: keys sorted bytewise, no white space, whole numbers without
/// fraction or exponent whatever way they were written, UTF-8 unescaped.
class Config {
 public:
  Config() = default;
  /// An object of text entries: `Config({{"stage", "pre_training"}})`.
  Config(std::initializer_list<std::pair<std::string_view, std::string_view>> entries);

  /// Fails with kInvalid for anything but a JSON object of UTF-8 text with finite numbers, at most
  /// 64 KiB and 16 levels.
  static Result<Config> parse(std::string_view json);

  const std::string& text() const { return text_; }
  auto operator<=>(const Config&) const = default;

 private:
  std::string text_ = "{}";
};

}  // namespace landseer::domain
