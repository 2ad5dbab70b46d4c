/// Data sets that a worker has because a registry says where they lie: `--datasets datasets.yaml`,
/// the same file that pipelines name, read for `source_artifacts_dir` only. Any thread.
#pragma once

#include <filesystem>
#include <vector>

#include "common/base/result.h"
#include "worker/io/dataset_folder.h"

namespace landseer::worker {

/// Those whose `source_artifacts_dir` is a folder on this host; one that is not is left out with a
/// word in the log, for one registry serves many hosts. Relative folders are beside the file.
/// kNotFound: there is no such file; kInvalid: it is not such a registry.
Result<std::vector<DatasetFolder>> read_datasets_file(const std::filesystem::path& file);

}  // namespace landseer::worker
