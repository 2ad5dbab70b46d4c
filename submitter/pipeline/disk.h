/// The files a pipeline refers to: reading them whole and finding them. Blocking; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "common/base/result.h"

namespace landseer::pipeline {

/// The content of a file. kNotFound when there is none, kIo when it cannot be read, kLimit when it
/// is larger than `bytes_max`; each with the path as `where`.
Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

bool is_file(const std::string& path);

/// `path` seen from the folder of `file`, then from the current folder; empty when in neither.
std::string find_beside(const std::string& file, const std::string& path);

/// `name` in the folder of `file`, then one folder up; empty when in neither.
std::string find_registry(const std::string& file, const std::string& name);

}  // namespace landseer::pipeline
