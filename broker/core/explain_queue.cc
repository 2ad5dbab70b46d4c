/// Where a ready task is in line: what placement looks at before it, for workers that could run
/// both.
#include <algorithm>
#include <map>

#include "broker/core/explain_parts.h"

namespace landseer::broker {
namespace {

using domain::ReadyQueue;

/// Tasks counted. Whoever has so many ahead waits for long, however many they are.
constexpr std::size_t kAheadMax = 1000;
/// Requests looked at, over all pipelines.
constexpr std::size_t kRequestsMax = 2000;
/// Workers by which it is told whether two requests compete.
constexpr std::size_t kWorkersAsked = 16;
constexpr std::size_t kTasksShown = 5;
constexpr std::size_t kPipelinesShown = 10;

class Line {
 public:
  Line(const Question& question, protocol::Explanation& out) : question_(question), out_(out) {
    for (const auto& [id, worker] : question.state.workers.all()) {
      if (workers_.size() >= kWorkersAsked) break;
      if (worker.takes_work() && worker.can_run(question.request())) workers_.push_back(&worker);
    }
  }

  /// Of those ahead: of owners that the caller does not see.
  std::uint64_t others() const { return others_; }
  /// False: nobody takes such tasks now, so there is no line.
  bool walk() {
    if (workers_.empty()) return false;
    for (const auto& [rank, id] : question_.state.pipelines.active()) {
      const PipelineRecord& record = *question_.state.pipelines.find(id);
      const bool is_own = &record == question_.found.record;
      if (!record.paused || is_own) add_pipeline(record, is_own);
      if (is_own || out_.ahead_is_least) break;
    }
    return true;
  }

 private:
  void add_pipeline(const PipelineRecord& record, bool is_own) {
    const auto end = is_own ? record.scheduler->entry_of(question_.found.task->id) : std::nullopt;
    std::vector<ReadyQueue::Entry> entries;
    for (const std::uint32_t request : record.scheduler->requests()) {
      if (++requests_ > kRequestsMax) {
        out_.ahead_is_least = true;
        break;
      }
      // Most requests of a pipeline that is almost done have nothing ready.
      if (record.scheduler->first_entries(request, 1, end).empty() || !competes(request)) continue;
      const std::size_t counted = out_.ahead + entries.size();
      const std::size_t rest = kAheadMax + 1 - std::min(kAheadMax + 1, counted);
      const auto first = record.scheduler->first_entries(request, rest, end);
      entries.insert(entries.end(), first.begin(), first.end());
    }
    if (!entries.empty()) add_entries(record, std::move(entries));
  }

  void add_entries(const PipelineRecord& record, std::vector<ReadyQueue::Entry> entries) {
    std::sort(entries.begin(), entries.end());
    if (out_.ahead + entries.size() > kAheadMax) {
      out_.ahead_is_least = true;
      entries.resize(kAheadMax - out_.ahead);
    }
    out_.ahead += entries.size();
    // Of other owners' work the number is told, and nothing else.
    if (!sees(question_.caller, record)) {
      others_ += entries.size();
      return;
    }
    if (out_.pipelines_ahead.size() < kPipelinesShown) {
      out_.pipelines_ahead.push_back({record.id(), entries.size()});
    }
    for (const ReadyQueue::Entry& entry : entries) {
      if (out_.first_ahead.size() >= kTasksShown) break;
      const domain::Task& task = *record.pipeline->tasks[entry.index];
      out_.first_ahead.push_back({task.id, record.id(), task.tool->name});
    }
  }

  bool competes(std::uint32_t request) {
    if (request == question_.found.task->request) return true;
    const auto [known, added] = competes_.emplace(request, false);
    const Request& other = question_.state.requests.at(request);
    if (added && other.runtime != kNoopRuntime) {
      known->second = std::any_of(workers_.begin(), workers_.end(),
                                  [&](const auto* worker) { return worker->can_run(other); });
    }
    return known->second;
  }

  const Question& question_;
  protocol::Explanation& out_;
  std::vector<const WorkerRecord*> workers_;
  std::map<std::uint32_t, bool> competes_;
  std::size_t requests_ = 0;
  std::uint64_t others_ = 0;
};

std::string sentence(const protocol::Explanation& out, std::uint64_t others) {
  std::string text = (out.ahead_is_least ? "more than " : "") + std::to_string(out.ahead) +
                     (out.ahead == 1 ? " task is" : " tasks are") +
                     " ahead of it for the same workers";
  for (std::size_t i = 0; i < out.first_ahead.size(); ++i) {
    const protocol::TaskAhead& task = out.first_ahead[i];
    text += (i == 0 ? ": " : ", ") + to_string(task.task) + " (" + task.tool + ")";
  }
  if (!out.first_ahead.empty() && out.first_ahead.size() < out.ahead) text += ", ...";
  text += "; of ";
  for (std::size_t i = 0; i < out.pipelines_ahead.size(); ++i) {
    const protocol::PipelineAhead& of = out.pipelines_ahead[i];
    text += (i == 0 ? "" : ", ") + to_string(of.pipeline) + " (" + std::to_string(of.tasks) + ")";
  }
  if (others == 0) return text;
  return text + (out.pipelines_ahead.empty() ? "" : ", ") + "other owners (" +
         std::to_string(others) + ")";
}

}  // namespace

void explain_queue(const Question& question, protocol::Explanation& out) {
  if (question.found.record->paused || question.request().runtime == kNoopRuntime) return;
  Line line(question, out);
  out.queued = line.walk();
  if (out.ahead > 0) out.reasons.push_back(sentence(out, line.others()));
}

}  // namespace landseer::broker
