/// The folder of key files, `$LANDSEER_HOME/keys` or that of `--keys`. A key that others can read
/// or change is none: every read checks folder and file, and says how to mend them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/keys/key_files.h"

namespace landseer::config {

/// Names of files in it. Those of keys for others are NAME.key.
inline constexpr const char* kBrokerKeyFile = "broker.key";
inline constexpr const char* kClientKeyFile = "client.key";
inline constexpr const char* kWorkerKeyFile = "worker.key";
inline constexpr const char* kAuthorizedFile = "authorized";

/// `named`, else the one of $LANDSEER_HOME.
std::string keys_folder(const std::string& named);

/// Whether there is such a file, good or not.
bool has_key_file(const std::string& folder, const std::string& file);

/// kNotFound when there is none, kNotAllowed when others could read or change it.
Result<keys::KeyFile> read_key(const std::string& folder, const std::string& file);
/// Makes the folder (0700), and a file (0600) that is complete or not there. With `replace` in the
/// place of one that is, else kConflict.
Result<void> write_key(const std::string& folder, const std::string& file, const keys::KeyFile& key,
                       bool replace = false);
/// No error if there is none.
Result<void> remove_key(const std::string& folder, const std::string& file);

Result<std::vector<keys::Authorized>> read_authorized(const std::string& folder);
/// In one step: who reads sees the old list or the new one.
Result<void> write_authorized(const std::string& folder, const std::vector<keys::Authorized>& list);

/// Held by who changes the list. Waits for others.
Result<UniqueFd> lock_keys(const std::string& folder);

/// What to prove oneself with to the broker at `address`; empty: it has no keys, or is on this
/// machine (`local`) and nothing says that it has. The address decides: broker.json tells whether
/// the broker that wrote it has keys. kNotAllowed when a key is needed and there is none.
Result<std::optional<keys::KeyFile>> find_key(const std::string& named_folder,
                                              const std::string& file, const std::string& address,
                                              bool local);

/// "no such key here" with the commands that mend it.
Error missing_key(const std::string& folder, const std::string& file, const std::string& address);

}  // namespace landseer::config
