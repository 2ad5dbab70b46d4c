/// Files in the user's Landseer folder that nobody else may read.
#pragma once

#include <cstddef>
#include <string>

#include "common/base/result.h"

namespace landseer::config {

/// Makes the Landseer folder (0700) if need be and puts the file (0600) there in one step.
Result<void> replace_private_file(const std::string& path, const std::string& text);

/// What to do about a file that is not there, or that others could read.
struct PrivateHints {
  const char* missing;
  const char* exposed;
};

/// Whether it is a folder that only we can read and change. kNotFound, kNotAllowed.
Result<void> check_private_folder(const std::string& folder, const PrivateHints& hints);
/// A file in such a folder, if it is one itself, without following a link, so that what is checked
/// is what is read. One byte more than `bytes_max` of a larger one. kNotFound, kNotAllowed, kIo.
Result<std::string> read_private_file(const std::string& folder, const std::string& file,
                                      std::size_t bytes_max, const PrivateHints& hints);

}  // namespace landseer::config
