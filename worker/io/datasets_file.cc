#include "worker/io/datasets_file.h"

#include <spdlog/spdlog.h>
#include <yaml-cpp/yaml.h>

#include <string>
#include <system_error>

namespace landseer::worker {
namespace {

constexpr std::uintmax_t kFileBytesMax = 16 * 1024 * 1024;

auto bad(const std::filesystem::path& file, const YAML::Mark& mark, const std::string& why) {
  const std::string place =
      mark.is_null() ? file.string() : file.string() + ':' + std::to_string(mark.line + 1);
  return fail(
      ErrorCode::kInvalid, why, place,
      "--datasets takes a datasets.yaml: `datasets: {NAME: {source_artifacts_dir: FOLDER}}`");
}

Result<std::vector<DatasetFolder>> read_entries(const std::filesystem::path& file) {
  const YAML::Node root = YAML::LoadFile(file.string());
  if (!root.IsMap() || !root["datasets"] || !root["datasets"].IsMap()) {
    return bad(file, root.Mark(), "has no list of datasets");
  }
  std::vector<DatasetFolder> folders;
  for (const auto& entry : root["datasets"]) {
    const auto name = entry.first.as<std::string>();
    if (!entry.second.IsMap()) return bad(file, entry.second.Mark(), name + " is no dataset");
    const YAML::Node source = entry.second["source_artifacts_dir"];
    if (!source || source.IsNull()) continue;
    if (!source.IsScalar()) {
      return bad(file, source.Mark(), "source_artifacts_dir of " + name + " is no folder's name");
    }
    if (source.Scalar().empty()) continue;
    const auto path = std::filesystem::absolute(file).parent_path() / source.Scalar();
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
      folders.push_back({name, "", path});
    } else {
      spdlog::info("the dataset {} of {} is not on this host: {} is no folder", name, file.string(),
                   path.string());
    }
  }
  return folders;
}

}  // namespace

Result<std::vector<DatasetFolder>> read_datasets_file(const std::filesystem::path& file) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(file, error);
  if (error) return fail(ErrorCode::kNotFound, "cannot be read: " + error.message(), file.string());
  if (bytes > kFileBytesMax) return bad(file, YAML::Mark::null_mark(), "is larger than 16 MiB");
  try {
    return read_entries(file);
  } catch (const YAML::Exception& problem) {
    return bad(file, problem.mark, problem.msg);
  }
}

}  // namespace landseer::worker
