/// Makes the folders of an attempt that is over as good as new, for another attempt. Only of tools
/// that ran as plain processes of our own user: those can write to all folders here anyway, at any
/// time, so that nothing is gained by new ones. Folders that a container had are removed.
#pragma once

#include <filesystem>

namespace landseer::worker {

/// False if it is not as it was made: then it is to be removed. Of the input, config.json stays,
/// to be written over.
bool renew_attempt(const std::filesystem::path& folder);

/// True if it is empty, and ours.
bool renew_checkpoint(const std::filesystem::path& folder);

}  // namespace landseer::worker
