/// Looking at the files of the store before SQLite does. SQLite takes the write-ahead log up to the
/// first frame that is not right and drops the rest without a word; that is right for a crash in
/// the middle of a commit and wrong for a damaged disk. Source of the format: the SQLite
/// documentation, "Database File Format", sections 1.3 and 4.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace landseer::broker {

struct WalReport {
  std::uint64_t frames = 0;       ///< whole and right, up to the last commit
  std::uint64_t torn_frames = 0;  ///< of a commit that did not become durable; SQLite drops them
};

/// Checks the header of the database at `path` and every frame of its log, if the files are there.
/// Reads only. kInternal with the byte position for what is damaged: a frame that is followed by
/// frames of a later commit, a header, a file that is cut inside its first page.
Result<WalReport> check_wal(const std::string& path);

}  // namespace landseer::broker
