/// Everything the core knows, in one struct of tables, and the reused outbox its parts write to.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/artifact_table.h"
#include "broker/core/change_feed.h"
#include "broker/core/outbox.h"
#include "broker/core/pipeline_table.h"
#include "broker/core/request_table.h"
#include "broker/core/settings.h"
#include "broker/core/tool_times.h"
#include "broker/core/worker_table.h"
#include "common/domain/factories.h"

namespace landseer::broker {

struct State {
  explicit State(const Settings& chosen) : settings(chosen), changes(chosen.epoch) {}

  Settings settings;
  domain::IdCounters ids;
  PipelineTable pipelines;
  WorkerTable workers;
  RequestTable requests;
  ArtifactTable artifacts;
  std::unordered_map<TaskId, TaskId> joined;           ///< pending, to whose attempt it waits for
  std::map<protocol::AttemptRef, TaskId> handed_over;  ///< live attempts that serve another task
  ToolTimes times;
  std::set<std::pair<Instant, TaskId>> held;  ///< tasks waiting for their backoff
  std::set<PipelineId> touched;         ///< since the last settle: watchers may have to be told
  std::vector<TaskId> evaluations_due;  ///< completed just now, in pipelines with rules
  ChangeFeed changes;            ///< for those who follow everything
  bool placement_due = false;
  std::optional<Instant> expiry_frozen_until;  ///< many workers fell silent at once
  std::string expiry_notice;                   ///< what people are told about that; else empty
  DiskSpace disk;
  std::uint64_t stale_messages = 0;  ///< about attempts or sessions that are over
  std::uint64_t fingerprint = 0;     ///< of all that the store remembers; see fingerprint.h

  /// The pipeline has another visible state than before.
  void touch(PipelineRecord& record) {
    ++record.version;
    touched.insert(record.id());
    changes.note(record.id());
  }
};

}  // namespace landseer::broker
