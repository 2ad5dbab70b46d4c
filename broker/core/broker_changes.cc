/// Clients that follow all changes, and all attempts of a pipeline.
#include <algorithm>
#include <set>
#include <unordered_set>

#include "broker/core/broker.h"
#include "broker/core/rights.h"
#include "common/protocol/limits.h"

namespace landseer::broker {
namespace {

/// Changes looked at for one reply: most are about tasks that changed several times.
constexpr std::uint64_t kChangesPerReply = 16'384;
/// Rows stay well below the frame limit even with long reasons.
constexpr std::size_t kReplyBytesMax = 2 * 1024 * 1024;
constexpr std::size_t kRowBytes = 300;

protocol::AttemptRow without_log(protocol::AttemptRow row) {
  row.log_tail.clear();
  return row;
}

/// The end of the change list: what the pipelines named are now.
void add_pipelines(const State& state, const std::set<PipelineId>& pipelines,
                   protocol::ChangeList& list) {
  for (const PipelineId id : pipelines) {
    if (const PipelineRecord* record = state.pipelines.find(id)) {
      list.pipelines.push_back(pipeline_row(*record));
    } else {
      list.forgotten.push_back(id);
    }
  }
}

protocol::TaskChange task_change(const State& state, const FoundTask& found, const Caller& caller) {
  protocol::TaskChange change{task_row(state, *found.record, *found.task, caller), {}};
  change.row.dependencies.clear();
  change.row.workflows.clear();
  const TaskRun* run = found.record->find_run(found.task->id);
  if (run != nullptr && !run->attempts.empty()) {
    change.last = without_log(attempt_row(state, run->attempts.back(), caller));
  }
  return change;
}

bool is_for(const Caller& caller, const State& state, PipelineId pipeline) {
  if (sees_all(caller)) return true;
  if (const PipelineRecord* record = state.pipelines.find(pipeline)) return sees(caller, *record);
  const std::string* owner = state.changes.owner_of_forgotten(pipeline);
  return owner != nullptr && *owner == caller.acts_for;
}

/// Without what is about pipelines that the caller does not see.
protocol::ChangeList change_list(const State& state, const Caller& caller, std::uint64_t after) {
  protocol::ChangeList list;
  list.position = state.changes.end();
  list.reset = !state.changes.remembers(after);
  if (list.reset) return list;
  const std::uint64_t end = std::min(state.changes.end(), after + kChangesPerReply);
  std::unordered_set<TaskId> tasks;
  std::set<PipelineId> pipelines;
  std::size_t bytes = 0;
  std::uint64_t at = after;
  for (; at < end && bytes < kReplyBytesMax; ++at) {
    if (std::max(tasks.size(), pipelines.size()) >= protocol::kPageRowsMax) break;
    const Change& change = state.changes.at(at);
    if (!is_for(caller, state, change.pipeline)) continue;
    pipelines.insert(change.pipeline);
    if (number(change.task) == 0 || !tasks.insert(change.task).second) continue;
    const auto found = state.pipelines.find_task(change.task);
    if (!found) continue;
    list.tasks.push_back(task_change(state, *found, caller));
    const protocol::TaskChange& last = list.tasks.back();
    bytes += kRowBytes + 2 * last.row.reason.size() + last.row.metrics.size();
  }
  list.position = at;
  add_pipelines(state, pipelines, list);
  return list;
}

}  // namespace

void Broker::on_client(const FromClientPeer& from, const protocol::GetChanges& m, const Now& now,
                       Outbox& out) {
  const bool is_news = m.after != state_.changes.end();
  const bool has_room = watchers_.size() + followers_.size() < protocol::kClientsMax;
  if (is_news || m.wait_ms == 0 || !has_room) {
    reply(from, change_list(state_, from.caller, m.after), out);
    return;
  }
  const Duration wait = std::min<Duration>(std::chrono::milliseconds(m.wait_ms), kWatchReplyMax);
  followers_.emplace(now.instant + wait, Follower{from.peer, from.number, m.after, from.caller});
}

void Broker::answer_followers(const Now& now, Outbox& out) {
  const bool is_news = followers_told_ != state_.changes.end();
  followers_told_ = state_.changes.end();
  for (auto it = followers_.begin(); it != followers_.end();) {
    const auto& [deadline, follower] = *it;
    const bool is_due = deadline <= now.instant;
    if (!is_due && !is_news) return;  // nor are those behind it
    if (is_due || follower.after != state_.changes.end()) {
      out.to_clients.push_back(
          {follower.peer, follower.number, change_list(state_, follower.caller, follower.after)});
      it = followers_.erase(it);
    } else {
      ++it;
    }
  }
}

void Broker::on_client(const FromClientPeer& from, const protocol::ListAttempts& m, const Now&,
                       Outbox& out) {
  const PipelineRecord* record = state_.pipelines.find(m.pipeline);
  if (record == nullptr) return reply_error(from, no_pipeline(m.pipeline), out);
  protocol::AttemptList list;
  const auto& tasks = record->pipeline->tasks;
  const std::uint64_t limit =
      m.limit == 0 ? protocol::kPageRowsMax : std::min(m.limit, protocol::kPageRowsMax);
  const std::uint64_t end = std::min<std::uint64_t>(m.offset + limit, tasks.size());
  std::size_t bytes = 0;
  std::uint64_t i = std::min<std::uint64_t>(m.offset, tasks.size());
  for (; i < end && bytes < kReplyBytesMax; ++i) {
    const TaskRun* run = record->find_run(tasks[i]->id);
    if (run == nullptr) continue;
    for (const protocol::AttemptRow& attempt : run->attempts) {
      list.rows.push_back({tasks[i]->id, without_log(attempt_row(state_, attempt, from.caller))});
      bytes += kRowBytes + attempt.reason.size();
    }
  }
  list.next_offset = i < tasks.size() ? i : 0;
  reply(from, std::move(list), out);
}

}  // namespace landseer::broker
