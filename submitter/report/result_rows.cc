#include "submitter/report/result_rows.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>
#include <utility>

#include "submitter/report/metric_info.h"

namespace landseer::report {
namespace {

using Json = nlohmann::ordered_json;
using domain::TaskStatus;
using domain::TaskType;

/// Name and JSON text of every metric of one evaluation; an empty text is a missing value.
using Metrics = std::map<std::string, std::string>;

void flatten(const Json& value, const std::string& name, bool skipped, Metrics& out) {
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items()) {
      flatten(inner, name.empty() ? key : name + "." + key, skipped, out);
    }
  } else if (!name.empty()) {
    const bool missing = skipped || value.is_null();
    out[name] = missing ? "" : value.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
}

Metrics metrics_of(const protocol::TaskRow& task) {
  Metrics metrics;
  flatten(Json::parse(task.metrics.empty() ? "{}" : task.metrics, nullptr, false), "",
          task.evaluation_skipped, metrics);
  return metrics;
}

bool is_evaluation(const protocol::TaskRow& task) {
  return task.type == static_cast<std::uint8_t>(TaskType::kEvaluation);
}

std::optional<double> duration_of(const protocol::TaskRow& task) {
  if (task.cached) return 0.0;
  if (task.started_at <= 0 || task.finished_at <= 0) return std::nullopt;
  return static_cast<double>(std::max<std::int64_t>(0, task.finished_at - task.started_at)) / 1000;
}

std::string combination_status(const protocol::WorkflowRow& workflow) {
  switch (static_cast<TaskStatus>(workflow.status)) {
    case TaskStatus::kCompleted:
      return "success";
    case TaskStatus::kFailed:
    case TaskStatus::kSkipped:
      return "failure";
    case TaskStatus::kCancelled:
      return workflow.pruned ? "pruned" : "cancelled";
    case TaskStatus::kPending:
    case TaskStatus::kRunning:
      break;
  }
  return "running";
}

std::string task_status(const protocol::TaskRow& task) {
  const auto status = static_cast<TaskStatus>(task.status);
  return status == TaskStatus::kCancelled && task.pruned ? "pruned"
                                                         : std::string(to_string(status));
}

/// Which column each metric of each evaluator goes to.
class MetricColumns {
 public:
  void add(const std::string& evaluator, const Metrics& metrics) {
    for (const auto& [name, value] : metrics) evaluators_[name].insert(evaluator);
  }

  std::vector<std::string> names() const {
    std::set<std::string> all;
    for (const auto& [name, evaluators] : evaluators_) {
      for (const std::string& evaluator : evaluators) all.insert(column(evaluator, name));
    }
    return {all.begin(), all.end()};
  }

  std::string column(const std::string& evaluator, const std::string& name) const {
    return evaluators_.at(name).size() > 1 ? evaluator + "." + name : name;
  }

 private:
  std::map<std::string, std::set<std::string>> evaluators_;  // by metric name
};

class Joiner {
 public:
  Joiner(Results& results, const std::vector<protocol::TaskRow>& tasks) : results_(results) {
    for (const protocol::TaskRow& task : tasks) {
      tasks_.emplace(number(task.task), &task);
      if (!is_evaluation(task)) continue;
      const Metrics& metrics = metrics_.emplace(number(task.task), metrics_of(task)).first->second;
      columns_.add(task.tool, metrics);
    }
    results_.metrics = columns_.names();
  }

  void add(const protocol::WorkflowRow& workflow) {
    CombinationResult row;
    row.workflow = workflow.workflow;
    row.combination = workflow.name;
    row.status = combination_status(workflow);
    row.metrics.resize(results_.metrics.size());
    for (const TaskId id : workflow.tasks) {
      const auto found = tasks_.find(number(id));
      if (found != tasks_.end()) add_task(*found->second, row);
    }
    row.is_baseline = has_only_baselines(row);
    results_.combinations.push_back(std::move(row));
  }

 private:
  static bool has_only_baselines(const CombinationResult& row) {
    bool any = false;
    for (const auto& tools : row.stage_tools) {
      for (const StageTool& tool : tools) {
        any = true;
        if (!tool.is_baseline) return false;
      }
    }
    return any;
  }

  void add_task(const protocol::TaskRow& task, CombinationResult& row) {
    const auto duration = duration_of(task);
    row.total_duration += duration.value_or(0);
    results_.tools.push_back({row.combination,
                              std::string(to_string(static_cast<TaskType>(task.type))), task.tool,
                              task.key.hex(), duration, task_status(task),
                              task.artifact.empty() ? "" : task.artifact.hex()});
    if (is_evaluation(task)) return add_metrics(task, row);
    for (std::size_t i = 0; i < kStages.size(); ++i) {
      if (task.type != static_cast<std::uint8_t>(kStages[i])) continue;
      row.stages[i] += (row.stages[i].empty() ? "" : " -> ") + task.tool;
      row.stage_tools[i].push_back({task.tool, task.is_baseline});
    }
  }

