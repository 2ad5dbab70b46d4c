/// What the pages show, made from the model: JSON as docs/openapi.yaml describes it. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/protocol/client_messages.h"
#include "dashboard/gateway/critical_path.h"
#include "dashboard/gateway/model.h"

namespace landseer::gateway {

using Json = nlohmann::ordered_json;

struct Page {
  std::size_t offset = 0;
  std::size_t limit = 100;
};

struct TaskQuery {
  std::vector<domain::TaskStatus> statuses;  ///< empty: all
  std::optional<domain::TaskType> type;
  std::string tool;
  std::optional<WorkflowId> workflow;
  std::string search;
  std::string sort;
  Page page;
};

// --- views_tasks.cc ---
Json tasks_view(const PipelineModel& model, const TaskQuery& query);
Json workflows_view(const PipelineModel& model, const Page& page);
/// `detail` without what a task is linked to if the pipeline is not loaded.
Json task_view(const PipelineModel& model, const protocol::TaskDetail& detail);

// --- views_graph.cc ---
Json group_graph_view(const PipelineModel& model);
Json task_graph_view(const PipelineModel& model);

// --- views_timeline.cc ---
Json timeline_view(const PipelineModel& model, std::int64_t now_ms);
/// Attempts of one worker that run, over all loaded pipelines.
Json running_view(const std::vector<PipelinePtr>& pipelines, WorkerId worker);
Json gpus_view(const std::vector<protocol::WorkerRow>& workers,
               const std::vector<PipelinePtr>& pipelines);

// --- views_pipeline.cc ---
Json pipeline_view(const PipelineModel& model, const std::vector<std::string>& notices);
Json pipelines_view(std::vector<protocol::PipelineRow> rows,
                    std::optional<protocol::PipelineState> state, const Page& page);
Json critical_path_view(const PipelineModel& model, const CriticalPath& path);
Json failures_json(const PipelineModel& model, std::size_t most);
Json waiting_json(const PipelineModel& model);

// --- views_overview.cc ---
struct OverviewSource {
  BrokerState broker;
  std::vector<protocol::PipelineRow> rows;
  std::vector<protocol::WorkerRow> workers;
  std::vector<PipelinePtr> shown;  ///< loaded ones, whose failures and waiting tasks are shown
};
Json overview_view(const OverviewSource& source);
Json broker_json(const BrokerState& broker);
/// Fields of `Savings`, added up over loaded pipelines.
struct Savings {
  std::uint64_t task_instances = 0;
  std::uint64_t tasks = 0;
  std::uint64_t cached = 0;
  void add(const PipelineModel& model);
  Json json() const;
};

}  // namespace landseer::gateway
