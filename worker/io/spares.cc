#include "worker/io/spares.h"

#include <unistd.h>

#include <cstdio>
#include <system_error>
#include <utility>

#include "worker/io/file_tools.h"
#include "worker/io/sealed_object.h"

namespace landseer::worker {

Spares::Spares(std::filesystem::path folder, std::string prefix, std::size_t most)
    : folder_(std::move(folder)), prefix_(std::move(prefix)), most_(most) {
  const auto opened = open_folder(folder_);
  const auto names = opened ? list_folder(opened->get()) : Result<std::vector<std::string>>{};
  if (!names) return;
  for (const std::string& name : *names) {
    if (!name.starts_with(prefix_)) continue;
    if (kept_.size() < most_) {
      kept_.push_back(folder_ / name);
    } else {
      (void)remove_tree(folder_ / name);
    }
  }
}

bool Spares::take(const std::filesystem::path& target) {
  const std::lock_guard lock(mutex_);
  while (!kept_.empty()) {
    const std::filesystem::path spare = std::move(kept_.back());
    kept_.pop_back();
    if (rename(spare.c_str(), target.c_str()) == 0) return true;
  }
  return false;
}

std::optional<std::filesystem::path> Spares::take_in_place() {
  const std::lock_guard lock(mutex_);
  if (kept_.empty()) return std::nullopt;
  std::filesystem::path spare = std::move(kept_.back());
  kept_.pop_back();
  return spare;
}

bool Spares::keep(const std::filesystem::path& path) {
  const std::lock_guard lock(mutex_);
  if (kept_.size() >= most_) return false;
  std::filesystem::path spare = folder_ / (prefix_ + unique_name());
  if (rename(path.c_str(), spare.c_str()) != 0) return false;
  kept_.push_back(std::move(spare));
  return true;
}

}  // namespace landseer::worker
