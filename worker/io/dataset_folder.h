/// The datasets of this worker: `--data NAME[:VARIANT]=PATH`. Values; any thread.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace landseer::worker {

struct DatasetFolder {
  std::string name;
  std::string variant;  ///< empty: serves every variant that has no entry of its own
  std::filesystem::path path;
  bool operator==(const DatasetFolder&) const = default;
};

/// kInvalid for another form, kNotFound if the path is not a folder. The path is made absolute.
Result<DatasetFolder> parse_dataset_folder(std::string_view option);

/// The entry of this variant, else the one without a variant, else null.
const DatasetFolder* find_dataset(std::span<const DatasetFolder> datasets, std::string_view name,
                                  std::string_view variant);

}  // namespace landseer::worker
