#include "broker/core/pruner.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "broker/core/reported.h"

namespace landseer::broker {
namespace {

using domain::TaskPtr;
using domain::TaskStatus;
using domain::TaskType;

constexpr std::size_t kRuleBytesShown = 120;

/// What is known about one evaluated task, in the order in which a rule believes it: what the
/// evaluation at hand reported, then what others of the same task did.
class Evidence {
 public:
  Evidence(const PipelineRecord& record, const domain::Task& evaluation, const TaskPtr& evaluated)
      : record_(record), evaluation_(evaluation), evaluated_(evaluated) {
    add(evaluation);
  }

  std::optional<double> find(const std::string& metric) {
    if (const auto own = known_.find(metric); own != known_.end()) return own->second;
    add_others();
    const auto other = known_.find(metric);
    return other != known_.end() ? std::optional(other->second) : std::nullopt;
  }

 private:
  void add(const domain::Task& evaluation) {
    const TaskRun* run = record_.find_run(evaluation.id);
    if (run == nullptr) return;
    for (const auto& [name, value] : reported_metrics(*run)) {
      known_.emplace(name, value);
      known_.emplace(evaluation.tool->name + "." + name, value);
    }
  }

  /// Seldom needed: a rule with metrics of several evaluators.
  void add_others() {
    if (std::exchange(has_others_, true)) return;
    for (const TaskPtr& other : record_.scheduler->dependents_of(evaluated_->id)) {
      const bool counts = other->type == TaskType::kEvaluation && other->id != evaluation_.id &&
                          other->status == TaskStatus::kCompleted;
      if (counts) add(*other);
    }
  }

  const PipelineRecord& record_;
  const domain::Task& evaluation_;
  const TaskPtr& evaluated_;
  std::map<std::string, double> known_;
  bool has_others_ = false;
};

std::string short_text(const std::string& rule) {
  if (rule.size() <= kRuleBytesShown) return rule;
  std::size_t end = kRuleBytesShown;
  while (end > 0 && (static_cast<unsigned char>(rule[end]) & 0xC0) == 0x80) --end;
  return rule.substr(0, end) + "...";
}

std::string number_text(double value) {
  std::array<char, 32> buffer{};
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                     std::chars_format::general, 6);
  return {buffer.data(), written.ptr};
}

/// `pruned: clean_accuracy < 0.5, as task_12 (clean) of task_9 reported clean_accuracy 0.42`.
std::string reason_of(const domain::StopRule& rule, Evidence& evidence,
                      const domain::Task& evaluation, const domain::Task& evaluated) {
  std::string values;
  for (const std::string& metric : rule.metrics()) {
    const auto value = evidence.find(metric);
    if (!value || values.size() > kRuleBytesShown) continue;
    values += (values.empty() ? "" : ", ") + short_text(metric) + " = " + number_text(*value);
  }
  return "pruned by the rule '" + short_text(rule.text()) + "': " + to_string(evaluation.id) +
         " (" + evaluation.tool->name + ") evaluated " + to_string(evaluated.id) + " (" +
         evaluated.tool->name + "): " + values;
}

/// An attempt that is about to be stopped anyway is not given up again.
bool can_be_given_up(const PipelineRecord& record, const domain::Task& task) {
  if (task.status == TaskStatus::kPending) return true;
  return task.status == TaskStatus::kRunning && !record.find_run(task.id)->cancel_requested;
}

}  // namespace

TaskPtr evaluated_task(const PipelineRecord& record, const domain::Task& evaluation) {
  const domain::Task* below = &evaluation;
  while (!below->dependencies.empty()) {
    const TaskId last = *std::max_element(below->dependencies.begin(), below->dependencies.end());
    TaskPtr task = record.scheduler->find_task(last);
    if (task->type != TaskType::kEvaluation) return task;
    below = task;
  }
  return nullptr;
}

std::string why_no_rule_holds(const PipelineRecord& record, const domain::Task& evaluation) {
  if (record.stop.when.empty() || evaluation.type != TaskType::kEvaluation ||
      evaluation.status != TaskStatus::kCompleted) {
    return {};
  }
  const TaskRun* run = record.find_run(evaluation.id);
  if (run != nullptr && run->evaluation_skipped) {
    return "it was skipped, so that no rule of stop_when holds for it";
  }
  const TaskPtr evaluated = evaluated_task(record, evaluation);
  if (!evaluated) return "it evaluates nothing, so that no rule of stop_when holds for it";
  Evidence evidence(record, evaluation, evaluated);
  std::string text;
  for (const domain::StopRule& rule : record.stop.when) {
    if (rule.holds([&](const std::string& metric) { return evidence.find(metric); })) return {};
    text += (text.empty() ? "the rule '" : "; nor does '") + short_text(rule.text()) +
            (text.empty() ? "' does not hold: " : "': ");
    bool is_first = true;
    for (const std::string& metric : rule.metrics()) {
      const auto value = evidence.find(metric);
      text += (is_first ? "" : ", ") + short_text(metric) +
              (value ? " = " + number_text(*value) : " was not reported");
      is_first = false;
    }
  }
  return text;
}

