/// Brings an artifact to this machine, from whichever worker has it, through the broker's bulk
/// port. Everything is checked by its digest. What was fetched stays beside the target until all is
/// there, so that a later call goes on where one was cut off; the target appears complete or not at
/// all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/artifact/manifest.h"
#include "common/base/ids.h"
#include "common/base/unique_fd.h"
#include "submitter/client/piece_window.h"
#include "submitter/client/stream.h"

namespace landseer::client {

struct Fetched {
  Digest artifact;
  std::uint64_t bytes = 0;        ///< of all files
  std::uint64_t bytes_moved = 0;  ///< by this call: less if an earlier one was cut off
  std::size_t files = 0;
};

class ArtifactFetch {
 public:
  /// Called with each piece; both numbers are bytes of distinct contents.
  using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

  ArtifactFetch(Client& client, TaskId task, Progress progress)
      : client_(client), stream_(client), task_(task), progress_(std::move(progress)) {}

  /// Makes the folder `target`, whose parent must exist. kConflict if it exists and is not empty,
  /// unless `replace`; kUnavailable when no worker that has the artifact can be reached, kIo for
  /// trouble on this machine.
  Result<Fetched> run(const std::filesystem::path& target, bool replace);

 private:
  enum class Step { kDone, kNextSource, kAskBroker };

  Result<void> prepare(const std::filesystem::path& target, bool replace);
  Result<void> open();
  Result<Manifest> fetch_manifest();
  Result<void> fetch_blob(const Digest& blob, std::uint64_t bytes_max);
  Result<Step> pull(const Digest& blob, std::uint64_t bytes_max, int file);
  Result<Step> take(const protocol::BulkReplyView& reply, std::uint64_t number, const Digest& blob,
                    std::uint64_t bytes_max, int file);
  Result<bool> verify(const Digest& blob, int file);
  Result<void> next_source(Step why);
  Result<void> assemble(const Manifest& manifest) const;
  Result<void> install(const std::filesystem::path& target, bool replace) const;
  std::filesystem::path blob_path(const Digest& blob) const;

  Client& client_;
  Stream stream_;
  TaskId task_;
  Progress progress_;
  std::filesystem::path stage_;   // folder beside the target
  std::filesystem::path inside_;  // the same as it was opened, whatever has its name meanwhile
  UniqueFd lock_;
  protocol::StreamOpened opened_;
  std::size_t source_ = 0;
  int rounds_ = 0;       // over all sources, since the last piece
  std::string trouble_;  // of the last source
  PieceWindow window_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  Fetched fetched_;
};

}  // namespace landseer::client
