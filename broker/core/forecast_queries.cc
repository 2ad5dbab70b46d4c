/// What clients forecast from. The forecast itself is theirs: it would hold up the loop.
#include <algorithm>
#include <cmath>
#include <map>

#include "broker/core/offers.h"
#include "broker/core/queries.h"
#include "common/protocol/limits.h"

namespace landseer::broker {
namespace {

/// Pages stay well below the frame limit even with the longest names and commands.
constexpr std::size_t kPageBytesMax = 1024 * 1024;

std::uint64_t whole(double value) { return value > 0 ? std::uint64_t(std::llround(value)) : 0; }

protocol::ToolTimeRow row_of(const std::string& tool, const std::string& device,
                             const ToolTime& time) {
  protocol::ToolTimeRow row;
  row.tool = tool;
  row.device = device;
  row.samples = time.samples;
  row.mean_us = whole(time.mean_ms * 1000);
  row.spread_samples = time.variance_samples;
  // Of a few samples the mean square around their own mean is too small: n / (n - 1).
  const auto counted = static_cast<double>(std::min<std::uint64_t>(time.variance_samples, 8));
  if (counted > 1) {
    row.spread_us = whole(1000 * std::sqrt(time.variance_ms2 * counted / (counted - 1)));
  }
  row.bytes_samples = time.bytes_samples;
  row.mean_bytes = whole(time.mean_bytes);
  return row;
}

protocol::OptionsEntry entry_of(const domain::TaskOptions& options) {
  protocol::OptionsEntry entry;
  entry.cpus_milli = options.resources.cpus_milli;
  entry.gpus_milli = options.resources.gpus_milli;
  entry.memory_bytes = options.resources.memory_bytes;
  entry.gpu_memory_bytes = options.resources.gpu_memory_bytes;
  entry.gpu_model = options.resources.gpu_model;
  entry.scratch_bytes = options.resources.scratch_bytes;
  for (const auto& [key, relation, values] : options.resources.labels) {
    entry.labels.push_back({key, static_cast<std::uint8_t>(relation), values});
  }
  for (const auto& [name, amount] : options.resources.named) entry.named.push_back({name, amount});
  entry.time_estimate_ms =
      static_cast<std::uint64_t>(options.time_estimate / std::chrono::milliseconds(1));
  entry.retries = options.retries;
  entry.timeout_ms = static_cast<std::uint64_t>(options.timeout / std::chrono::milliseconds(1));
  return entry;
}

/// Makes a page of the graph: what tasks share is in it once.
class GraphWriter {
 public:
  GraphWriter(const PipelineRecord& record, WallTime now) : record_(record), now_(now) {
    page_.policy = record.policy;
    page_.priority = record.priority;
    page_.dataset_name = record.pipeline->dataset.name;
    page_.dataset_variant = record.pipeline->dataset.variant;
    page_.tasks_total = record.pipeline->tasks.size();
    page_.workflows_total = record.pipeline->workflows.size();
  }

  void add(const domain::Task& task) {
    protocol::GraphTask row;
    row.type = static_cast<std::uint8_t>(task.type);
    row.status = static_cast<std::uint8_t>(task.status);
    row.paused =
        task.status == domain::TaskStatus::kPending && record_.scheduler->is_paused(task.id);
    row.tool = tool_of(task);
    row.options = options_of(task);
    for (const TaskId id : task.dependencies) row.dependencies.push_back(index_of(id));
    const std::uint64_t first = number(record_.pipeline->workflows.front().id);
    for (const WorkflowId id : task.workflows) {
      row.workflows.push_back(static_cast<std::uint32_t>(number(id) - first));
    }
    if (const TaskRun* run = record_.find_run(task.id)) describe(task, *run, row);
    bytes_ += 64 + 5 * (row.dependencies.size() + row.workflows.size());
    page_.tasks.push_back(std::move(row));
  }
  bool is_full() const {
    return bytes_ >= kPageBytesMax || page_.tasks.size() >= protocol::kPageRowsMax;
  }
  protocol::GraphPage take(std::uint64_t next_offset) {
    page_.next_offset = next_offset;
    return std::move(page_);
  }

