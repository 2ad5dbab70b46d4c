/// What the folder of a data set or an image contains: the digest of the sorted list of its files,
/// each with its size and SHA-256. Equal files give equal digests on every host, whatever the
/// folder's name or the files' times. Links are followed, as when the files are laid out for a
/// tool. Any thread.
///
///     landseer-dataset 1
///     <sha256> <bytes> <length of path> <path>
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "common/base/digest.h"
#include "common/base/result.h"
#include "common/net/cancel.h"

namespace landseer::worker {

inline constexpr std::uint64_t kFolderFilesMax = 20'000'000;

enum class FolderFiles {
  kAll,
  kWithoutCaches,  ///< not what Python keeps beside its modules: `__pycache__`
};

/// Reads every byte: a gigabyte takes about a second. kConflict when called off, kInvalid for what
/// is neither file nor folder, kLimit above kFolderFilesMax or 64 folders deep.
Result<Digest> folder_content(const std::filesystem::path& folder, FolderFiles files,
                              const Cancel& cancel);

/// A digest of paths, sizes, times and inodes: another one means that somebody may have changed a
/// file. A million files take some seconds.
Result<Digest> folder_signature(const std::filesystem::path& folder, FolderFiles files);

}  // namespace landseer::worker
