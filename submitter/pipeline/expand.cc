#include "submitter/pipeline/expand.h"

#include <filesystem>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>

#include "common/base/text.h"
#include "common/protocol/limits.h"
#include "submitter/pipeline/body.h"
#include "submitter/pipeline/graph.h"

namespace landseer::pipeline {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
/// Up to here a file whose entries are partly equal work is counted by building it.
constexpr std::uint64_t kBuildToCountMax = 100'000;

std::uint64_t sum(std::uint64_t a, std::uint64_t b) { return a > kMost - b ? kMost : a + b; }

std::uint64_t product(std::uint64_t a, std::uint64_t b) {
  return b != 0 && a > kMost / b ? kMost : a * b;
}

/// `options`: how many choices a stage gives; `length`: their tasks, summed.
struct StageCounts {
  std::uint64_t options = 0;
  std::uint64_t length = 0;
};

/// Every prefix of a permutation is itself an option, so a stage's prefix tree has as many nodes
/// as the stage has options; count() relies on it.
StageCounts count_stage(const StageUnits& stage) {
  StageCounts counts;
  const std::size_t longest = stage.permute ? stage.tools.size() : stage.tools.empty() ? 0 : 1;
  std::uint64_t orders = 1;  // n * (n - 1) * ... : orders of `size` out of n tools
  for (std::size_t size = 1; size <= longest; ++size) {
    orders = product(orders, stage.tools.size() - size + 1);
    counts.options = sum(counts.options, orders);
    counts.length = sum(counts.length, product(orders, size));
  }
  counts.options = sum(counts.options, stage.baselines.size());
  counts.length = sum(counts.length, stage.baselines.size());
  return counts;
}

/// The formula: exact when all entries are distinct work, else an upper bound.
Counts count_by_formula(const FileUnits& units) {
  Counts counts{.workflows = 1};
  for (const StageUnits& stage : units.stages) {
    const StageCounts here = count_stage(stage);
    if (here.options == 0) continue;  // one empty option
    counts.task_instances =
        sum(product(counts.task_instances, here.options), product(counts.workflows, here.length));
    counts.workflows = product(counts.workflows, here.options);
    counts.tasks = sum(counts.tasks, counts.workflows);
  }
  counts.evaluations = product(counts.workflows, units.evaluators.size());
  return counts;
}

Counts count_graph(const Graph& graph, const UnitTable& table) {
  Counts counts{.workflows = graph.workflows.size()};
  for (const Graph::Task& task : graph.tasks) {
    ++(table.is_evaluation(task.unit) ? counts.evaluations : counts.tasks);
  }
  for (const auto& workflow : graph.workflows) {
    for (const std::uint32_t task : workflow) {
      if (!table.is_evaluation(graph.tasks[task].unit)) ++counts.task_instances;
    }
  }
  return counts;
}

Counts count_units(const PipelineFile& file, const FileUnits& units) {
  if (file.form != Form::kNative) {
    const Counts counts = count_by_formula(units);
    if (units.distinct || counts.workflows > kBuildToCountMax) return counts;
  }
  return count_graph(build_graph(file, units), units.table);
}

/// 9864101 as `9,864,101`.
std::string grouped(std::uint64_t number) {
  if (number == kMost) return "more than 10^19";
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

/// "(pre_training 9,864,101 x deployment 2)", or nothing when one number says it all.
std::string factors(const PipelineFile& file, const FileUnits& units) {
  std::string text;
  for (std::size_t i = 0; i < units.stages.size(); ++i) {
    const std::uint64_t options = count_stage(units.stages[i]).options;
    if (options < 2) continue;
    if (!text.empty()) text += " x ";
    text += std::string(domain::stage_key(file.stages[i].type)) + " " + grouped(options);
  }
  return text.empty() ? "" : " (" + text + ")";
}

Result<void> check_limits(const PipelineFile& file, const FileUnits& units,
                          std::uint64_t max_workflows) {
  const Counts counts = count_units(file, units);
  const auto refuse = [&](std::uint64_t number, const std::string& noun, std::uint64_t most,
                          const std::string& hint) {
    return fail(ErrorCode::kLimit,
                "the file means " + grouped(number) + " " + noun + factors(file, units) +
                    "; at most " + grouped(most) + " are allowed",
                file.body_place, hint);
  };
  const std::string fewer = file.form == Form::kNative
                                ? "split the file"
                                : "use --expansion one-per-stage or list fewer tools";
  if (counts.workflows > max_workflows) {
    return refuse(counts.workflows, "workflows", max_workflows,
                  fewer + ", or raise --max-workflows N");
  }
  const std::uint64_t tasks = sum(counts.tasks, counts.evaluations);
  if (tasks > protocol::kTasksPerSubmissionMax) {
    return refuse(tasks, "distinct tasks", protocol::kTasksPerSubmissionMax, fewer);
  }
  const std::uint64_t instances =
      sum(counts.task_instances, product(counts.workflows, units.evaluators.size()));
  if (instances > protocol::kWorkflowInstancesMax) {
    return refuse(instances, "tasks over all workflows", protocol::kWorkflowInstancesMax, fewer);
  }
  return {};
}

protocol::OptionsEntry options_entry(const domain::TaskOptions& options) {
  protocol::OptionsEntry entry;
  entry.cpus_milli = options.resources.cpus_milli;
  entry.gpus_milli = options.resources.gpus_milli;
  entry.memory_bytes = options.resources.memory_bytes;
  entry.retries = options.retries;
  entry.timeout_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(options.timeout).count());
  entry.env = options.env;
  entry.required_artifacts = options.required_artifacts;
  entry.artifact_roots = options.artifact_roots;
  entry.metrics = options.metrics;
  entry.gpu_memory_bytes = options.resources.gpu_memory_bytes;
  entry.network = options.network;
  entry.gpu_model = options.resources.gpu_model;
  entry.scratch_bytes = options.resources.scratch_bytes;
  for (const auto& [key, relation, values] : options.resources.labels) {
    entry.labels.push_back({key, static_cast<std::uint8_t>(relation), values});
  }
  for (const auto& [name, amount] : options.resources.named) entry.named.push_back({name, amount});
  entry.time_estimate_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(options.time_estimate).count());
  return entry;
}

