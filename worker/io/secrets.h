/// The worker's folder of secrets, `$LANDSEER_HOME/secrets` or that of `--secrets`: one file each,
/// whose name is the secret's and whose content, without a line end behind it, its value. Values
/// are read when a tool is started and go nowhere but into its environment. docs/operations.md,
/// "Secrets". Blocking; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/io/tool_contract.h"

namespace landseer::worker {

inline constexpr std::size_t kSecretBytesMax = 32 * 1024;
/// Each is a label of the worker.
inline constexpr std::size_t kSecretsMax = 32;

class Secrets {
 public:
  Secrets() = default;
  /// `named`, else the one of $LANDSEER_HOME, which need not exist. An error names the first file
  /// that is none, or that others could read.
  static Result<Secrets> open(const std::string& named);

  /// Those that were there when the worker started, sorted.
  const std::vector<std::string>& names() const { return names_; }

  /// What the environment of a tool asks for, NAME to VALUE, as the files are now. Errors never
  /// show a value; kNotFound for one that is gone, kInvalid for one that is not fit for a variable.
  Result<Variables> values_for(std::string_view env) const;

 private:
  std::string folder_;
  std::vector<std::string> names_;
};

}  // namespace landseer::worker