void Pruner::settle(const Now& now, Outbox& out) {
  const std::vector<TaskId> due = std::exchange(state_.evaluations_due, {});
  for (const TaskId id : due) {
    const auto found = state_.pipelines.find_task(id);
    if (found) judge(*found, now, out);
  }
  // What is pruned touches its pipeline, which is among these already.
  for (const PipelineId id : state_.touched) {
    PipelineRecord* record = state_.pipelines.find(id);
    if (record != nullptr) stop_if_enough(*record, now, out);
  }
}

void Pruner::judge(const FoundTask& evaluation, const Now& now, Outbox& out) {
  PipelineRecord& record = *evaluation.record;
  if (record.terminal() || evaluation.task->status != TaskStatus::kCompleted) return;
  const TaskPtr evaluated = evaluated_task(record, *evaluation.task);
  if (!evaluated) return;
  Evidence evidence(record, *evaluation.task, evaluated);
  const auto& rules = record.stop.when;
  const auto held = std::find_if(rules.begin(), rules.end(), [&](const domain::StopRule& rule) {
    return rule.holds([&](const std::string& metric) { return evidence.find(metric); });
  });
  if (held == rules.end()) return;
  std::vector<TaskPtr> tasks;
  for (TaskPtr& task : record.scheduler->below(std::vector{evaluated})) {
    // What an evaluation that runs will report is worth its end.
    const bool goes_on =
        task->status == TaskStatus::kRunning && task->type == TaskType::kEvaluation;
    if (!goes_on && can_be_given_up(record, *task)) tasks.push_back(std::move(task));
  }
  TasksPruned decision;
  decision.rule = static_cast<std::uint32_t>(held - rules.begin()) + 1;
  decision.evaluation = evaluation.task->id;
  decision.reason = reason_of(*held, evidence, *evaluation.task, *evaluated);
  prune(record, std::move(decision), std::move(tasks), now, out);
}

void Pruner::stop_if_enough(PipelineRecord& record, const Now& now, Outbox& out) {
  const StopRules& rules = record.stop;
  if (rules.after == 0 || rules.stopped() || record.workflows_completed < rules.after ||
      record.terminal()) {
    return;
  }
  std::vector<TaskPtr> tasks;
  for (const TaskPtr& task : record.pipeline->tasks) {
    if (can_be_given_up(record, *task)) tasks.push_back(task);
  }
  TasksPruned decision;
  decision.reason = "pruned: " + std::to_string(record.workflows_completed) +
                    " workflows are complete, and " + std::to_string(rules.after) +
                    " were wanted (stop_after)";
  prune(record, std::move(decision), std::move(tasks), now, out);
}

void Pruner::prune(PipelineRecord& record, TasksPruned decision, std::vector<TaskPtr> tasks,
                   const Now& now, Outbox& out) {
  // That a pipeline has done enough is worth a record in any case: it is decided once.
  if (tasks.empty() && decision.rule != 0) return;
  // Dependents first: what one record cancels must not skip what the next one is to cancel.
  std::sort(tasks.begin(), tasks.end(),
            [](const TaskPtr& a, const TaskPtr& b) { return a->id > b->id; });
  std::vector<TaskPtr> running;
  for (const TaskPtr& task : tasks) {
    if (task->status == TaskStatus::kRunning) running.push_back(task);
  }
  decision.pipeline = record.id();
  decision.at = now.wall.unix_ms;
  for (std::size_t begin = 0; begin == 0 || begin < tasks.size(); begin += kPrunedPerRecordMax) {
    TasksPruned part = decision;
    part.first = begin == 0;
    const std::size_t end = std::min(begin + kPrunedPerRecordMax, tasks.size());
    for (std::size_t i = begin; i < end; ++i) {
      part.tasks.push_back(tasks[i]->id);
      add_saved(record, *tasks[i], now, part);
    }
    ledger_.commit(std::move(part), now, out);
  }
  static_cast<void>(lifecycle_.give_up(record, running, now, out));
}

/// Of what runs, the rest.
void Pruner::add_saved(const PipelineRecord& record, const domain::Task& task, const Now& now,
                       TasksPruned& decision) const {
  const auto expected = state_.times.expected(task.tool->name);
  if (!expected) {
    ++decision.unknown;
    return;
  }
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*expected).count();
  const TaskRun* run = record.find_run(task.id);
  if (task.status == TaskStatus::kRunning && run->attempts.back().started_at > 0) {
    left -= std::clamp<std::int64_t>(now.wall.unix_ms - run->attempts.back().started_at, 0, left);
  }
  decision.saved_ms += static_cast<std::uint64_t>(left);
  decision.gpu_ms +=
      static_cast<std::uint64_t>(left) * std::uint64_t{task.options->resources.gpus_milli} / 1000;
}

}  // namespace landseer::broker