/// Every text of an entry, each ended by a zero byte: equal texts, equal entries.
std::string identity(const protocol::ToolEntry& tool) {
  std::string text;
  for (const std::string* part : {&tool.name, &tool.image, &tool.command}) {
    text += *part;
    text.push_back('\0');
  }
  text += tool.is_baseline ? "b" : "-";
  return tool.runtime ? text + *tool.runtime : text;
}

std::string identity(const protocol::OptionsEntry& options) {
  std::string text = options.env;
  for (const std::uint64_t number :
       {std::uint64_t{options.cpus_milli}, std::uint64_t{options.gpus_milli}, options.memory_bytes,
        std::uint64_t{options.retries}, options.timeout_ms, options.gpu_memory_bytes,
        std::uint64_t{options.network}, options.scratch_bytes, options.time_estimate_ms}) {
    text.push_back('\0');
    text += std::to_string(number);
  }
  for (const auto* list :
       {&options.required_artifacts, &options.artifact_roots, &options.metrics}) {
    text.push_back('\1');
    for (const std::string& item : *list) {
      text += item;
      text.push_back('\0');
    }
  }
  text += '\1' + options.gpu_model;
  for (const protocol::LabelRule& rule : options.labels) {
    text += '\1' + rule.key + '\0' + std::to_string(rule.relation);
    for (const std::string& value : rule.values) text += '\0' + value;
  }
  for (const auto& [name, amount] : options.named) {
    text += '\2' + name + '\0' + std::to_string(amount);
  }
  return text;
}

