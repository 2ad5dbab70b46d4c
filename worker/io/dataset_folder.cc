#include "worker/io/dataset_folder.h"

#include <system_error>

namespace landseer::worker {

Result<DatasetFolder> parse_dataset_folder(std::string_view option) {
  const std::size_t equals = option.find('=');
  const std::string_view label = option.substr(0, equals);
  const std::size_t colon = label.find(':');
  const std::string_view name = label.substr(0, colon);
  const std::string_view variant =
      colon == std::string_view::npos ? std::string_view() : label.substr(colon + 1);
  if (equals == std::string_view::npos || equals + 1 == option.size() || name.empty() ||
      (colon != std::string_view::npos && variant.empty())) {
    return fail(ErrorCode::kInvalid, "is not of the form NAME[:VARIANT]=PATH", std::string(option),
                "for example cifar10:clean=/srv/data/cifar10");
  }
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(option.substr(equals + 1), error);
  if (error || !std::filesystem::is_directory(path, error)) {
    return fail(ErrorCode::kNotFound, "is not a folder", std::string(option.substr(equals + 1)));
  }
  return DatasetFolder{std::string(name), std::string(variant), path};
}

const DatasetFolder* find_dataset(std::span<const DatasetFolder> datasets, std::string_view name,
                                  std::string_view variant) {
  const DatasetFolder* general = nullptr;
  for (const DatasetFolder& dataset : datasets) {
    if (dataset.name != name) continue;
    if (dataset.variant == variant) return &dataset;
    if (dataset.variant.empty()) general = &dataset;
  }
  return general;
}

}  // namespace landseer::worker
