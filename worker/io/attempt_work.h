/// What has to be done around the run of an attempt: fetch and lay out its inputs before, keep its
/// output after. Blocking; the workbench calls it from its threads.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/net/cancel.h"
#include "worker/core/effects.h"
#include "worker/io/artifact_store.h"
#include "worker/io/attempt_folder.h"
#include "worker/io/blob_fetcher.h"
#include "worker/io/dataset_book.h"
#include "worker/io/dataset_folder.h"
#include "worker/io/runtimes.h"

namespace landseer::worker {

/// A larger checkpoint folder stays on its host.
inline constexpr std::uint64_t kCheckpointBytesMax = std::uint64_t{16} << 30;

struct AttemptTools {
  ArtifactStore store;
  AttemptFolders folders;
  std::vector<DatasetFolder> datasets;
  std::shared_ptr<DatasetBook> book;  ///< none: contents of data sets are not known
  std::shared_ptr<const Runtimes> runtimes;
  /// The wait for a checkpoint from another host; without it the attempt begins anew.
  Duration checkpoint_wait = std::chrono::minutes(1);

  ToolUser user_of(const protocol::WorkSpec& spec) const;
};

/// Gets the image too. `bulk_address` is the broker's port for model scripts. An artifact that
/// cannot be had or is damaged is kInputMissing; everything else is this worker's fault,
/// kRuntimeError.
std::variant<Prepared, PrepareFailed> prepare_attempt(const AttemptTools& tools,
                                                      BlobFetcher& fetcher, const AttemptJob& job,
                                                      const std::string& bulk_address,
                                                      const Cancel& cancel);

/// To be called when all processes of the attempt are gone.
std::variant<Captured, CaptureFailed> capture_attempt(const AttemptTools& tools,
                                                      const AttemptJob& job);

/// The same for its checkpoint folder, whose files stay where they are. Trouble is said in the log
/// only: the task can begin anew.
CheckpointCaptured capture_checkpoint(const AttemptTools& tools, const AttemptJob& job);

/// The answer to a Prepare that was called off.
PrepareFailed cancelled_prepare(const AttemptKey& key);

/// Fit for a message: one line of UTF-8, at most kReasonBytesMax.
std::string reason_text(const std::string& text);

}  // namespace landseer::worker