std::string identity(const std::string& config) { return config; }

/// A list in which each value stands once.
template <class Value>
class Interned {
 public:
  explicit Interned(std::vector<Value>& list) : list_(list) {}
  std::uint32_t add(Value value) {
    const auto [at, is_new] =
        index_.try_emplace(identity(value), static_cast<std::uint32_t>(list_.size()));
    if (is_new) list_.push_back(std::move(value));
    return at->second;
  }

 private:
  std::vector<Value>& list_;
  std::unordered_map<std::string, std::uint32_t> index_;
};

/// One entry per unit, complete but for the dependencies.
std::vector<protocol::TaskEntry> make_entries(const UnitTable& table,
                                              protocol::Submission& submission) {
  Interned tools(submission.tools);
  Interned configs(submission.configs);
  Interned options(submission.options);
  std::vector<protocol::TaskEntry> entries;
  for (const auto& [use, type] : table.units()) {
    const domain::ContainerConfig& container = use->tool.container;
    protocol::TaskEntry& entry = entries.emplace_back();
    entry.type = static_cast<std::uint8_t>(type);
    entry.tool = tools.add({use->tool.name, container.image, container.command, container.runtime,
                            use->tool.is_baseline});
    entry.config = configs.add(use->config.text());
    entry.options = options.add(options_entry(use->options));
  }
  return entries;
}

protocol::Submission make_head(const PipelineFile& file) {
  protocol::Submission submission;
  submission.name = file.name;
  submission.policy = file.policy;
  submission.priority = file.priority;
  submission.stop_after = file.stop_after;
  submission.stop_when = file.stop_when;
  submission.dataset_name = file.dataset.name;
  submission.dataset_variant = file.dataset.variant;
  submission.dataset_params = file.dataset.params;
  submission.dataset_required = file.dataset.required;
  submission.model_name = std::filesystem::path(file.model.script).filename().string();
  submission.model_script = file.model.content;
  return submission;
}

}  // namespace

std::string_view to_string(Expansion expansion) {
  return expansion == Expansion::kPermutations ? "permutations" : "one-per-stage";
}

Result<Expansion> parse_expansion(std::string_view text) {
  static const std::vector<std::string> kNames{"permutations", "one-per-stage"};
  for (const auto expansion : {Expansion::kPermutations, Expansion::kOnePerStage}) {
    if (text == to_string(expansion)) return expansion;
  }
  const std::string nearest = nearest_word(text, kNames);
  return fail(
      ErrorCode::kInvalid, "unknown expansion '" + std::string(text) + "'", "expansion",
      nearest.empty() ? "use permutations or one-per-stage" : "did you mean '" + nearest + "'?");
}

Counts count(const PipelineFile& file, Expansion expansion) {
  return count_units(file, number_units(file, expansion));
}

Result<protocol::Submission> expand(const PipelineFile& file, Expansion expansion,
                                    std::uint64_t max_workflows) {
  const FileUnits units = number_units(file, expansion);
  if (const auto allowed = check_limits(file, units, max_workflows); !allowed) {
    return tl::make_unexpected(allowed.error());
  }
  Graph graph = build_graph(file, units);
  protocol::Submission submission = make_head(file);
  const std::vector<protocol::TaskEntry> entries = make_entries(units.table, submission);
  submission.tasks.reserve(graph.tasks.size());
  for (Graph::Task& task : graph.tasks) {
    protocol::TaskEntry& entry = submission.tasks.emplace_back(entries[task.unit]);
    entry.dependencies = std::move(task.dependencies);
  }
  submission.workflows.reserve(graph.workflows.size());
  for (std::size_t i = 0; i < graph.workflows.size(); ++i) {
    std::string name = file.form == Form::kNative ? file.workflows[i].name : workflow_name(i);
    submission.workflows.push_back({std::move(name), std::move(graph.workflows[i])});
  }
  return submission;
}

}  // namespace landseer::pipeline
