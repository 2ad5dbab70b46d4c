#include "broker/core/explain.h"

#include <algorithm>
#include <map>

#include "broker/core/queries.h"
#include "broker/core/request_text.h"
#include "broker/core/requirements.h"
#include "common/base/units.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;

constexpr std::size_t kGroupsShown = 20;
constexpr std::size_t kNamesShown = 5;  // of workers in one position
constexpr std::size_t kDependenciesShown = 5;

std::string name_of(const PipelineRecord& record, const domain::Task& task) {
  return to_string(task.id) + " (" + task.tool->name + ") of " + to_string(record.id());
}

void explain_dependencies(const FoundTask& found, protocol::Explanation& out) {
  std::size_t waiting = 0;
  for (const TaskId id : found.task->dependencies) {
    const domain::TaskPtr above = found.record->scheduler->find_task(id);
    if (above->status == TaskStatus::kCompleted) continue;
    if (++waiting > kDependenciesShown) continue;
    out.reasons.push_back("its dependency " + to_string(id) + " (" + above->tool->name + ") is " +
                          std::string(to_string(above->status)));
  }
  if (waiting > kDependenciesShown) {
    out.reasons.push_back("and " + std::to_string(waiting - kDependenciesShown) + " more");
  }
  if (waiting > 0) out.summary = "it waits for what it depends on";
}

struct Sources {
  const Reuse& reuse;
  Placement& placement;
  const Now& now;
};

/// `is kept free for task_9 (train), which should start there in 12m00s`.
std::string kept_text(const State& state, const Reservation& kept, const Now& now) {
  const auto found = state.pipelines.find_task(kept.task);
  const Duration left = kept.start - now.instant;
  return "is kept free for " + to_string(kept.task) +
         (found ? " (" + found->task->tool->name + ")" : "") + ", which should start there " +
         (left > Duration::zero() ? "in " + format_duration(left) : "any moment");
}

/// Every condition that keeps this worker from running it now; empty: none does.
std::string obstacles(const State& state, const WorkerRecord& worker, const FoundTask& found,
                      const Sources& from) {
  const Request& request = state.requests.at(found.task->request);
  std::vector<std::string> texts;
  if (std::string refusal = worker.refusal(); !refusal.empty()) texts.push_back(refusal);
  const auto ever = unmet_ever(worker, request);
  for (const Unmet& unmet : ever) texts.push_back(unmet.text);
  if (ever.empty()) {
    for (std::string& text : unmet_now(worker, request)) texts.push_back(std::move(text));
    std::string other = from.reuse.contradiction(*found.record, *found.task, worker);
    if (!other.empty()) texts.push_back(std::move(other));
    const Reservations& kept = from.placement.reservations();
    if (texts.empty() && !kept.allows(worker, found, from.now)) {
      texts.push_back(kept_text(state, *kept.at(worker.id), from.now) + "; this one may take " +
                      format_duration(expected_run(state, *found.task)) +
                      ", or would not leave it enough");
    }
  }
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : "; ") + text;
  return all;
}

