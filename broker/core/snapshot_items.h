/// What a snapshot is made of: the state that the journal's records up to its position lead to.
/// Items come in this order: the head, workers, timings, then for each pipeline its item followed
/// by those of its tasks that are not as they were when it was submitted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/core/pipeline_table.h"
#include "broker/core/tool_times.h"
#include "common/base/result.h"
#include "common/protocol/added.h"
#include "common/protocol/selection.h"
#include "common/protocol/worker_messages.h"

namespace landseer::broker {

struct HeadItem {
  std::uint64_t next_task = 1;
  std::uint64_t next_workflow = 1;
  std::uint64_t next_pipeline = 1;
  std::uint64_t next_worker = 1;
  std::uint64_t fingerprint = 0;  ///< of the whole; see fingerprint.h
  bool operator==(const HeadItem&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("next_task", m.next_task);
    visit("next_workflow", m.next_workflow);
    visit("next_pipeline", m.next_pipeline);
    visit("next_worker", m.next_worker);
    visit("fingerprint", m.fingerprint);
  }
};

struct WorkerItem {
  WorkerId worker{};
  std::string uid;
  std::string name;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint32_t host_failures = 0;
  std::string host_error;
  bool drained = false;
  bool recalled = false;
  std::string key{};
  bool operator==(const WorkerItem&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("worker", m.worker);
    visit("uid", m.uid);
    visit("name", m.name);
    visit("completed", m.completed);
    visit("failed", m.failed);
    visit("host_failures", m.host_failures);
    visit("host_error", protocol::added(m.host_error));
    visit("drained", protocol::added(m.drained));
    visit("recalled", protocol::added(m.recalled));
    visit("key", protocol::added(m.key));
  }
};

struct TimingItem {
  std::string tool;
  std::uint64_t mean_ms_bits = 0;  ///< the double, bit for bit
  std::uint64_t samples = 0;
  std::string device{};
  std::uint64_t expected_ms = 0;
  std::uint64_t variance_ms2_bits = 0;
  std::uint64_t variance_samples = 0;
  std::uint64_t mean_bytes_bits = 0;
  std::uint64_t bytes_samples = 0;
  bool operator==(const TimingItem&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("tool", m.tool);
    visit("mean_ms_bits", m.mean_ms_bits);
    visit("samples", m.samples);
    visit("device", protocol::added(m.device));
    visit("expected_ms", protocol::added(m.expected_ms));
    visit("variance_ms2_bits", protocol::added(m.variance_ms2_bits));
    visit("variance_samples", protocol::added(m.variance_samples));
    visit("mean_bytes_bits", protocol::added(m.mean_bytes_bits));
    visit("bytes_samples", protocol::added(m.bytes_samples));
  }
};

TimingItem item_of(const std::string& tool, const std::string& device, const ToolTime& time);
ToolTime time_of(const TimingItem& item);

struct PipelineItem {
  PipelineId pipeline{};
  std::uint64_t first_task = 0;  ///< lowest id of its tasks; 0 if it has none
  std::uint64_t first_workflow = 0;
  Digest digest;  ///< of the submission; see PipelineAdded
  std::int64_t submitted_at = 0;
  std::int64_t first_started_at = 0;
  std::int64_t finished_at = 0;
  bool cancel_requested = false;
  bool paused = false;
  std::vector<protocol::ImageOffer> image_contents;
  Digest dataset_content;
  std::optional<std::int64_t> priority{};  ///< none: as it was submitted
  std::vector<Pruning> prunings{};
  std::vector<protocol::WorkflowRange> cancelled_workflows{};
  std::string body;  ///< not encoded; see PipelineAdded
  std::string owner{};
  std::vector<std::string> paused_tools{};
  std::vector<protocol::WorkflowRange> paused_workflows{};
  std::vector<TaskId> paused_tasks{};
  bool operator==(const PipelineItem&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("pipeline", m.pipeline);
    visit("first_task", m.first_task);
    visit("first_workflow", m.first_workflow);
    visit("digest", m.digest);
    visit("submitted_at", m.submitted_at);
    visit("first_started_at", m.first_started_at);
    visit("finished_at", m.finished_at);
    visit("cancel_requested", m.cancel_requested);
    visit("paused", protocol::added(m.paused));
    visit("image_contents", protocol::added(m.image_contents));
    visit("dataset_content", protocol::added(m.dataset_content));
    visit("priority", protocol::added(m.priority));
    visit("prunings", protocol::added(m.prunings));
    visit("cancelled_workflows", protocol::added(m.cancelled_workflows));
    visit("owner", protocol::added(m.owner));
    visit("paused_tools", protocol::added(m.paused_tools));
    visit("paused_workflows", protocol::added(m.paused_workflows));
    visit("paused_tasks", protocol::added(m.paused_tasks));
  }
};

struct TaskItem {
  TaskId task{};
  std::uint8_t status = 0;  ///< a domain::TaskStatus
  bool cached = false;
  std::string reason;
  bool ran = false;
  std::uint64_t epoch = 0;  ///< of the live attempt
  TaskRun run;
  std::vector<WorkerId> holders;  ///< of its artifact
  std::vector<WorkerId> checkpoint_holders;
  bool pruned = false;
  bool operator==(const TaskItem&) const = default;
  template <class Self, class Visit>
  static void fields(Self& m, Visit&& visit) {
    visit("task", m.task);
    visit("status", m.status);
    visit("cached", m.cached);
    visit("reason", m.reason);
    visit("ran", m.ran);
    visit("epoch", m.epoch);
    visit("run", m.run);
    visit("holders", m.holders);
    visit("checkpoint_holders", protocol::added(m.checkpoint_holders));
    visit("pruned", protocol::added(m.pruned));
  }
};

/// Order gives the type number in the store (index + 1): append only.
using SnapshotItem = std::variant<HeadItem, WorkerItem, TimingItem, PipelineItem, TaskItem>;

std::string encode_item(const SnapshotItem& item);
Result<SnapshotItem> decode_item(std::string_view bytes);

}  // namespace landseer::broker
