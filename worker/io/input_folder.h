/// What a tool finds in `/input`: the dataset, then the artifacts of all ancestors, oldest first, a
/// later one replacing an earlier by top-level name (a folder as a whole), then `config_model.py`
/// and `config.json`. docs/protocol.md, "What a tool sees".
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/artifact/manifest.h"
#include "common/base/digest.h"
#include "common/base/result.h"
#include "worker/io/artifact_store.h"

namespace landseer::worker {

inline constexpr const char* kModelScriptName = "config_model.py";
inline constexpr const char* kConfigName = "config.json";

/// Everything is in the store or on the worker's disks already.
struct InputParts {
  std::filesystem::path dataset;    ///< a folder, or empty: none
  std::vector<Manifest> artifacts;  ///< oldest first
  Digest model_script;              ///< a blob, or none
  std::string config;               ///< JSON object
  /// Names that must be there, and the folders to take those from that are not.
  std::vector<std::string> required;
  std::vector<std::string> roots;
};

/// Fills `target`, an empty folder. Returns the required names that were found nowhere; one that
/// is not a plain name counts as such.
Result<std::vector<std::string>> assemble_input(const ArtifactStore& store, const InputParts& parts,
                                                const std::filesystem::path& target);

}  // namespace landseer::worker
