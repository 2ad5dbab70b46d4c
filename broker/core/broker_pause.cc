/// What clients hold back: pipelines, and parts of them.
#include <algorithm>

#include "broker/core/broker.h"
#include "broker/core/parts.h"
#include "broker/core/pauses.h"

namespace landseer::broker {
namespace {

using domain::TaskPtr;
using domain::TaskStatus;

constexpr std::size_t kReasonsShown = 3;

const char* verb(bool paused) { return paused ? "pause " : "resume "; }

Result<void> may_pause(const PipelineRecord& record, bool paused) {
  const std::string id = to_string(record.id());
  if (record.terminal()) {
    return fail(
        ErrorCode::kConflict,
        "cannot " + (verb(paused) + id) + ": it is " + std::string(to_string(record.state())), id,
        "`landseer retry " + id + "` runs what failed again");
  }
  if (!paused || !record.cancel_requested) return {};
  // Nothing of it is left to hold back.
  return fail(ErrorCode::kConflict, "cannot pause " + id + ": it is being cancelled", id,
              "`landseer wait " + id + "`");
}

Result<void> check_part(const PipelineRecord& record, const protocol::PausePart& m) {
  const protocol::Selection& what = m.what;
  const std::string id = to_string(record.id());
  if (what.pruned) {
    return fail(ErrorCode::kInvalid, "what was pruned cannot be paused", "request",
                "check the client");
  }
  if (number(what.task) == 0) return may_pause(record, m.paused);
  const std::string task = to_string(what.task);
  if (number(what.pipeline) != 0 && what.pipeline != record.id()) {
    return fail(ErrorCode::kInvalid,
                task + " belongs to " + id + ", not to " + to_string(what.pipeline), task,
                "name the pipeline that it belongs to");
  }
  const TaskStatus status = record.scheduler->find_task(what.task)->status;
  if (!m.paused || !domain::is_terminal(status)) return may_pause(record, m.paused);
  return fail(ErrorCode::kConflict,
              "cannot pause " + task + ": it is " + std::string(to_string(status)), task,
              "only pending and running tasks can be paused");
}

/// A pipeline remembers so many separate pauses.
Error too_many(const PipelineRecord& record) {
  const std::string id = to_string(record.id());
  return {ErrorCode::kLimit,
          "more than " + std::to_string(kPausedToolsMax) + " tools, " +
              std::to_string(kPausedRangesMax) + " separate ranges of workflows or " +
              std::to_string(kPausedTasksMax) + " tasks of " + id + " would be paused one by one",
          id, "pause wider ranges, tools, or the pipeline"};
}

void count(const PipelineRecord& record, const TaskPtr& task, bool was_paused,
           const protocol::PausePart& m, protocol::PartPaused& sum) {
  if (task->status == TaskStatus::kRunning) ++sum.running;
  if (task->status != TaskStatus::kPending) return;
  const bool is_paused = record.scheduler->is_paused(task->id);
  if (m.paused) {
    ++(is_paused ? sum.tasks : sum.shared);
  } else if (!is_paused) {
    sum.tasks += std::uint64_t{was_paused};
  } else {
    ++sum.still_paused;
    for (const auto& [text, resume] : why_held_back(record, *task)) {
      const std::string why = text + ": " + resume;
      const bool is_known = std::find(sum.why.begin(), sum.why.end(), why) != sum.why.end();
      if (!is_known && sum.why.size() < kReasonsShown) sum.why.push_back(why);
    }
  }
}

}  // namespace

void Broker::on_client(const FromClientPeer& from, const protocol::Pause& m, const Now& now,
                       Outbox& out) {
  auto paused = pause(m, now, out);
  if (paused) {
    reply(from, *paused, out);
  } else {
    reply_error(from, paused.error(), out);
  }
}

Result<protocol::Paused> Broker::pause(const protocol::Pause& m, const Now& now, Outbox& out) {
  PipelineRecord* record = state_.pipelines.find(m.pipeline);
  if (record == nullptr) return tl::make_unexpected(no_pipeline(m.pipeline));
  const bool changed = record->paused != m.paused;
  if (auto good = may_pause(*record, m.paused && changed); !good) {
    return tl::make_unexpected(good.error());
  }
  if (changed) ledger_.commit(PauseChanged{m.pipeline, m.paused, now.wall.unix_ms}, now, out);
  return protocol::Paused{changed, record->scheduler->get_progress().running};
}

void Broker::on_client(const FromClientPeer& from, const protocol::PausePart& m, const Now& now,
                       Outbox& out) {
  auto paused = pause_part(m, now, out);
  if (paused) {
    reply(from, *paused, out);
  } else {
    reply_error(from, paused.error(), out);
  }
}

Result<protocol::PartPaused> Broker::pause_part(const protocol::PausePart& m, const Now& now,
                                                Outbox& out) {
  const auto found = find_part(m.what);
  if (!found) return tl::make_unexpected(found.error());
  PipelineRecord& record = **found;
  if (auto good = check_part(record, m); !good) return tl::make_unexpected(good.error());
  protocol::PartPaused sum;
  sum.pipeline = record.id();
  const bool is_whole = number(m.what.task) == 0 && m.what.tool.empty() && m.what.workflows.empty();
  if (is_whole && (m.paused || !m.everything)) {
    const auto done = pause({record.id(), m.paused}, now, out);
    if (!done) return tl::make_unexpected(done.error());
    sum.changed = done->changed;
    sum.running = done->running;
    sum.pipeline_paused = record.paused;
    sum.still_paused = record.scheduler->paused_count();
    return sum;
  }
  const PartPauseChanged change{record.id(),      m.what.task, m.what.tool,
                                m.what.workflows, m.paused,    now.wall.unix_ms};
  sum.changed = has_effect(record, change);
  if (sum.changed && !is_within_limits(record, change)) {
    return tl::make_unexpected(too_many(record));
  }
  const std::vector<TaskPtr> tasks = tasks_of_change(record, change);
  std::vector<bool> were_paused;
  for (const TaskPtr& task : tasks) were_paused.push_back(record.scheduler->is_paused(task->id));
  if (sum.changed) ledger_.commit(change, now, out);
  for (std::size_t i = 0; i < tasks.size(); ++i) count(record, tasks[i], were_paused[i], m, sum);
  sum.pipeline_paused = record.paused;
  return sum;
}

}  // namespace landseer::broker
