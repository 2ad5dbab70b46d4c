#include "worker/io/input_folder.h"

#include <cstddef>
#include <map>
#include <optional>
#include <system_error>

#include "worker/io/file_tools.h"

namespace landseer::worker {
namespace {

/// Who provides which top-level name, decided before anything is laid out: nothing that would be
/// replaced is ever put there.
using Plan = std::map<std::string, std::size_t, std::less<>>;

constexpr std::size_t kFromDataset = static_cast<std::size_t>(-1);
constexpr std::size_t kFromTask = static_cast<std::size_t>(-2);

Result<Plan> make_plan(const InputParts& parts) {
  Plan plan;
  if (!parts.dataset.empty()) {
    auto folder = open_folder(parts.dataset);
    if (!folder) return tl::make_unexpected(folder.error());
    auto names = list_folder(folder->get());
    if (!names) return tl::make_unexpected(names.error());
    for (std::string& name : *names) plan.emplace(std::move(name), kFromDataset);
  }
  for (std::size_t i = 0; i < parts.artifacts.size(); ++i) {
    for (const ManifestEntry& entry : parts.artifacts[i].entries) {
      plan.insert_or_assign(std::string(entry.top_level_name()), i);
    }
  }
  if (!parts.model_script.empty()) plan.insert_or_assign(kModelScriptName, kFromTask);
  plan.insert_or_assign(kConfigName, kFromTask);
  return plan;
}

Result<void> lay_out_artifacts(const ArtifactStore& store, const InputParts& parts,
                               const Plan& plan, const std::filesystem::path& target) {
  for (std::size_t i = 0; i < parts.artifacts.size(); ++i) {
    Manifest visible;
    for (const ManifestEntry& entry : parts.artifacts[i].entries) {
      if (plan.find(entry.top_level_name())->second == i) visible.entries.push_back(entry);
    }
    if (auto placed = store.materialise(visible, target); !placed) return placed;
  }
  return {};
}

Result<void> lay_out_task_files(const ArtifactStore& store, const InputParts& parts, int folder) {
  if (!parts.model_script.empty()) {
    auto placed = store.place(parts.model_script, false, folder, kModelScriptName);
    if (!placed) return placed;
  }
  return rewrite_file(folder, kConfigName, parts.config);
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

std::optional<std::filesystem::path> find_in_roots(const std::vector<std::string>& roots,
                                                   const std::string& name) {
  for (const std::string& root : roots) {
    std::error_code error;
    const std::filesystem::path path = std::filesystem::path(root) / name;
    if (path.is_absolute() && std::filesystem::exists(path, error)) return path;
  }
  return std::nullopt;
}

/// Takes what is required and not planned from the roots; returns what is not there either.
Result<std::vector<std::string>> lay_out_required(const InputParts& parts, Plan& plan, int folder) {
  std::vector<std::string> missing;
  for (const std::string& name : parts.required) {
    if (plan.contains(name)) continue;
    const auto found = is_plain_name(name) ? find_in_roots(parts.roots, name) : std::nullopt;
    if (!found) {
      missing.push_back(name);
      continue;
    }
    if (auto shared = share_tree(*found, folder, name); !shared) {
      return tl::make_unexpected(shared.error());
    }
    plan.emplace(name, kFromTask);
  }
  return missing;
}

}  // namespace

Result<std::vector<std::string>> assemble_input(const ArtifactStore& store, const InputParts& parts,
                                                const std::filesystem::path& target) {
  auto folder = open_folder(target);
  if (!folder) return tl::make_unexpected(folder.error());
  auto plan = make_plan(parts);
  if (!plan) return tl::make_unexpected(plan.error());
  for (const auto& [name, provider] : *plan) {
    if (provider != kFromDataset) continue;
    if (auto shared = share_tree(parts.dataset / name, folder->get(), name); !shared) {
      return tl::make_unexpected(shared.error());
    }
  }
  if (auto placed = lay_out_artifacts(store, parts, *plan, target); !placed) {
    return tl::make_unexpected(placed.error());
  }
  if (auto placed = lay_out_task_files(store, parts, folder->get()); !placed) {
    return tl::make_unexpected(placed.error());
  }
  return lay_out_required(parts, *plan, folder->get());
}

}  // namespace landseer::worker
