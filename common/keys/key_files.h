/// The texts of key files: what a program proves itself with, and the broker's list of those it
/// lets in. Parsing is strict, so that a damaged line never means something else. The files
/// themselves are read and written by common/config/key_folder.h. docs/operations.md, "Keys". Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/keys/role.h"

namespace landseer::keys {

inline constexpr std::size_t kKeyTextBytes = 40;  ///< of Z85: 32 bytes
inline constexpr std::size_t kKeyNameBytesMax = 64;
inline constexpr std::size_t kKeyFileBytesMax = 4096;
inline constexpr std::size_t kAuthorizedMax = 10'000;
inline constexpr std::size_t kAuthorizedBytesMax = 4 * 1024 * 1024;

/// Names of keys: letters, digits, `.`, `_` and `-`, at most kKeyNameBytesMax, not beginning with
/// `.` or `-`.
bool is_key_name(std::string_view name);
/// 40 characters of the Z85 alphabet.
bool is_key_text(std::string_view text);

/// A key pair. The secret is wiped when it goes.
struct KeyFile {
  std::string name;
  std::optional<Role> role;  ///< empty: the broker's own
  std::string public_key;
  std::string secret_key;
  std::string broker_key{};  ///< the broker's public key; empty in the broker's own file

  KeyFile() = default;
  KeyFile(const KeyFile&) = default;
  KeyFile(KeyFile&&) = default;
  KeyFile& operator=(const KeyFile&) = default;
  KeyFile& operator=(KeyFile&&) = default;
  ~KeyFile();
};

/// `where` is put into errors, which never show the content of a line.
Result<KeyFile> parse_key_file(std::string_view text, const std::string& where);
std::string format(const KeyFile& key);

/// Names and public keys appear once each.
Result<std::vector<Authorized>> parse_authorized(std::string_view text, const std::string& where);
std::string format(const std::vector<Authorized>& list);

}  // namespace landseer::keys