  void add_metrics(const protocol::TaskRow& task, CombinationResult& row) {
    for (const auto& [name, value] : metrics_.at(number(task.task))) {
      const std::string column = columns_.column(task.tool, name);
      const auto at = std::lower_bound(results_.metrics.begin(), results_.metrics.end(), column);
      row.metrics[static_cast<std::size_t>(at - results_.metrics.begin())] = value;
    }
  }

  Results& results_;
  std::unordered_map<std::uint64_t, const protocol::TaskRow*> tasks_;
  std::unordered_map<std::uint64_t, Metrics> metrics_;
  MetricColumns columns_;
};

Json metric_json(const std::string& text) {
  return text.empty() ? Json() : Json::parse(text, nullptr, false);
}

Json to_json(const ToolResult& row) {
  return {{"combination", row.combination},
          {"stage", row.stage},
          {"tool_name", row.tool},
          {"cache_key", row.cache_key},
          {"duration_sec", row.duration_sec ? Json(*row.duration_sec) : Json()},
          {"status", row.status},
          {"output_path", row.output_path.empty() ? Json() : Json(row.output_path)}};
}

Json to_json(const CombinationResult& row, const std::vector<std::string>& names) {
  Json metrics = Json::object();
  for (std::size_t i = 0; i < names.size(); ++i) metrics[names[i]] = metric_json(row.metrics[i]);
  Json object{{"workflow_id", to_string(row.workflow)}, {"combination", row.combination}};
  for (std::size_t i = 0; i < kStages.size(); ++i) {
    object[std::string(to_string(kStages[i]))] = row.stages[i];
  }
  object["metrics"] = std::move(metrics);
  object["is_baseline"] = row.is_baseline;
  object["total_duration"] = row.total_duration;
  object["combination_status"] = row.status;
  return object;
}

}  // namespace

Results join_results(const protocol::PipelineRow& pipeline,
                     const std::vector<protocol::WorkflowRow>& workflows,
                     const std::vector<protocol::TaskRow>& tasks) {
  Results results;
  results.pipeline = pipeline.pipeline;
  results.name = pipeline.name;
  results.state = std::string(protocol::to_string(pipeline.state));
  const auto colon = pipeline.dataset.rfind(':');
  results.dataset_name = pipeline.dataset.substr(0, colon);
  if (colon != std::string::npos) results.dataset_type = pipeline.dataset.substr(colon + 1);
  Joiner joiner(results, tasks);
  for (const protocol::WorkflowRow& workflow : workflows) joiner.add(workflow);
  return results;
}

std::string summary(const Results& results) {
  std::map<std::string, std::size_t> counts;
  for (const CombinationResult& row : results.combinations) ++counts[row.status];
  std::string text = std::to_string(counts["success"]) + " of " +
                     std::to_string(results.combinations.size()) + " workflows are complete";
  const std::array<std::pair<const char*, const char*>, 4> others{{{"running", "to come"},
                                                                   {"failure", "failed"},
                                                                   {"pruned", "pruned"},
                                                                   {"cancelled", "cancelled"}}};
  for (const auto& [status, word] : others) {
    if (counts[status] > 0) text += ", " + std::to_string(counts[status]) + " " + word;
  }
  return text;
}

Json to_json(const Results& results, bool with_tools) {
  Json info = Json::object();
  for (const std::string& metric : results.metrics) {
    const MetricInfo known = metric_info(metric);
    const auto& better = known.higher_is_better;
    info[metric] = {{"higher_is_better", better ? Json(*better) : Json()}, {"unit", known.unit}};
  }
  Json combinations = Json::array();
  Json baseline;
  for (const auto& row : results.combinations) {
    combinations.push_back(to_json(row, results.metrics));
    if (row.is_baseline && baseline.is_null()) baseline = to_string(row.workflow);
  }
  Json object{{"pipeline_id", to_string(results.pipeline)},
              {"name", results.name},
              {"dataset_name", results.dataset_name},
              {"dataset_type", results.dataset_type},
              {"metrics", results.metrics},
              {"metric_info", std::move(info)},
              {"baseline", std::move(baseline)},
              {"combinations", std::move(combinations)},
              {"state", results.state}};
  if (!with_tools) return object;
  Json tools = Json::array();
  for (const auto& row : results.tools) tools.push_back(to_json(row));
  object["tools"] = std::move(tools);
  return object;
}

}  // namespace landseer::report
