/// Clients that wait for a pipeline to change. Each waits once: it asks again after its answer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "broker/core/events.h"
#include "broker/core/pipeline_table.h"
#include "common/base/time.h"

namespace landseer::broker {

struct Watcher {
  PeerId peer{};
  std::uint64_t number = 0;
  PipelineId pipeline{};
  std::uint64_t known_version = 0;
  bool until_terminal = false;
  Instant deadline;
  bool tells_all = false;  ///< who asks sees all pipelines

  bool is_due(const PipelineRecord& record) const {
    if (record.terminal()) return true;
    return !until_terminal && record.version != known_version;
  }
};

/// Bounded by protocol::kClientsMax; the caller checks size() before add().
class Watchers {
 public:
  using Answer = std::function<void(const Watcher&)>;

  void add(const Watcher& watcher);
  std::size_t size() const { return by_pipeline_.size(); }
  /// Answers and forgets those of this pipeline that are due.
  void notify(const PipelineRecord& record, const Answer& answer);
  /// Answers and forgets those whose deadline has come.
  void expire(Instant now, const Answer& answer);
  std::optional<Instant> next_deadline() const;

 private:
  using Entries = std::multimap<PipelineId, Watcher>;
  void forget(Entries::iterator entry);

  Entries by_pipeline_;
  std::multimap<Instant, Entries::iterator> by_deadline_;
};

}  // namespace landseer::broker
