/// What makes a file in the artifact store a sealed object. For the store's own sources only.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "common/base/digest.h"
#include "common/base/result.h"
#include "worker/io/file_tools.h"

namespace landseer::worker {

std::filesystem::path object_path(const std::filesystem::path& root, const Digest& blob);

/// True while nobody touched the file since `seal`. A check by metadata: it finds accidents, not
/// enemies; those are found by whoever fetches the content and hashes it.
bool is_sealed(const struct stat& status);

/// Invalid if the object is absent or not as sealed.
UniqueFd open_sealed(const std::filesystem::path& root, const Digest& blob, struct stat& status);

Result<void> seal(int file, const std::string& where);

/// A name nobody else uses, for ROOT/tmp.
std::string unique_name();

/// Moves ROOT/tmp/`name`, sealed, to its place, over a damaged object but not over a good one.
Result<void> install(const std::filesystem::path& root, const std::string& name,
                     const Digest& blob);

}  // namespace landseer::worker
