#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "common/base/text.h"
#include "common/protocol/limits.h"
#include "submitter/pipeline/body.h"
#include "submitter/pipeline/tool_reader.h"

namespace landseer::pipeline {
namespace {

using Indices = std::vector<std::uint32_t>;

constexpr std::uint32_t kAmbiguous = 0xFFFF'FFFF;

/// A task as the file has it, before its needs are resolved.
struct Draft {
  NativeTask task;
  const Node* needs = nullptr;  ///< null: the task before it
};

/// One workflow under construction; indices are positions in the file.
class WorkflowReader {
 public:
  WorkflowReader(const Fields& fields, LoadContext& context)
      : what_(fields.what()), context_(context) {}

  void read_task(const Node& item, const Settings& settings);
  NativeWorkflow finish(std::string name);

 private:
  std::optional<ItemUse> read_use(Fields& fields, const Settings& settings);
  void add_name(const std::string& name, bool is_given, const std::string& place);
  void add_need(const Node& need, Indices& needs);
  void resolve_needs();
  std::optional<std::uint32_t> index_of(const Node& need);
  Indices runnable_order() const;
  void report_cycle();

  std::string what_;
  LoadContext& context_;
  std::vector<Draft> drafts_;
  std::unordered_map<std::string, std::uint32_t> names_;
  std::unordered_set<std::string> given_;
};

std::optional<domain::TaskType> read_type(Fields& fields) {
  const auto text = fields.text("type");
  if (!text) return std::nullopt;
  const auto type = parse_stage(*text);
  if (!type) {
    fields.error("type", "unknown task type '" + *text + "'",
                 "use pre_training, in_training, post_training, deployment or evaluation");
  }
  return type;
}

std::optional<ItemUse> WorkflowReader::read_use(Fields& fields, const Settings& settings) {
  const ItemScope scope{.settings = settings, .type = read_type(fields), .name_is_tool = false};
  return use_mapping(fields, scope, context_);
}

void WorkflowReader::read_task(const Node& item, const Settings& settings) {
  Draft draft;
  std::optional<ItemUse> used;
  std::optional<std::string> name;
  if (item.is_text()) {
    used = use_named(item, {.settings = settings}, context_);
  } else {
    Fields fields(item, "a task of " + what_, context_.out);
    if (!item.is_map()) return;
    name = fields.name("name");
    used = read_use(fields, settings);
    draft.needs = fields.find("needs");
    if (used) fields.finish();
  }
  if (!used) return;
  draft.task.name = name.value_or(used->use.key);
  draft.task.type = used->type;
  draft.task.use = std::move(used->use);
  add_name(draft.task.name, name.has_value(), item.place());
  drafts_.push_back(std::move(draft));
}

/// Two tasks may share the default name, their tool's key, until somebody needs it.
void WorkflowReader::add_name(const std::string& name, bool is_given, const std::string& place) {
  const auto index = static_cast<std::uint32_t>(drafts_.size());
  const auto [at, is_new] = names_.try_emplace(name, index);
  if (is_new) {
    if (is_given) given_.insert(name);
    return;
  }
  if (is_given || given_.contains(name)) {
    context_.out.error("two tasks of " + what_ + " are named '" + name + "'", place,
                       "give each task a `name` of its own");
  }
  at->second = kAmbiguous;
}

std::optional<std::uint32_t> WorkflowReader::index_of(const Node& need) {
  if (!need.is_text()) {
    context_.out.error("'needs' must be a list of task names", need.place(),
                       "write `needs: [first, second]`");
    return std::nullopt;
  }
  const auto found = names_.find(need.text);
  if (found == names_.end()) {
    std::vector<std::string> names;
    for (const Draft& draft : drafts_) names.push_back(draft.task.name);
    const std::string nearest = nearest_word(need.text, names);
    context_.out.error(
        "no task of " + what_ + " is named '" + need.text + "'", need.place(),
        nearest.empty() ? "name a task of the same workflow" : "did you mean '" + nearest + "'?");
    return std::nullopt;
  }
  if (found->second == kAmbiguous) {
    context_.out.error("several tasks of " + what_ + " are named '" + need.text + "'", need.place(),
                       "give them a `name` each and need one of those");
    return std::nullopt;
  }
  return found->second;
}

void WorkflowReader::add_need(const Node& need, Indices& needs) {
  const auto index = index_of(need);
  if (index && std::find(needs.begin(), needs.end(), *index) == needs.end()) {
    needs.push_back(*index);
  }
}

void WorkflowReader::resolve_needs() {
  for (std::uint32_t i = 0; i < drafts_.size(); ++i) {
    Draft& draft = drafts_[i];
    Indices& needs = draft.task.needs;
    if (draft.needs == nullptr) {
      if (i > 0) needs.push_back(i - 1);
      continue;
    }
    if (draft.needs->items.size() > protocol::kDependenciesMax) {
      context_.out.error("a task needs more than 1,000 others", draft.needs->place(),
                         "put a task between that joins some of them", ErrorCode::kLimit);
      return;
    }
    if (!draft.needs->is_list()) add_need(*draft.needs, needs);
    for (const Node* item : draft.needs->items) add_need(*item, needs);
  }
}

/// Kahn's algorithm, the earliest listed task first. Shorter than the workflow: there is a cycle.
Indices WorkflowReader::runnable_order() const {
  std::vector<Indices> dependents(drafts_.size());
  Indices missing(drafts_.size());
  std::priority_queue<std::uint32_t, Indices, std::greater<>> ready;
  for (std::uint32_t i = 0; i < drafts_.size(); ++i) {
    missing[i] = static_cast<std::uint32_t>(drafts_[i].task.needs.size());
    for (const std::uint32_t need : drafts_[i].task.needs) dependents[need].push_back(i);
    if (missing[i] == 0) ready.push(i);
  }
  Indices order;
  while (!ready.empty()) {
    const std::uint32_t task = ready.top();
    ready.pop();
    order.push_back(task);
    for (const std::uint32_t dependent : dependents[task]) {
      if (--missing[dependent] == 0) ready.push(dependent);
    }
  }
  return order;
}

/// Walks along needs that never run until a task comes twice.
void WorkflowReader::report_cycle() {
  std::vector<bool> runs(drafts_.size());
  for (const std::uint32_t task : runnable_order()) runs[task] = true;
  std::uint32_t at = 0;
  while (runs[at]) ++at;
  std::vector<bool> seen(drafts_.size());
  Indices path;
  while (!seen[at]) {
    seen[at] = true;
    path.push_back(at);
    const Indices& needs = drafts_[at].task.needs;
    at = *std::find_if(needs.begin(), needs.end(), [&](std::uint32_t i) { return !runs[i]; });
  }
  std::string circle;
  for (auto step = std::find(path.begin(), path.end(), at); step != path.end(); ++step) {
    circle += drafts_[*step].task.name + " -> ";
  }
  context_.out.error(
      "the tasks of " + what_ + " need each other in a circle: " + circle + drafts_[at].task.name,
      drafts_[at].task.use.place, "remove one of these from its task's `needs`");
}

NativeWorkflow WorkflowReader::finish(std::string name) {
  NativeWorkflow workflow{std::move(name), {}};
  resolve_needs();
  if (context_.out.failed()) return workflow;
  const Indices order = runnable_order();
  if (order.size() < drafts_.size()) {
    report_cycle();
    return workflow;
  }
  Indices position(drafts_.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) position[order[i]] = i;
  for (const std::uint32_t index : order) {
    NativeTask& task = workflow.tasks.emplace_back(std::move(drafts_[index].task));
    for (std::uint32_t& need : task.needs) need = position[need];
  }
  return workflow;
}

void read_workflow(const Node& node, const std::string& default_name, LoadContext& context,
                   std::unordered_set<std::string>& names) {
  const std::string written = node.find("name") != nullptr ? node.find("name")->text : "";
  Fields fields(node, "the workflow '" + (written.empty() ? default_name : written) + "'",
                context.out);
  if (!node.is_map()) return;
  const std::string name = fields.name("name").value_or(default_name);
  if (!names.insert(name).second) {
    fields.error("name", "two workflows are named '" + name + "'", "give each a name of its own");
  }
  const Settings settings = overlay(context.defaults, read_settings(fields));
  const Node* tasks = fields.list("tasks");
  if (!fields.has("tasks")) {
    fields.missing("tasks", "add `tasks:` with a list of tasks");
  }
  WorkflowReader reader(fields, context);
  if (tasks != nullptr) {
    for (const Node* item : tasks->items) reader.read_task(*item, settings);
  }
  fields.finish();
  context.file.workflows.push_back(reader.finish(name));
  if (context.file.workflows.back().tasks.empty()) {
    context.out.warn(node.place(), fields.what() + " has no tasks");
  }
}

}  // namespace

std::string workflow_name(std::size_t index) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "comb_%03zu", index + 1);
  return text.data();
}

void read_workflows(const Node& workflows, LoadContext& context) {
  if (!workflows.is_list()) {
    context.out.error("'workflows' must be a list", workflows.place(),
                      "write one `- name: ...` per workflow below `workflows:`");
    return;
  }
  if (workflows.items.empty()) {
    context.out.warn(workflows.place(), "there are no workflows; nothing will run");
  }
  std::unordered_set<std::string> names;
  for (const Node* node : workflows.items) {
    read_workflow(*node, workflow_name(context.file.workflows.size()), context, names);
    if (context.out.failed()) return;
  }
}

}  // namespace landseer::pipeline