/// Workers in the same position are told of together.
void explain_workers(const State& state, const Sources& from, const FoundTask& found,
                     protocol::Explanation& out) {
  const Request& request = state.requests.at(found.task->request);
  struct Group {
    std::string names;
    std::size_t count = 0;
  };
  std::map<std::string, Group> groups;
  std::vector<std::string> order;
  std::size_t looked = 0;
  bool any_can = false;
  for (const auto& [id, worker] : state.workers.all()) {
    if (worker.state == WorkerState::kLost) continue;
    ++looked;
    any_can = any_can || (worker.takes_work() && worker.can_run(request));
    const std::string what = obstacles(state, worker, found, from);
    if (what.empty()) continue;
    Group& group = groups[what];
    if (group.count == 0) order.push_back(what);
    if (++group.count <= kNamesShown) {
      group.names += (group.names.empty() ? "" : ", ") + worker.offer.name;
    }
  }
  for (const Unmet& unmet : unmet_shared_ever(state, request)) {
    out.reasons.push_back("the broker " + unmet.text);
  }
  for (std::string& text : unmet_shared_now(state, request)) {
    out.reasons.push_back(std::move(text));
  }
  for (std::size_t i = 0; i < std::min(order.size(), kGroupsShown); ++i) {
    const Group& group = groups[order[i]];
    const std::string more = group.count > kNamesShown
                                 ? " and " + std::to_string(group.count - kNamesShown) + " more"
                                 : "";
    const std::string each = group.count > 1 ? "each " : "";
    out.reasons.push_back(group.names + more + " " + each + order[i]);
  }
  if (const Reservation* kept = from.placement.reservations().find(found.task->request)) {
    const WorkerRecord* worker = state.workers.find(kept->worker);
    const Duration left = kept->start - from.now.instant;
    if (worker != nullptr) {
      out.reasons.push_back("room is kept at " + worker->offer.name + ", where " +
                            (kept->task == found.task->id ? "it" : to_string(kept->task)) +
                            " should start " +
                            (left > Duration::zero() ? "in " + format_duration(left)
                                                     : "any moment"));
    }
  }
  if (order.size() > kGroupsShown) {
    out.reasons.push_back("and " + std::to_string(order.size() - kGroupsShown) +
                          " more kinds of worker");
  }
  if (looked == 0) {
    out.summary = "it is ready, but no worker is connected; start one with landseer-worker";
  } else if (const std::string never = impossible_text(state, found.task->request);
             !never.empty()) {
    out.summary = "it is ready, but " + never;
  } else if (!any_can) {
    out.summary =
        "it is ready, but no connected worker can run what asks for " + request_text(request);
  } else {
    out.summary = "it is ready and waits for room; it asks for " + request_text(request);
  }
}

void explain_pending(const State& state, const Sources& from, const FoundTask& found,
                     protocol::Explanation& out) {
  const auto& scheduler = *found.record->scheduler;
  const TaskId id = found.task->id;
  if (found.record->paused) {
    out.reasons.push_back(to_string(found.record->id()) + " is paused: `landseer resume " +
                          to_string(found.record->id()) + "`");
  }
  if (const auto joined = state.joined.find(id); joined != state.joined.end()) {
    out.summary = "it waits for " + to_string(joined->second) +
                  " of another pipeline, which does the same work now";
  } else if (const auto other =
                 scheduler.is_ready(id) ? from.reuse.work_under_way(found) : std::nullopt) {
    out.summary =
        "it waits for " + to_string(*other) + " of another pipeline, which does the same work now";
  } else if (scheduler.is_held(id)) {
    const auto timer = std::find_if(state.held.begin(), state.held.end(),
                                    [&](const auto& entry) { return entry.second == id; });
    const Duration left = timer != state.held.end() ? timer->first - from.now.instant : Duration{};
    out.summary = "it waits " + format_duration(std::max(left, Duration::zero())) +
                  " before it is tried again";
  } else if (!scheduler.is_ready(id)) {
    explain_dependencies(found, out);
  } else {
    explain_workers(state, from, found, out);
    if (found.record->paused) out.summary = "it is ready, but its pipeline is paused";
  }
}

}  // namespace

protocol::Explanation explain(const State& state, const Reuse& reuse, Placement& placement,
                              const FoundTask& found, const Now& now) {
  protocol::Explanation out;
  out.row = task_row(state, *found.record, *found.task);
  const TaskRun* run = found.record->find_run(found.task->id);
  if (found.task->cached && run != nullptr) {
    const auto source = state.pipelines.find_task(run->cached_from);
    out.summary = "it did not run: its result is that of " +
                  (source ? name_of(*source->record, *source->task) : to_string(run->cached_from)) +
                  ", with the same key, contents and inputs";
    return out;
  }
  switch (found.task->status) {
    case TaskStatus::kPending:
      explain_pending(state, {reuse, placement, now}, found, out);
      break;
    case TaskStatus::kRunning:
      out.summary = "it runs on " + run->attempts.back().worker;
      break;
    case TaskStatus::kCompleted:
      out.summary = "it ran on " + (run != nullptr ? run->attempts.back().worker : "a worker");
      break;
    default:
      out.summary = "it is " + std::string(to_string(found.task->status)) +
                    (found.task->reason.empty() ? "" : ": " + found.task->reason);
  }
  explain_miss(state, found, out);
  return out;
}

}  // namespace landseer::broker
