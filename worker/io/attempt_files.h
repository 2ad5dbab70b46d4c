/// One small file per attempt, so that an executor that dies leaves word for the next one: which
/// tools it may have left behind, and the ends that no agent has taken over yet.
///
/// It is made before the tool is started, with what it takes to clean up after it: one record, or
/// nothing at all. At the end the encoded Ended is appended as the second. A record cut short
/// counts as not written, and without an Ended the end is unknown. (To rename
/// a new file over it makes ext4 flush that file, auto_da_alloc in ext4(5): 4 ms each, measured,
/// against 0.2 ms.) Not synced: it must survive the executor, and no tool survives the machine.
/// Files that are forgotten are used again, see spares.h.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/io/executor_messages.h"
#include "worker/io/spares.h"

namespace landseer::worker {

/// `EPOCH.TASK.ATTEMPT`, all numbers.
std::string to_string(const AttemptKey& key);
std::optional<AttemptKey> parse_attempt_key(std::string_view text);

/// The state folder. One executor uses it at a time, from one thread.
class AttemptFiles {
 public:
  /// What a tool leaves besides its processes.
  struct Remains {
    AttemptKey key;
    std::string cgroup;                    ///< as in Launch
    std::vector<std::string> remove_argv;  ///< as in Launch
  };
  struct Found {
    std::vector<Ended> ended;
    std::vector<Remains> unfinished;
  };

  /// `folder` is absolute; made if absent.
  static Result<AttemptFiles> open(const std::string& folder);

  /// What earlier executors left. A damaged file counts as unfinished.
  Found load() const;
  Result<void> mark_launched(const Launch& launch) const;
  /// `message` is the encoded Ended.
  Result<void> record(const AttemptKey& key, const std::string& message) const;
  void forget(const AttemptKey& key) const;

  /// The attempt's token (kTokenVariable): the path of its file, so unique on the machine.
  std::string token(const AttemptKey& key) const;

 private:
  explicit AttemptFiles(std::string folder);

  std::string folder_;
  std::shared_ptr<Spares> spares_;  ///< files that are forgotten
};

}  // namespace landseer::worker
