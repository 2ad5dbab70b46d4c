/// What clients decide about pipelines that exist: cancelling and retrying.
#include "broker/core/broker.h"

namespace landseer::broker {
namespace {

/// Why a pipeline has nothing to retry, and what to do about it.
Error nothing_to_retry(const PipelineRecord& record) {
  const std::string id = to_string(record.id());
  const domain::Progress progress = record.scheduler->get_progress();
  std::string message = "there is nothing to retry in " + id + ": no task failed";
  std::string hint = "`landseer status " + id + "` shows how far it is";
  if (progress.cancelled > 0) {
    message += "; " + std::to_string(progress.cancelled) + " were cancelled one by one";
    hint = "name them: `landseer retry TASK`, see `landseer tasks " + id + " --status cancelled`";
  }
  return {ErrorCode::kConflict, message, id, hint};
}

}  // namespace

void Broker::on_client(const FromClientPeer& from, const protocol::Cancel& m, const Now& now,
                       Outbox& out) {
  auto cancelled = cancel(m, now, out);
  if (cancelled) {
    reply(from, *cancelled, out);
  } else {
    reply_error(from, cancelled.error(), out);
  }
}

Result<PipelineRecord*> Broker::may_cancel(const protocol::Cancel& m) {
  auto record = find_target(m.pipeline, m.task);
  if (!record) return record;
  if (number(m.pipeline) != 0) {
    if (!(*record)->terminal()) return record;
    return fail(ErrorCode::kConflict,
                "cannot cancel " + to_string(m.pipeline) + ": it is " +
                    std::string(to_string((*record)->state())),
                to_string(m.pipeline), "only pipelines that are not finished can be cancelled");
  }
  const domain::TaskPtr task = (*record)->scheduler->find_task(m.task);
  if (!domain::is_terminal(task->status)) return record;
  return fail(
      ErrorCode::kConflict,
      "cannot cancel " + to_string(m.task) + ": it is " + std::string(to_string(task->status)),
      to_string(m.task), "only pending and running tasks can be cancelled");
}

Result<protocol::Cancelled> Broker::cancel(const protocol::Cancel& m, const Now& now, Outbox& out) {
  auto record = may_cancel(m);
  if (!record) return tl::make_unexpected(record.error());
  if (number(m.pipeline) != 0) return lifecycle_.cancel_pipeline(**record, now, out);
  return lifecycle_.cancel_task({*record, (*record)->scheduler->find_task(m.task)}, now, out);
}

void Broker::on_client(const FromClientPeer& from, const protocol::Retry& m, const Now& now,
                       Outbox& out) {
  auto retried = retry(m, now, out);
  if (retried) {
    reply(from, *retried, out);
  } else {
    reply_error(from, retried.error(), out);
  }
}

Result<protocol::Retried> Broker::retry(const protocol::Retry& m, const Now& now, Outbox& out) {
  auto record = find_target(m.pipeline, m.task);
  if (!record) return tl::make_unexpected(record.error());
  if (auto good = may_retry(**record); !good) return tl::make_unexpected(good.error());
  const RetryRequested request{m.pipeline, m.task, now.wall.unix_ms};
  const auto tasks = ledger_.retryable(request);
  if (!tasks) {
    Error error = tasks.error();
    error.hint += ". See `landseer tasks " + to_string((*record)->id()) + "`";
    return tl::make_unexpected(error);
  }
  if (tasks->empty()) return tl::make_unexpected(nothing_to_retry(**record));
  ledger_.commit(request, now, out);
  return protocol::Retried{tasks->size(), (*record)->paused};
}

Result<PipelineRecord*> Broker::find_target(PipelineId pipeline, TaskId task) {
  if ((number(pipeline) == 0) == (number(task) == 0)) {
    return fail(ErrorCode::kInvalid, "exactly one of pipeline and task must be named", "request",
                "check the client");
  }
  if (number(pipeline) != 0) {
    if (PipelineRecord* record = state_.pipelines.find(pipeline)) return record;
    return tl::make_unexpected(no_pipeline(pipeline));
  }
  if (const auto found = state_.pipelines.find_task(task)) return found->record;
  return tl::make_unexpected(no_task(task));
}

Result<void> Broker::may_retry(const PipelineRecord& record) const {
  const std::string id = to_string(record.id());
  if (record.cancel_requested && !record.terminal()) {
    return fail(ErrorCode::kConflict,
                id + " is being cancelled: attempts of it are still being stopped", id,
                "`landseer wait " + id + "`, then retry");
  }
  return record.terminal() ? has_room_for_more(record.owner, record.pipeline->tasks.size())
                           : Result<void>{};
}

}  // namespace landseer::broker
