#include "broker/core/submission_builder.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <tuple>

#include "common/base/text.h"
#include "common/domain/pipeline_builder.h"
#include "common/domain/secret_reference.h"
#include "common/protocol/limits.h"

namespace landseer::broker {
namespace {

using domain::SharedTask;
using domain::TaskPtr;
using protocol::Submission;

constexpr std::size_t kTextBytesMax = 4096;
constexpr std::size_t kCommandBytesMax = 32 * 1024;
constexpr std::size_t kListMax = 256;
constexpr std::uint32_t kRetriesMax = 100;
constexpr std::uint64_t kDurationMax = 365ull * 86'400'000;  // milliseconds

tl::unexpected<Error> wrong(std::string message, std::string where) {
  return fail(ErrorCode::kInvalid, std::move(message), std::move(where),
              "submissions made by `landseer submit` are well formed; check the client");
}

tl::unexpected<Error> too_large(const std::string& what, std::uint64_t count, std::uint64_t limit) {
  return fail(ErrorCode::kLimit,
              "the submission has " + std::to_string(count) + " " + what + ", the limit is " +
                  std::to_string(limit),
              "submission", "submit fewer tools, or in parts");
}

bool is_name(const std::string& text, std::size_t bytes_max) {
  return text.size() <= bytes_max && is_utf8(text) && strip_control(text, false) == text;
}

/// Tasks over all workflows.
std::uint64_t instances_of(const Submission& s) {
  std::uint64_t instances = 0;
  for (const auto& workflow : s.workflows) instances += workflow.tasks.size();
  return instances;
}

Result<void> check_sizes(const Submission& s) {
  if (s.tasks.size() > protocol::kTasksPerSubmissionMax) {
    return too_large("tasks", s.tasks.size(), protocol::kTasksPerSubmissionMax);
  }
  const std::uint64_t instances = instances_of(s);
  if (instances > protocol::kWorkflowInstancesMax) {
    return too_large("task instances", instances, protocol::kWorkflowInstancesMax);
  }
  if (s.model_script.size() > protocol::kAttachmentBytesMax) {
    return too_large("bytes of model script", s.model_script.size(), protocol::kAttachmentBytesMax);
  }
  if (s.submission_id.empty() || !is_name(s.submission_id, protocol::kNameBytesMax)) {
    return wrong("the submission id is empty, too long or not printable", "submission_id");
  }
  if (!is_name(s.dataset_name, protocol::kNameBytesMax) ||
      !is_name(s.dataset_variant, protocol::kNameBytesMax) ||
      !is_name(s.model_name, kTextBytesMax) || s.policy.size() > protocol::kNameBytesMax) {
    return wrong("the dataset, model or policy has a name that is too long or not printable",
                 "submission");
  }
  const bool good_names =
      s.dataset_required.size() <= protocol::kDatasetNamesMax &&
      std::all_of(s.dataset_required.begin(), s.dataset_required.end(), [](const auto& name) {
        return !name.empty() && is_name(name, protocol::kNameBytesMax);
      });
  if (!good_names) {
    return wrong("the required files of the data set are too many, too long or not printable",
                 "dataset_required");
  }
  if (s.priority < -protocol::kPriorityMax || s.priority > protocol::kPriorityMax) {
    return wrong("the priority is not between -1000000000 and 1000000000", "priority");
  }
  if (!is_name(s.name, protocol::kNameBytesMax)) {
    return wrong("the name is longer than 128 bytes or not printable", "name");
  }
  return {};
}

Result<void> check_task(const Submission& s, std::size_t index) {
  const auto& entry = s.tasks[index];
  const std::string where = "tasks[" + std::to_string(index) + "]";
  if (entry.type < 1 || entry.type > 5) return wrong("no such task type", where);
  if (entry.tool >= s.tools.size() || entry.config >= s.configs.size() ||
      entry.options >= s.options.size()) {
    return wrong("an index points outside its list", where);
  }
  if (entry.dependencies.size() > protocol::kDependenciesMax) {
    return too_large("dependencies in " + where, entry.dependencies.size(),
                     protocol::kDependenciesMax);
  }
  for (const std::uint32_t dependency : entry.dependencies) {
    if (dependency >= index) return wrong("a dependency does not come before its task", where);
  }
  return {};
}

/// Sorted, so that equal requests are one.
Result<void> read_request(const protocol::OptionsEntry& entry, domain::ResourceRequest& request) {
  const auto good = [](const std::string& text) {
    return !text.empty() && is_name(text, protocol::kNameBytesMax);
  };
  if (!is_name(entry.gpu_model, protocol::kNameBytesMax) ||
      entry.labels.size() > protocol::kRulesMax || entry.named.size() > protocol::kRulesMax) {
    return wrong("a GPU model is too long, or a task has too many labels or resources", "options");
  }
  request.gpu_model = entry.gpu_model;
  request.scratch_bytes = entry.scratch_bytes;
  for (const protocol::LabelRule& rule : entry.labels) {
    const bool has_values = rule.relation <= 2;
    if (rule.relation < 1 || rule.relation > 4 || !good(rule.key) ||
        rule.values.empty() == has_values || rule.values.size() > protocol::kRulesMax ||
        std::any_of(rule.values.begin(), rule.values.end(),
                    [](const auto& value) { return !is_name(value, 256); })) {
      return wrong("no such rule for the label '" + rule.key + "'", "options");
    }
    request.labels.push_back({rule.key, domain::LabelRelation{rule.relation}, rule.values});
    std::sort(request.labels.back().values.begin(), request.labels.back().values.end());
  }
  for (const auto& [name, amount] : entry.named) {
    if (!good(name) || amount == 0 || amount > protocol::kNamedAmountMax) {
      return wrong("no such amount of the resource '" + name + "'", "options");
    }
    request.named.push_back({name, amount});
  }
  const auto by_key = [](const auto& a, const auto& b) { return a.key < b.key; };
  const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  std::sort(request.labels.begin(), request.labels.end(), by_key);
  std::sort(request.named.begin(), request.named.end(), by_name);
  const auto same_key = [](const auto& a, const auto& b) { return a.key == b.key; };
  const auto same_name = [](const auto& a, const auto& b) { return a.name == b.name; };
  const auto& [labels, named] = std::tie(request.labels, request.named);
  if (std::adjacent_find(labels.begin(), labels.end(), same_key) != labels.end() ||
      std::adjacent_find(named.begin(), named.end(), same_name) != named.end()) {
    return wrong("a label or resource is named twice", "options");
  }
  return {};
}

/// A task waits for a worker that has what its environment only names.
Result<void> ask_for_secrets(const std::string& env, domain::ResourceRequest& request) {
  const auto secrets = domain::secrets_of(env);
  if (!secrets) return tl::make_unexpected(secrets.error());
  std::set<std::string> labels;
  for (const auto& [variable, name] : *secrets) labels.insert(domain::secret_label(name));
  if (labels.size() > protocol::kRulesMax) {
    return too_large("secrets", labels.size(), protocol::kRulesMax);
  }
  for (const std::string& label : labels) {
    const domain::LabelRule rule{label, domain::LabelRelation::kExists, {}};
    const auto& known = request.labels;
    if (std::find(known.begin(), known.end(), rule) == known.end()) request.labels.push_back(rule);
  }
  const auto by_key = [](const auto& a, const auto& b) { return a.key < b.key; };
  std::stable_sort(request.labels.begin(), request.labels.end(), by_key);
  return {};
}

Result<domain::TaskOptions> options_of(const protocol::OptionsEntry& entry) {
  auto env = domain::Config::parse(entry.env);
  if (!env) return tl::make_unexpected(env.error());
  if (entry.timeout_ms == 0 || entry.timeout_ms > kDurationMax) {
    return wrong("the time limit is 0 or longer than a year", "options");
  }
  domain::TaskOptions options;
  if (entry.cpus_milli == 0) return wrong("a task asks for no CPU at all", "options");
  if (entry.retries > kRetriesMax) return too_large("retries", entry.retries, kRetriesMax);
  for (const auto* list : {&entry.required_artifacts, &entry.artifact_roots, &entry.metrics}) {
    if (list->size() > kListMax ||
        std::any_of(list->begin(), list->end(),
                    [](const std::string& text) { return text.size() > kTextBytesMax; })) {
      return wrong("a list of names is too long, or a name in it", "options");
    }
  }
  if (entry.time_estimate_ms > kDurationMax) {
    return wrong("the estimated time is longer than a year", "options");
  }
  domain::ResourceRequest& request = options.resources;
  request.cpus_milli = entry.cpus_milli;
  request.gpus_milli = entry.gpus_milli;
  request.memory_bytes = entry.memory_bytes;
  request.gpu_memory_bytes = entry.gpu_memory_bytes;
  if (auto good = read_request(entry, request); !good) return tl::make_unexpected(good.error());
  if (auto good = ask_for_secrets(env->text(), request); !good) {
    return tl::make_unexpected(good.error());
  }
  options.time_estimate = std::chrono::milliseconds(entry.time_estimate_ms);
  options.network = entry.network;
  options.retries = entry.retries;
  options.timeout = std::chrono::milliseconds(entry.timeout_ms);
  options.env = env->text();
  options.required_artifacts = entry.required_artifacts;
  options.artifact_roots = entry.artifact_roots;
  options.metrics = entry.metrics;
  return options;
}

Result<StopRules> rules_of(const Submission& s) {
  StopRules rules;
  rules.after = s.stop_after;
  if (s.stop_when.size() > protocol::kStopRulesMax) {
    return too_large("rules", s.stop_when.size(), protocol::kStopRulesMax);
  }
  for (const std::string& text : s.stop_when) {
    auto rule = domain::StopRule::parse(text);
    if (!rule) return tl::make_unexpected(rule.error());
    rules.asked.insert(rule->metrics().begin(), rule->metrics().end());
    rules.when.push_back(std::move(*rule));
  }
  if (rules.any()) rules.prunings.resize(1 + rules.when.size());
  return rules;
}

/// The submission's shared parts in the domain's types.
struct Parts {
  std::shared_ptr<domain::PartStore> store = std::make_shared<domain::PartStore>();
  std::vector<const domain::ToolDefinition*> tools;
  std::vector<domain::ConfigText> configs;
  std::vector<const domain::TaskOptions*> options;

