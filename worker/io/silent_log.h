/// The log of a tool that has printed nothing. Making two files for it can cost more than the tool
/// itself: a file system that was freed of many files looks at each of them first, 0.2 ms a file.
/// So all such logs of a folder are names of two files that are there once: `silent`, which is
/// empty, and `silent.index`, which says that it grows still. Without an index a log is finished.
#pragma once

#include <filesystem>
#include <string>

namespace landseer::worker {

/// Gives the silent log this name, whatever had it before. False where files cannot have several
/// names: then the log needs files of its own.
bool begin_silent_log(const std::filesystem::path& log);
/// Nothing will be printed any more.
void end_silent_log(const std::filesystem::path& log);

/// Puts the new file at `draft` where `path` is, without a moment in which there is none; false
/// with errno set. What was there is not emptied, as other logs may be the same file.
bool put_in_place(const std::string& draft, const std::string& path);

}  // namespace landseer::worker
