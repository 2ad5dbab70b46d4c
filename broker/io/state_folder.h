/// The broker's folder on disk: the lock that keeps a second broker out, the epoch, and the blobs
/// that submissions brought along.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/base/digest.h"
#include "common/base/result.h"

namespace landseer::broker {

/// One object per process; the lock lives as long as it does.
class StateFolder {
 public:
  /// Makes the folder (0700), takes the lock and raises the epoch durably. kConflict when another
  /// broker holds the lock, kIo when the disk does not let us or the epoch is damaged.
  static Result<std::unique_ptr<StateFolder>> open(const std::string& path);
  /// Takes the lock of a folder that is there, to look at what it has; epoch() is 0.
  static Result<std::unique_ptr<StateFolder>> lock(const std::string& path);
  ~StateFolder();
  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;

  const std::string& path() const { return path_; }
  /// Grows by one with every successful open(); a new folder begins at a random number.
  std::uint64_t epoch() const { return epoch_; }

  /// Durable when it returns. Keeping a blob twice is no error.
  Result<void> keep_blob(const Digest& digest, std::string_view bytes);
  void remove_blob(const Digest& digest);
  /// Removes what a crash left: blobs of pipelines that are forgotten, and drafts.
  void remove_blobs_but(const std::set<Digest>& needed);
  /// At most `limit` bytes from `offset`; empty result if there is no such blob. `size` is the
  /// whole blob's.
  std::optional<std::string> read_blob(const Digest& digest, std::uint64_t offset,
                                       std::size_t limit, std::uint64_t& size) const;

 private:
  StateFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  Result<void> raise_epoch();
  std::string blob_path(const Digest& digest) const { return path_ + "/blobs/" + digest.hex(); }

  std::string path_;
  int lock_;
  std::uint64_t epoch_ = 0;
};

}  // namespace landseer::broker