  domain::TaskParts of(const protocol::TaskEntry& entry) const {
    return {tools[entry.tool], options[entry.options], configs[entry.config]};
  }
};

Result<Parts> read_parts(const Submission& s) {
  Parts parts;
  for (const auto& tool : s.tools) {
    if (tool.name.empty() || !is_name(tool.name, protocol::kNameBytesMax)) {
      return wrong("a tool's name is empty, too long or not printable", "tools");
    }
    if (tool.image.size() > kTextBytesMax || tool.command.size() > kCommandBytesMax ||
        tool.runtime.value_or("").size() > protocol::kNameBytesMax) {
      return wrong("the image, command or runtime of '" + tool.name + "' is too long", "tools");
    }
    parts.tools.push_back(parts.store->add(domain::ToolDefinition{
        tool.name, {tool.image, tool.command, tool.runtime}, tool.is_baseline}));
  }
  parts.configs.reserve(s.configs.size());
  for (const std::string& text : s.configs) {
    auto config = domain::Config::parse(text);
    if (!config) return tl::make_unexpected(config.error());
    parts.configs.push_back(parts.store->add(*config));
  }
  for (const auto& entry : s.options) {
    auto options = options_of(entry);
    if (!options) return tl::make_unexpected(options.error());
    parts.options.push_back(parts.store->add(std::move(*options)));
  }
  return parts;
}

Result<std::vector<SharedTask>> make_tasks(const Submission& s, const Parts& parts,
                                           domain::TaskFactory& factory) {
  std::vector<SharedTask> tasks;
  tasks.reserve(s.tasks.size());
  factory.reserve(s.tasks.size());
  std::vector<SharedTask> dependencies;
  for (std::size_t i = 0; i < s.tasks.size(); ++i) {
    if (auto good = check_task(s, i); !good) return tl::make_unexpected(good.error());
    const auto& entry = s.tasks[i];
    dependencies.clear();
    for (const std::uint32_t dependency : entry.dependencies) {
      dependencies.push_back(tasks[dependency]);
    }
    tasks.push_back(
        factory.get_or_create_task(domain::TaskType{entry.type}, parts.of(entry), dependencies));
  }
  return tasks;
}

Result<domain::PipelinePtr> make_pipeline(const Submission& s, const std::vector<SharedTask>& tasks,
                                          TaskId first, domain::IdCounters& ids) {
  domain::PipelineBuilder builder(PipelineId{ids.pipeline++}, first, ids.task - number(first));
  std::size_t name_bytes = 0;
  for (const auto& entry : s.workflows) name_bytes += entry.name.size();
  builder.pipeline().workflows.reserve(s.workflows.size(), instances_of(s), name_bytes);
  for (const auto& entry : s.workflows) {
    if (!is_name(entry.name, protocol::kNameBytesMax)) {
      return wrong("a workflow's name is too long or not printable", "workflows");
    }
    const WorkflowId workflow{ids.workflow++};
    builder.begin_workflow(workflow, entry.name);
    for (const std::uint32_t index : entry.tasks) {
      if (index >= tasks.size()) {
        return wrong("a workflow names a task that is not there", entry.name);
      }
      domain::enter_workflow(*tasks[index], workflow);
      builder.add(tasks[index]);
    }
  }
  return builder.finish();
}

Result<domain::KeyContext> context_of(const Submission& s) {
  auto params = domain::Config::parse(s.dataset_params);
  if (!params) return tl::make_unexpected(params.error());
  domain::KeyContext context;
  if (!s.model_name.empty()) context.model_script = sha256(s.model_script);
  context.dataset_name = s.dataset_name;
  context.dataset_variant = s.dataset_variant;
  context.dataset_params = params->text();
  return context;
}

void intern_requests(PipelineRecord& record, RequestTable& requests) {
  // Tools and options are shared objects, so few distinct pairs are met.
  std::map<std::pair<const void*, const void*>, std::uint32_t> known;
  for (const TaskPtr& task : record.pipeline->tasks) {
    const auto [found, is_new] = known.try_emplace({task->tool, task->options});
    if (is_new) {
      const std::string runtime = task->tool->container.runtime.value_or("");
      found->second =
          requests.intern({task->options->resources, runtime, record.pipeline->dataset.name,
                           record.pipeline->dataset.variant, record.pipeline->dataset.required,
                           runtime == kNoopRuntime ? std::string() : task->tool->container.image});
    }
    task->request = found->second;
    ++record.open_requests[task->request];
  }
}

void prepare_counts(PipelineRecord& record) {
  for (std::size_t i = 0; i < record.stages.size(); ++i) {
    record.stages[i].type = static_cast<std::uint8_t>(i + 1);
  }
  for (const TaskPtr& task : record.pipeline->tasks) {
    ++record.stages[static_cast<std::size_t>(task->type) - 1].total;
    if (task->type == domain::TaskType::kEvaluation) ++record.evaluations;
    const auto [index, is_new] =
        record.tool_index.emplace(task->tool, static_cast<std::uint32_t>(record.tools.size()));
    if (is_new) record.tools.push_back({task->tool, 0});
    ++record.tools[index->second].left;
  }
  record.workflow_remaining.reserve(record.pipeline->workflows.size());
  std::vector<std::uint32_t> distinct;
  for (const domain::Workflow& workflow : record.pipeline->workflows) {
    const auto members = workflow.tasks.indices();
    record.task_instances += members.size();
    distinct.assign(members.begin(), members.end());
    std::sort(distinct.begin(), distinct.end());
    const auto end = std::unique(distinct.begin(), distinct.end());
    record.workflow_remaining.push_back(static_cast<std::uint32_t>(end - distinct.begin()));
    if (members.empty()) ++record.workflows_completed;
  }
}

/// Of a tool that never ran, what the submission says: the longest, if it says several. Returns
/// what the policy was told.
ToldTimes expect_times(domain::Policy& policy, const Submission& submission,
                       const KnownTimes& times) {
  ToldTimes told;
  if (!policy.is_live()) return told;
  std::map<std::string, std::uint64_t> said_ms;
  for (const protocol::TaskEntry& task : submission.tasks) {
    if (task.tool >= submission.tools.size() || task.options >= submission.options.size()) continue;
    const std::uint64_t estimate = submission.options[task.options].time_estimate_ms;
    if (estimate == 0 || estimate > kDurationMax) continue;
    std::uint64_t& said = said_ms[submission.tools[task.tool].name];
    said = std::max(said, estimate);
  }
  domain::Policy::Changes none;
  for (const protocol::ToolEntry& tool : submission.tools) {
    auto expected = times(tool.name);
    const auto said = said_ms.find(tool.name);
    if (!expected && said != said_ms.end()) expected = std::chrono::milliseconds(said->second);
    if (expected) policy.expect(tool.name, *expected, none);
    told.emplace(tool.name, expected);
  }
  return told;
}

}  // namespace

Result<BuiltPipeline> build_pipeline(const Submission& submission, const KnownTimes& times) {
  if (auto good = check_sizes(submission); !good) return tl::make_unexpected(good.error());
  auto policy = domain::make_policy(submission.policy);
  if (!policy) return tl::make_unexpected(policy.error());
  BuiltPipeline built;
  built.told = expect_times(**policy, submission, times);
  auto context = context_of(submission);
  if (!context) return tl::make_unexpected(context.error());
  auto rules = rules_of(submission);
  if (!rules) return tl::make_unexpected(rules.error());
  auto parts = read_parts(submission);
  if (!parts) return tl::make_unexpected(parts.error());

  domain::TaskFactory factory(built.ids, *context, parts->store);
  auto tasks = make_tasks(submission, *parts, factory);
  if (!tasks) return tl::make_unexpected(tasks.error());
  auto pipeline = make_pipeline(submission, *tasks, TaskId{1}, built.ids);
  if (!pipeline) return tl::make_unexpected(pipeline.error());

  auto record = std::make_unique<PipelineRecord>();
  record->pipeline = std::move(*pipeline);
  record->pipeline->name = submission.name;
  record->pipeline->dataset = {submission.dataset_name, submission.dataset_variant,
                               context->dataset_params, submission.dataset_required};
  if (record->pipeline->tasks.size() != factory.registry_size()) {
    return wrong("a task is in no workflow", "workflows");
  }
  intern_requests(*record, built.requests);
  auto scheduler = domain::PriorityScheduler::create(record->pipeline, std::move(*policy));
  if (!scheduler) return tl::make_unexpected(scheduler.error());
  record->scheduler = std::move(*scheduler);
  record->key_context = std::move(*context);
  record->submission_id = submission.submission_id;
  record->policy = submission.policy;
  record->priority = submission.priority;
  record->use_cache = submission.use_cache;
  record->stop = std::move(*rules);
  prepare_counts(*record);
  built.record = std::move(record);
  return built;
}

namespace {

/// From the built pipeline's own requests to those of all.
void rename_requests(PipelineRecord& record, std::span<const std::uint32_t> names) {
  for (const TaskPtr& task : record.pipeline->tasks) task->request = names[task->request];
  std::map<std::uint32_t, std::uint64_t> open;
  for (const auto& [request, tasks] : record.open_requests) open.emplace(names[request], tasks);
  record.open_requests = std::move(open);
}

}  // namespace

std::unique_ptr<PipelineRecord> adopt(BuiltPipeline built, domain::IdCounters& ids,
                                      RequestTable& requests, const ToolTimes& times,
                                      WallTime now) {
  PipelineRecord& record = *built.record;
  std::vector<std::uint32_t> names;
  for (std::uint32_t i = 0; i < built.requests.size(); ++i) {
    names.push_back(requests.intern(built.requests.at(i)));
  }
  rename_requests(record, names);
  if (!record.pipeline->tasks.empty()) record.first_task = TaskId{ids.task};
  record.scheduler->renumbered(domain::renumber(*record.pipeline, built.ids, ids), names);
  record.runs.prepare(record.first_task, record.pipeline->tasks.size());
  if (record.pipeline->name.empty()) record.pipeline->name = to_string(record.id());
  for (const auto& [tool, told] : built.told) {
    const auto expected = times.expected(tool);
    if (expected && expected != told) record.scheduler->expect(tool, *expected);
  }
  record.submitted_at = now.unix_ms;
  if (record.terminal()) record.finished_at = now.unix_ms;
  return std::move(built.record);
}

Result<std::unique_ptr<PipelineRecord>> build_pipeline(const Submission& submission,
                                                       domain::IdCounters& ids,
                                                       RequestTable& requests,
                                                       const ToolTimes& times, WallTime now) {
  auto built =
      build_pipeline(submission, [&](const std::string& tool) { return times.expected(tool); });
  if (!built) return tl::make_unexpected(built.error());
  return adopt(std::move(*built), ids, requests, times, now);
}

}  // namespace landseer::broker
