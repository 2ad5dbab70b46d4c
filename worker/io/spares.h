/// Files and folders that nobody needs any more, kept under other names for those who need new
/// ones: to rename is cheap everywhere. To make and remove many is not: ext4 without a journal
/// does not take an inode that was freed in the last minutes, and looks at each of them first,
/// 0.2 ms for a file at some hundred attempts per second, measured.
#pragma once

#include <cstddef>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace landseer::worker {

/// What is kept must be as good as new: the caller has seen to that. Any thread; of several that
/// use one folder, in several processes too, each gets what another one has not.
class Spares {
 public:
  static constexpr std::size_t kMost = 128;

  /// Takes over what an earlier one left in `folder` under names that begin with `prefix`.
  Spares(std::filesystem::path folder, std::string prefix, std::size_t most = kMost);

  /// One of them becomes `target`, in the same file system, which does not exist. False: no.
  bool take(const std::filesystem::path& target);
  /// The same under the name that it has already, for the only user of a folder.
  std::optional<std::filesystem::path> take_in_place();
  /// False: it is still where it was, for the caller to remove.
  bool keep(const std::filesystem::path& path);

 private:
  const std::filesystem::path folder_;
  const std::string prefix_;
  const std::size_t most_;
  std::mutex mutex_;
  std::vector<std::filesystem::path> kept_;
};

}  // namespace landseer::worker
