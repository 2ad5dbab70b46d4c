/// What a data set is: the digest of the sorted list of its files, each with its size and SHA-256.
/// Equal files give equal digests on every host, whatever the folder's name or the files' times.
/// Links are followed, as when the files are laid out for a tool. Any thread.
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

inline constexpr std::uint64_t kDatasetFilesMax = 20'000'000;

/// Reads every byte: a gigabyte takes about a second. kConflict when called off, kInvalid for what
/// is neither file nor folder, kLimit above kDatasetFilesMax or 64 folders deep.
Result<Digest> dataset_content(const std::filesystem::path& folder, const Cancel& cancel);

/// A digest of paths, sizes, times and inodes: another one means that somebody may have changed a
/// file. A million files take some seconds.
Result<Digest> dataset_signature(const std::filesystem::path& folder);

}  // namespace landseer::worker
