/// Secrets are named, never sent: a tool's environment may say `{"TOKEN": {"secret": "hf-token"}}`,
/// and only the worker that starts the tool puts a value there, from a file of its own. A worker
/// says by a label which names it has a file for, so a task waits for one that has all it names.
/// docs/pipelines.md, "Secrets". Pure; any thread.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace landseer::domain {

inline constexpr std::size_t kSecretNameBytesMax = 64;

/// Letters, digits, `.`, `_` and `-`, not beginning with `.` or `-`: also the name of its file.
bool is_secret_name(std::string_view name);

/// False for variables that are not a tool's own to fill: those by which programs are found and
/// loaded, those of the contract, and those that steer a container engine, which hands a secret on
/// from its own environment.
bool is_secret_variable(std::string_view name);

/// The label of workers that have the secret.
std::string secret_label(std::string_view name);
inline constexpr std::string_view kSecretLabelPrefix = "secret/";

/// Name of the secret by variable, of an environment as it is submitted: a JSON object. Entries
/// that are texts are none. kInvalid for a reference that is not as above.
Result<std::map<std::string, std::string>> secrets_of(std::string_view env);

}  // namespace landseer::domain