 private:
  std::uint32_t index_of(TaskId id) const {
    return static_cast<std::uint32_t>(number(id) - number(record_.first_task));
  }
  std::uint32_t tool_of(const domain::Task& task) {
    const auto [found, added] =
        tools_.emplace(task.tool, static_cast<std::uint32_t>(page_.tools.size()));
    if (added) {
      const domain::ToolDefinition& tool = *task.tool;
      // Not the command: nothing is chosen by it, and it may be long.
      page_.tools.push_back(
          {tool.name, tool.container.image, {}, tool.container.runtime, tool.is_baseline});
      bytes_ += 64 + tool.name.size() + tool.container.image.size();
    }
    return found->second;
  }
  std::uint32_t options_of(const domain::Task& task) {
    const auto [found, added] =
        options_.emplace(task.options, static_cast<std::uint32_t>(page_.options.size()));
    if (added) {
      page_.options.push_back(entry_of(*task.options));
      bytes_ += 64;
    }
    return found->second;
  }
  void describe(const domain::Task& task, const TaskRun& run, protocol::GraphTask& row) const {
    if (task.status == domain::TaskStatus::kCompleted) {
      row.artifact_bytes = run.artifact_bytes;
      if (!run.attempts.empty()) row.finished_at = run.attempts.back().finished_at;
    }
    if (!run.live()) return;
    row.worker = run.worker;
    const protocol::AttemptRow& attempt = run.attempts.back();
    const std::int64_t since = attempt.started_at != 0 ? attempt.started_at : attempt.assigned_at;
    row.running_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(now_.unix_ms - since, 0));
  }

  const PipelineRecord& record_;
  WallTime now_;
  protocol::GraphPage page_;
  std::size_t bytes_ = 0;
  std::map<const domain::ToolDefinition*, std::uint32_t> tools_;  // only looked up
  std::map<const domain::TaskOptions*, std::uint32_t> options_;   // only looked up
};

}  // namespace

protocol::ToolTimeList tool_times(const State& state, const protocol::GetToolTimes& request) {
  protocol::ToolTimeList list;
  for (const std::string& tool : request.tools) {
    const ToolTimes::Devices* devices = state.times.find(tool);
    if (devices == nullptr) continue;
    for (const auto& [device, time] : *devices) list.rows.push_back(row_of(tool, device, time));
  }
  return list;
}

protocol::OfferList offer_list(const State& state, WorkerId after) {
  protocol::OfferList list;
  std::size_t bytes = 0;
  const auto& all = state.workers.all();
  for (auto it = all.upper_bound(after); it != all.end(); ++it) {
    if (!it->second.takes_work()) continue;
    if (list.rows.size() >= protocol::kPageRowsMax || bytes >= kPageBytesMax) {
      list.more = true;
      break;
    }
    protocol::Hello offer = it->second.offer;
    offer.images.clear();
    offer.fetch_secret.clear();  // signs passes: nobody's but the worker's and the broker's
    for (protocol::DatasetOffer& dataset : offer.datasets) dataset.names.clear();
    bytes += bytes_of(offer);
    list.rows.push_back({it->first, std::move(offer)});
  }
  return list;
}

protocol::GraphPage graph_page(const PipelineRecord& record, std::uint64_t offset, WallTime now) {
  GraphWriter page(record, now);
  const std::uint64_t total = record.pipeline->tasks.size();
  std::uint64_t i = std::min(offset, total);
  for (; i < total && !page.is_full(); ++i) {
    page.add(*record.scheduler->find_task(TaskId{number(record.first_task) + i}));
  }
  return page.take(i < total ? i : 0);
}

}  // namespace landseer::broker
