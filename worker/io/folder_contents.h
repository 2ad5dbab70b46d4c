/// What folders contain, read again only when their files look different: a signature of the files
/// tells, and may be kept over restarts. Any thread, one at a time for one object.
#pragma once

#include <filesystem>
#include <map>

#include "common/base/digest.h"
#include "common/base/result.h"
#include "common/net/cancel.h"
#include "worker/io/folder_content.h"

namespace landseer::worker {

struct FolderContent {
  Digest content;
  Digest signature;  ///< that the files had then
};

class FolderContents {
 public:
  /// `memory`: a folder of this worker's own, made if need be.
  FolderContents(std::filesystem::path memory, FolderFiles files);

  /// kConflict: called off, or files are written to all the time.
  Result<FolderContent> read(const std::filesystem::path& folder, const Cancel& cancel) const;

 private:
  std::filesystem::path memory_;
  FolderFiles files_;
};

}  // namespace landseer::worker
