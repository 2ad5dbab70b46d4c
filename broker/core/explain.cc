#include "broker/core/explain.h"

#include <algorithm>

#include "broker/core/pruner.h"
#include "broker/core/queries.h"
#include "broker/core/request_text.h"
#include "common/base/units.h"

namespace landseer::broker {
namespace {

using domain::TaskStatus;

constexpr std::size_t kWorkersShown = 20;
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

/// What of the request this worker lacks for ever, or for now.
std::string shortage(const WorkerRecord& worker, const Request& request) {
  const auto& needs = request.resources;
  const auto lacks = [](const std::string& what, const std::string& has, const std::string& wants) {
    return has + " " + what + ", it asks for " + wants;
  };
  if (!worker.can_run(request)) {
    if (needs.cpus_milli > worker.offer.cpus_milli) {
      return lacks("CPUs", "has " + milli_text(worker.offer.cpus_milli),
                   milli_text(needs.cpus_milli));
    }
    if (needs.memory_bytes > worker.offer.memory_bytes) {
      return lacks("of memory", "has " + format_bytes(worker.offer.memory_bytes),
                   format_bytes(needs.memory_bytes));
    }
    if (needs.gpus_milli > 0) {
      const std::string text = request_text(request);
      return "has " + std::to_string(worker.offer.gpus.size()) + " GPUs, it asks for " + text;
    }
    if (const std::string name = worker.missing_name(request); !name.empty()) {
      return "has the data set " + request.dataset + " without " + name + ", which it needs";
    }
    return "does not offer " + request_text(request);
  }
  const auto free = [](std::int64_t milli) {
    return "has " + milli_text(static_cast<std::uint64_t>(std::max<std::int64_t>(milli, 0)));
  };
  if (worker.cpus_free_milli < std::int64_t{needs.cpus_milli}) {
    return lacks("CPUs free", free(worker.cpus_free_milli), milli_text(needs.cpus_milli));
  }
  if (worker.gpus_free_milli < std::int64_t{needs.gpus_milli}) {
    return lacks("GPUs free", free(worker.gpus_free_milli), milli_text(needs.gpus_milli));
  }
  if (worker.memory_free_bytes < static_cast<std::int64_t>(needs.memory_bytes)) {
    const auto bytes = std::max<std::int64_t>(worker.memory_free_bytes, 0);
    return lacks("of memory free", "has " + format_bytes(static_cast<std::uint64_t>(bytes)),
                 format_bytes(needs.memory_bytes));
  }
  return {};
}

std::string obstacle(const WorkerRecord& worker, const Request& request, const FoundTask& found,
                     const Reuse& reuse) {
  if (std::string refusal = worker.refusal(); !refusal.empty()) return refusal;
  if (std::string lacks = shortage(worker, request); !lacks.empty()) return lacks;
  return reuse.contradiction(*found.record, *found.task, worker);
}

void explain_workers(const State& state, const Reuse& reuse, const FoundTask& found,
                     protocol::Explanation& out) {
  const Request& request = state.requests.at(found.task->request);
  std::size_t looked = 0;
  bool any_can = false;
  for (const auto& [id, worker] : state.workers.all()) {
    if (worker.state == WorkerState::kLost) continue;
    const std::string what = obstacle(worker, request, found, reuse);
    any_can = any_can || (worker.takes_work() && worker.can_run(request));
    if (++looked > kWorkersShown) continue;
    if (!what.empty()) out.reasons.push_back(worker.offer.name + " " + what);
  }
  if (looked > kWorkersShown) {
    out.reasons.push_back("and " + std::to_string(looked - kWorkersShown) + " more workers");
  }
  if (looked == 0) {
    out.summary = "it is ready, but no worker is connected; start one with landseer-worker";
  } else if (!any_can) {
    out.summary =
        "it is ready, but no connected worker can run what asks for " + request_text(request);
  } else {
    out.summary = "it is ready and waits for room; it asks for " + request_text(request);
  }
}

void explain_pending(const State& state, const Reuse& reuse, const FoundTask& found, const Now& now,
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
                 scheduler.is_ready(id) ? reuse.work_under_way(found) : std::nullopt) {
    out.summary =
        "it waits for " + to_string(*other) + " of another pipeline, which does the same work now";
  } else if (scheduler.is_held(id)) {
    const auto timer = std::find_if(state.held.begin(), state.held.end(),
                                    [&](const auto& entry) { return entry.second == id; });
    const Duration left = timer != state.held.end() ? timer->first - now.instant : Duration{};
    out.summary = "it waits " + format_duration(std::max(left, Duration::zero())) +
                  " before it is tried again";
  } else if (!scheduler.is_ready(id)) {
    explain_dependencies(found, out);
  } else {
    explain_workers(state, reuse, found, out);
    if (found.record->paused) out.summary = "it is ready, but its pipeline is paused";
  }
}

}  // namespace

protocol::Explanation explain(const State& state, const Reuse& reuse, Placement& placement,
                              const FoundTask& found, const Now& now) {
  static_cast<void>(placement);
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
      explain_pending(state, reuse, found, now, out);
      break;
    case TaskStatus::kRunning:
      out.summary = "it runs on " + run->attempts.back().worker;
      break;
    case TaskStatus::kCompleted:
      out.summary = "it ran on " + (run != nullptr ? run->attempts.back().worker : "a worker");
      if (std::string why = why_no_rule_holds(*found.record, *found.task); !why.empty()) {
        out.reasons.push_back(std::move(why));
      }
      break;
    default:
      out.summary = "it is " + std::string(to_string(found.task->status)) +
                    (found.task->reason.empty() ? "" : ": " + found.task->reason);
  }
  explain_miss(state, found, out);
  return out;
}

}  // namespace landseer::broker
